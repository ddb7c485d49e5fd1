"""The notes of a Standard MIDI File as plain values, and where its ticks lie in time."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

import msgspec

DEFAULT_TEMPO_US = 500_000
"""Microseconds per beat while a file says nothing: 120 beats a minute."""


class FileNote(msgspec.Struct, frozen=True, array_like=True):
    """A note: when it is pressed and how long, in ticks. channel: 1 to 16. velocity: 1 to 127."""

    tick: int
    length_ticks: int
    note: int
    velocity: int
    channel: int


class TempoChange(msgspec.Struct, frozen=True, array_like=True):
    """From a tick on, so many microseconds per beat."""

    tick: int
    beat_us: int


class MidiNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What is played of a file: its notes by time, and its tempo."""

    ticks_per_beat: int
    notes: tuple[FileNote, ...]
    tempo: tuple[TempoChange, ...] = ()


class TickClock:
    """Where ticks lie, by the file's own tempo, exactly."""

    def __init__(self, notes: MidiNotes) -> None:
        changes = [TempoChange(0, DEFAULT_TEMPO_US), *notes.tempo]
        self._per_tick: list[Fraction] = []
        self._ticks: list[int] = []
        self._seconds: list[Fraction] = []
        for change in changes:
            seconds = self.seconds(change.tick) if self._ticks else Fraction(0)
            self._ticks.append(change.tick)
            self._seconds.append(seconds)
            self._per_tick.append(Fraction(change.beat_us, 1_000_000 * notes.ticks_per_beat))

    def seconds(self, tick: int) -> Fraction:
        """Return the time of a tick after the file's beginning."""
        at = bisect_right(self._ticks, tick) - 1
        return self._seconds[at] + (tick - self._ticks[at]) * self._per_tick[at]
