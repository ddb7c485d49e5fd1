"""What clips two versions of a story differ in, found by looking: what an edit leaves alone is the same object."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
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
            move = moved(clips, track.clips)
            if move is not None:
                places = {move[1], move[1] + 1, move[0], move[0] + 1}
                come.extend(Come(track.id, i, track.clips[i]) for i in sorted(places) if i < len(track.clips))
                continue
            for first, last, end in _stretches(clips, track.clips):
                gone.extend(clips[first:last])
                below = end < len(track.clips)
                come.extend(Come(track.id, i, track.clips[i]) for i in range(first, end + below))
    for clips in old.values():
        gone.extend(clips)
    return Difference(tuple(gone), tuple(come))


def moved(before: Sequence[Clip], after: Sequence[Clip]) -> tuple[int, int] | None:
    """Return from where to where a single clip of a track was moved in its order; None: that is not what differs."""
    if len(before) != len(after):
        return None
    head = next((i for i in range(len(after)) if before[i] is not after[i]), None)
    if head is None:
        return None
    last = len(after) - 1 - next(i for i in range(len(after)) if before[-1 - i] is not after[-1 - i])
    if last == head:
        return None
    if after[head] is before[last] and _same(before[head:last], after[head + 1 : last + 1]):
        return last, head
    if after[last] is before[head] and _same(before[head + 1 : last + 1], after[head:last]):
        return head, last
    return None


def _same(some: Sequence[Clip], others: Sequence[Clip]) -> bool:
    return all(map(is_, some, others))


def _stretches(before: tuple[Clip, ...], after: tuple[Clip, ...]) -> list[tuple[int, int, int]]:
    """Return the stretches that differ: from where, and to where before and after."""
    if len(before) == len(after):
        return [(i, i + 1, i + 1) for i, (was, now) in enumerate(zip(before, after, strict=True)) if was is not now]
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] is not after[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if before[-1 - i] is not after[-1 - i]), rest)
    return [(head, len(before) - tail, len(after) - tail)]
