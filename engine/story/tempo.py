"""The tempo map: bars and beats to frames and back, exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from engine.errors import BadRange
from engine.story.model import Beat, TempoPoint


class _Stretch(NamedTuple):
    """A run of bars of one tempo; ``start`` is its exact, unrounded place in frames."""

    bar: int
    start: Fraction
    frames_per_beat: Fraction
    beats_per_bar: int


class TempoMap:
    """Places bars and beats on the timeline.

    Every place is computed as an exact fraction from bar 1 on and rounded once, to the nearest frame, a half up:
    ``floor(exact + 1/2)``. So errors never add up, however long the story is.
    """

    def __init__(self, points: Sequence[TempoPoint], sample_rate: int) -> None:
        self._stretches: list[_Stretch] = []
        self._bars: list[int] = []
        for point in sorted(points or (TempoPoint(),), key=lambda p: p.bar):
            start = self._exact(point.bar, Fraction(0)) if self._stretches else Fraction(0)
            frames_per_beat = 60 * sample_rate / Fraction(repr(float(point.tempo_bpm)))
            bar = point.bar if self._stretches else 1
            self._stretches.append(_Stretch(bar, start, frames_per_beat, point.beats_per_bar))
            self._bars.append(bar)
        self._frames = [_nearest(s.start) for s in self._stretches]

    def frame(self, bar: int, beat: float = 1.0) -> int:
        """Return the frame nearest to ``beat`` (counted from 1, fractions allowed) of ``bar`` (from 1)."""
        if bar < 1 or beat < 1.0:
            raise BadRange(f"{bar}|{beat:g}: bars and beats are counted from 1")
        return _nearest(self._exact(bar, Fraction(float(beat)) - 1))

    def position(self, frame: int) -> Beat:
        """Return the bar and beat at ``frame``; ``frame()`` of it gives the same frame back."""
        if frame < 0:
            raise BadRange(f"frame {frame} lies before the start of the timeline")
        stretch = self._stretches[bisect_right(self._frames, frame) - 1]
        bars, rest = divmod(max(Fraction(0), (frame - stretch.start) / stretch.frames_per_beat), stretch.beats_per_bar)
        bar, beat = stretch.bar + int(bars), 1.0 + float(rest)
        return Beat(bar=bar, beat=beat) if beat < stretch.beats_per_bar + 1 else Beat(bar=bar + 1)

    def next_place(self, frame: int, bars: bool = False, beats: float = 1.0) -> int:
        """Return the first frame from ``frame`` on that begins a bar, or is a multiple of ``beats`` in its bar."""
        here = self.position(frame)
        if not bars:
            count = math.ceil(round((here.beat - 1.0) / beats, 9))
            stretch = self._stretches[bisect_right(self._bars, here.bar) - 1]
            if count * beats < stretch.beats_per_bar:
                return self.frame(here.bar, 1.0 + count * beats)
        return frame if here.beat == 1.0 else self.frame(here.bar + 1)

    def _exact(self, bar: int, beats: Fraction) -> Fraction:
        stretch = self._stretches[bisect_right(self._bars, bar) - 1]
        whole = (bar - stretch.bar) * stretch.beats_per_bar
        return stretch.start + (whole + beats) * stretch.frames_per_beat


def _nearest(exact: Fraction) -> int:
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def bar_and_beat(tempo: Sequence[TempoPoint], beat: float) -> tuple[int, float]:
    """Return bar and beat, from 1, of a beat that is counted from 0 over all bars."""
    bar, beats_per_bar = 1, 4
    for point in sorted(tempo, key=lambda p: p.bar):
        beats = (point.bar - bar) * beats_per_bar
        if beat < beats:
            break
        bar, beat, beats_per_bar = point.bar, beat - beats, point.beats_per_bar
    return bar + int(beat // beats_per_bar), 1.0 + beat % beats_per_bar


def beat_of_bar(tempo: Sequence[TempoPoint], bar: int) -> float:
    """Return on which beat, counted from 0 over all bars, a bar begins."""
    beats, begun, beats_per_bar = 0, 1, 4
    for point in sorted(tempo, key=lambda p: p.bar):
        if point.bar > bar:
            break
        beats, begun, beats_per_bar = beats + (point.bar - begun) * beats_per_bar, point.bar, point.beats_per_bar
    return float(beats + (bar - begun) * beats_per_bar)
