"""What clips two versions of a story differ in, found by looking: what an edit leaves alone is the same object."""

from __future__ import annotations

from typing import NamedTuple

from engine.story.model import Clip, Story


class Come(NamedTuple):
    """A clip that is new, another one than before, or has another one above it. row: in its track, from 0."""

    track: str
    row: int
    clip: Clip


class Difference(NamedTuple):
    """What is gone, and what has come; a clip that is another one now is in both."""

    gone: tuple[Clip, ...]
    come: tuple[Come, ...]


def difference(before: Story | None, after: Story) -> Difference:
    """Return in which clips two versions differ; None: there was nothing."""
    old = {track.id: track.clips for track in before.tracks} if before is not None else {}
    gone: list[Clip] = []
    come: list[Come] = []
    for track in after.tracks:
        clips = old.pop(track.id, ())
        if clips is not track.clips:
            for first, last, end in _stretches(clips, track.clips):
                gone.extend(clips[first:last])
                below = end < len(track.clips)
                come.extend(Come(track.id, i, track.clips[i]) for i in range(first, end + below))
    for clips in old.values():
        gone.extend(clips)
    return Difference(tuple(gone), tuple(come))


def _stretches(before: tuple[Clip, ...], after: tuple[Clip, ...]) -> list[tuple[int, int, int]]:
    """Return the stretches that differ: from where, and to where before and after."""
    if len(before) == len(after):
        return [(i, i + 1, i + 1) for i, (was, now) in enumerate(zip(before, after, strict=True)) if was is not now]
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] is not after[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if before[-1 - i] is not after[-1 - i]), rest)
    return [(head, len(before) - tail, len(after) - tail)]
