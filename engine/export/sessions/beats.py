"""Beats: frames on the timeline as quarter notes from its start, for the formats that count in them."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import NamedTuple

from engine.story.model import Story, TempoPoint


class _Stretch(NamedTuple):
    frame: Fraction
    beat: int
    frames_per_beat: Fraction
    point: TempoPoint


def _terms(stretch: _Stretch) -> tuple[int, int, int]:
    """Return a, b, c, so that the beats to a frame of this stretch are (a * frame + b) / c."""
    start, per_beat = stretch.frame, stretch.frames_per_beat
    factor, below = start.denominator * per_beat.denominator, start.denominator * per_beat.numerator
    return factor, stretch.beat * below - start.numerator * per_beat.denominator, below


class Beats:
    """The tempo map of a story, exact: a whole number of beats lies between any two tempo changes."""

    def __init__(self, story: Story) -> None:
        self.stretches: list[_Stretch] = []
        for point in sorted(story.tempo, key=lambda each: each.bar) or [TempoPoint()]:
            per_beat = 60 * story.sample_rate / Fraction(repr(float(point.tempo_bpm)))
            frame, beat = Fraction(0), 0
            if self.stretches:
                last = self.stretches[-1]
                count = (point.bar - last.point.bar) * last.point.beats_per_bar
                frame, beat = last.frame + count * last.frames_per_beat, last.beat + count
            self.stretches.append(_Stretch(frame, beat, per_beat, point))
        self._frames = [float(stretch.frame) for stretch in self.stretches]
        self._terms = [_terms(stretch) for stretch in self.stretches]

    def at(self, frame: int) -> float:
        """Return the beats from 0 to ``frame``."""
        above, below = self._whole(frame)
        return above / below

    def between(self, frame: int, end_frame: int) -> float:
        """Return how many beats pass from one frame to another."""
        (begin, below), (end, end_below) = self._whole(frame), self._whole(end_frame)
        return (end - begin) / below if below == end_below else (end * below - begin * end_below) / (below * end_below)

    def exact(self, frame: int) -> Fraction:
        """Return the beats from 0 to ``frame`` as a fraction."""
        return Fraction(*self._whole(frame))

    def _whole(self, frame: int) -> tuple[int, int]:
        """Return the beats from 0 to ``frame`` as two whole numbers, to be divided; rounded once, and quickly."""
        factor, offset, below = self._terms[max(0, bisect_right(self._frames, frame) - 1)]
        return frame * factor + offset, below
