"""Reimport: the file of an edited session and a story give the edited story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from engine.errors import MediaError
from engine.export.comeback import dawproject, live, reaper
from engine.export.comeback.edited import EditedClip
from engine.export.comeback.merge import Merged, merge
from engine.export.media import TakeFiles, find_media, source_of
from engine.story.model import Line, Story
from engine.voices.take import Take

READERS: Mapping[str, Callable[[Path, int], list[EditedClip]]] = {
    ".rpp": reaper.read,
    ".dawproject": dawproject.read,
    ".als": live.read,
}
"""By the ending of the file."""


def reimport(session: Path, story: Story, *, base_folder: Path, takes: Mapping[Line, Take], cache: TakeFiles) -> Merged:
    """Return ``story`` as it was edited in ``session``, and a report.

    The other arguments are those of export_story. Raises MediaError for a file that is no session.
    """
    read = READERS.get(session.suffix.lower())
    if read is None:
        raise MediaError(f"{session}: sessions that come back end in {', '.join(READERS)}")
    media = find_media(story, base_folder, takes, cache)
    clips = [clip for track in story.tracks for clip in track.clips]
    frames = {clip.id: media[source_of(clip)].frames for clip in clips}
    names = {clip.id: media[source_of(clip)].name for clip in clips}
    return merge(story, read(session, story.sample_rate), frames, names)
