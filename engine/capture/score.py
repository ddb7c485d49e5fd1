"""The score: where each word of a voice is to be said, and how long, so that it keeps another speaker's timing. Pure.

A word begins where the captured one did and lasts as long, as far as its voice can be stretched within ``FASTEST`` and
``SLOWEST``. What is too long even then moves the next one, which pauses make up for; how far off it is, is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from engine.capture.pairs import Pair
from engine.voices.take import Word

FASTEST, SLOWEST = 1.6, 0.6
"""Beyond these speeds a word is hard to understand, or drawls."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the spoken take that is played as one: from ``start`` to ``end`` of it, at frame ``place``.

    frames: how long it becomes. wanted: the frame at which its first paired word was captured; ``said``: and at which
    it is said now.
    """

    start: int
    end: int
    place: int
    frames: int
    wanted: int
    said: int

    @property
    def speed(self) -> float:
        """How fast it is played."""
        return (self.end - self.start) / self.frames


class Residual(msgspec.Struct, frozen=True, kw_only=True):
    """How far words begin from where they were captured, in ms. words: how many were compared; left: captured ones that
    the voice did not say. fastest, slowest: speeds at which words are played."""

    words: int = 0
    left: int = 0
    median_ms: float = 0.0
    most_ms: float = 0.0
    fastest: float = 1.0
    slowest: float = 1.0


def score(pairs: Sequence[Pair], spoken: Sequence[Word]) -> tuple[Piece, ...]:
    """Return the pieces of a take that says ``spoken``, in order: none overlaps the next, none is left out."""
    return tuple(_score(pairs, _spans(pairs, spoken)))


def residual(pieces: Sequence[Piece], captured: int, sample_rate: int) -> Residual:
    """Return how well pieces keep the timing of ``captured`` words."""
    if not pieces:
        return Residual(left=captured)
    off = [abs(piece.said - piece.wanted) * 1000.0 / sample_rate for piece in pieces]
    speeds = [piece.speed for piece in pieces]
    return Residual(
        words=len(pieces),
        left=captured - len(pieces),
        median_ms=round(float(np.median(off)), 2),
        most_ms=round(max(off), 2),
        fastest=round(max(speeds), 3),
        slowest=round(min(speeds), 3),
    )


def placed(pieces: Sequence[Piece], spoken: Sequence[Word]) -> tuple[Word, ...]:
    """Return the spoken words at the frames at which they are said now."""
    found = []
    for piece in pieces:
        inside = [w for w in spoken if piece.start <= w.start_frame < piece.end]
        for word in inside:
            start, end = (
                piece.place + round((min(frame, piece.end) - piece.start) / piece.speed)
                for frame in (word.start_frame, word.end_frame)
            )
            found.append(msgspec.structs.replace(word, start_frame=start, end_frame=max(start + 1, end)))
    return tuple(found)


def _spans(pairs: Sequence[Pair], spoken: Sequence[Word]) -> list[tuple[int, int]]:
    """Return from where to where of the take each pair goes: with the words behind it that nobody captured."""
    firsts = [spoken.index(word) for _, word in pairs]
    bounds = [0, *firsts[1:], len(spoken)] if firsts else []
    return [(spoken[start].start_frame, spoken[end - 1].end_frame) for start, end in pairwise(bounds)]


def _score(pairs: Sequence[Pair], spans: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    free = 0
    for number, ((captured, word), (start, end)) in enumerate(zip(pairs, spans, strict=True)):
        size = end - start
        least, most = max(1, round(size / FASTEST)), max(1, round(size / SLOWEST))
        own, whole = word.end_frame - word.start_frame, captured.end_frame - captured.start_frame
        frames = min(max(round(size * whole / own), least), most)
        lead = word.start_frame - start
        place = max(free, captured.start_frame - round(lead * frames / size))
        following = pairs[number + 1][0].start_frame if number + 1 < len(pairs) else None
        if following is not None:
            frames = min(frames, max(least, following - place))
        yield Piece(
            start=start,
            end=end,
            place=place,
            frames=frames,
            wanted=captured.start_frame,
            said=place + round(lead * frames / size),
        )
        free = place + frames
