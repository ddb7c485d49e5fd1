"""Timecode: hours, minutes, seconds and frames of the four SMPTE rates that MIDI knows."""

from __future__ import annotations

from typing import NamedTuple

_COUNTED = (24, 25, 30, 30)
_SECONDS_PER_FRAME = (1 / 24, 1 / 25, 1001 / 30000, 1 / 30)
RATE_NAMES = ("24", "25", "29.97df", "30")
DROP = 2
"""The rate that leaves out frames 0 and 1 of each minute but every tenth."""

_DROP_MINUTE, _DROP_TEN = 1798, 17982
"""Frames in a minute that leaves two out, and in ten minutes."""


class Timecode(NamedTuple):
    """A frame's label. rate: 0: 24, 1: 25, 2: 29.97 drop frame, 3: 30, as MIDI numbers them."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    rate: int = 3

    def __str__(self) -> str:
        mark = ";" if self.rate == DROP else ":"
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{mark}{self.frames:02}"

    @property
    def valid(self) -> bool:
        """Whether there is a frame of that label."""
        if not (self.hours < 24 and self.minutes < 60 and self.seconds < 60 and self.frames < _COUNTED[self.rate]):
            return False
        return not (self.rate == DROP and self.frames < 2 and self.seconds == 0 and self.minutes % 10)

    @property
    def number(self) -> int:
        """Which frame of the day it is, counted from 0."""
        minutes = self.hours * 60 + self.minutes
        number = (minutes * 60 + self.seconds) * _COUNTED[self.rate] + self.frames
        return number - 2 * (minutes - minutes // 10) if self.rate == DROP else number

    @property
    def real_seconds(self) -> float:
        """When it is, in seconds of real time after 00:00:00:00."""
        return self.number * _SECONDS_PER_FRAME[self.rate]


def frame_seconds(rate: int) -> float:
    """Return how long a frame lasts."""
    return _SECONDS_PER_FRAME[rate]


def day_frames(rate: int) -> int:
    """Return how many frames a day has: timecode starts again then."""
    return 24 * 6 * _DROP_TEN if rate == DROP else 24 * 3600 * _COUNTED[rate]


def from_number(number: int, rate: int) -> Timecode:
    """Return the label of a frame of the day; beyond the day it starts again."""
    number %= day_frames(rate)
    if rate == DROP:
        tens, rest = divmod(number, _DROP_TEN)
        number += 18 * tens + (2 * ((rest - 2) // _DROP_MINUTE) if rest >= 2 else 0)
    seconds, frames = divmod(number, _COUNTED[rate])
    return Timecode(seconds // 3600, seconds // 60 % 60, seconds % 60, frames, rate)


def from_seconds(seconds: float, rate: int) -> Timecode:
    """Return the label of the frame that lasts at ``seconds`` of real time."""
    return from_number(int(seconds / _SECONDS_PER_FRAME[rate] + 1e-6), rate)
