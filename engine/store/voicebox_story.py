"""A story of Voicebox as one of ours: a folder with the story and every sound that it plays."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.errors import StoryError
from engine.params import CLIP_GAIN
from engine.store.media import sound_of
from engine.store.voicebox import Folder, Record
from engine.story.document import StoryDocument
from engine.story.model import At, Clip, Story, Track

RATE = 48_000
MEDIA = "media"

Leave = Callable[[str], object]
"""Hears what has no counterpart."""


def write_story(source: Folder, row: Record, name: str, folder: Path, leave: Leave) -> Path:
    """Write a story with its sounds into a new folder; return its file. Raises StoryError, MediaError."""
    target = folder / "story.yaml"
    if target.exists():
        raise StoryError(f"{target} is there already")
    items = source.rows_of("story_items", "story_id", row.get("id"))
    if not items:
        raise StoryError("it is empty")
    if row.get("description"):
        leave(f"its description ({str(row['description'])[:60]!r})")
    tracks: dict[int, list[Clip]] = {}
    for number, item in enumerate(sorted(items, key=lambda item: item.get("start_time_ms") or 0), 1):
        for clip in _clip(source, item, number, folder, leave):
            tracks.setdefault(int(item.get("track") or 0), []).append(clip)
    story = Story(
        title=name,
        sample_rate=RATE,
        tracks=tuple(
            Track(id=f"track-{number}", name=f"Track {number}", clips=tuple(clips))
            for number, clips in sorted(tracks.items())
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    StoryDocument.create(target, story)
    return target


def _clip(source: Folder, item: Record, number: int, folder: Path, leave: Leave) -> Iterator[Clip]:
    generation = next(iter(source.rows_of("generations", "id", item.get("generation_id"))), {})
    what = f"clip {number} at {item.get('start_time_ms')} ms"
    path = source.file(_sound(source, item, generation, lambda why: leave(f"{what}: {why}")))
    if path is None:
        leave(f"{what}: its sound is not in the folder")
        return
    sound = sound_of(path, path.name)
    length, start, end = _trim(sound.frames / sound.sample_rate, item)
    if start + end >= length:
        leave(f"{what}: nothing is left of it between its trims")
        return
    place = folder / MEDIA / f"{sound.sha256[:16]}{sound.suffix}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    volume = float(1.0 if item.get("volume") is None else item["volume"])
    gain = CLIP_GAIN.low if volume <= 0.0 else 20.0 * math.log10(volume)
    yield Clip(
        id=f"clip-{number}",
        start=At(frame=max(0, round(float(item.get("start_time_ms") or 0) * RATE / 1000))),
        name=str(generation.get("text") or "")[:60],
        audio=f"{MEDIA}/{place.name}",
        trim_start_frames=start,
        length_frames=length - start - end if end else None,
        gain_db=round(min(max(gain, CLIP_GAIN.low), CLIP_GAIN.high), 3),
        mute=volume <= 0.0,
    )


def _sound(source: Folder, item: Record, generation: Record, leave: Leave) -> object:
    """Return the sound of the version that the clip plays, or of the default one, or of the generation."""
    versions = source.rows_of("generation_versions", "generation_id", item.get("generation_id"))
    chosen = [v for v in versions if item.get("version_id") is not None and v.get("id") == item["version_id"]]
    if item.get("version_id") is not None and not chosen:
        leave(f"its version {item['version_id']!r} is not there; the default one plays instead")
    chosen = chosen or [v for v in versions if v.get("is_default")]
    return chosen[0].get("audio_path") if chosen else generation.get("audio_path")


def _trim(seconds: float, item: Record) -> tuple[int, int, int]:
    """Return how long a sound is and what is cut at both ends, in frames of the story."""
    cuts = (max(0.0, float(item.get(f"trim_{end}_ms") or 0)) for end in ("start", "end"))
    start, end = (round(ms * RATE / 1000) for ms in cuts)
    return round(seconds * RATE), start, end
