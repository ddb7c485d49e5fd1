"""The plan: which lines a story needs spoken."""

from __future__ import annotations

from engine.render.digest import digest
from engine.render.locks import Locks
from engine.story.model import Line, SpeakLine, Story
from engine.story.slot_takes import slot_lines
from engine.voices.catalog import Catalog


def plan(story: Story) -> tuple[Line, ...]:
    """Return every line of clips, cues and slots once, in the story's order."""
    spoken = [clip.line for track in story.tracks for clip in track.clips if clip.line is not None]
    cues = [cue.target for each in story.cue_lists().values() for cue in each]
    slots = [line for slot in story.slots for line in slot_lines(story, slot)]
    return tuple(dict.fromkeys([*spoken, *(t.line for t in cues if isinstance(t, SpeakLine)), *slots]))


def digests(lines: tuple[Line, ...], catalog: Catalog, sample_rate: int, locks: Locks) -> dict[Line, str]:
    """Return under which digest the take of each line is, or would be, kept. Raises UnknownThing for a voice."""
    return {
        line: locks.get(line) or digest(line, catalog.get(line.voice), sample_rate, line.delivery.seed)
        for line in lines
    }
