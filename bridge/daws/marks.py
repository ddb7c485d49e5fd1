"""Markers and regions of a DAW as markers of a story: a file of tab-separated lines ``seconds, end seconds, name``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bridge.daws.lines import rows_of, slug, unescaped
from engine.errors import MediaError
from engine.story.model import RESERVED_IDS, At, Marker, Story


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A marker, or where a region begins, from the start of the story."""

    seconds: float
    name: str


def read_marks(path: Path) -> tuple[Mark, ...]:
    """Return the marks of a file. Raises MediaError for a line that is none."""
    rows = rows_of(path, "a list of markers")
    return tuple(_mark(path, number, row) for number, row in enumerate(rows, 1) if row.strip())


def _mark(path: Path, number: int, row: str) -> Mark:
    try:
        start, _, name = row.split("\t")
        seconds = float(start)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise MediaError(f"{path}, line {number}: start and end in seconds and a name, tabs between; got {row!r}")
    return Mark(seconds=seconds, name=" ".join(unescaped(name).split()))


def with_marks(story: Story, marks: Iterable[Mark], frames: dict[str, int]) -> tuple[Story, tuple[str, ...]]:
    """Return the story with its markers where the marks are, and what has changed, told in words.

    frames: where the story's markers lie now. A mark moves the marker of its name (or of its id), a name that is new
    becomes a marker, those without a name and before the start are left out. No marker is taken away.
    """
    markers, told = list(story.markers), []
    left = list(range(len(markers)))
    taken = {m.id for m in markers} | RESERVED_IDS
    for mark in sorted(marks, key=lambda mark: mark.seconds):
        if not mark.name or mark.seconds < 0:
            told.append(f"left out: {mark.name or 'a marker without a name'} at {mark.seconds:g} s")
            continue
        frame = round(mark.seconds * story.sample_rate)
        place = next((i for i in left if mark.name in (markers[i].name, markers[i].id)), None)
        if place is None:
            marker_id = _unique(mark.name, taken)
            markers.append(Marker(id=marker_id, name=mark.name, at=At(frame=frame)))
            told.append(f"new: {mark.name} at {mark.seconds:g} s")
            continue
        left.remove(place)
        if abs(frames.get(markers[place].id, -10) - frame) > 1:  # one frame is a DAW's rounding
            markers[place] = msgspec.structs.replace(markers[place], at=At(frame=frame))
            told.append(f"moved: {mark.name} to {mark.seconds:g} s")
    return msgspec.structs.replace(story, markers=tuple(markers)), tuple(told)


def _unique(name: str, taken: set[str]) -> str:
    base = slug(name) or "marker"
    found, number = base, 2
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    taken.add(found)
    return found
