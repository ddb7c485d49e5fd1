"""ParamSpec: one value's range, unit, taper and default; nobody else scales values."""

from __future__ import annotations

import bisect
import math
from typing import Literal

import msgspec

from engine.errors import BadRange, BadType
from engine.units import SILENCE_DB

Taper = Literal["linear", "log", "fader", "points"]


class ParamSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a parameter accepts: maps knob, OSC float, MIDI value and slider onto real units.

    low, high, default: in ``unit``. taper: how a normalised 0..1 value spreads over the range;
    ``fader`` is dB with unity at 0.75 and silence at 0; ``points`` goes straight from one of ``points`` to the next,
    which are evenly spread and rise or fall throughout.
    """

    low: float
    high: float
    default: float
    unit: str = ""
    taper: Taper = "linear"
    points: tuple[float, ...] = ()

    def check(self, value: object, name: str) -> float:
        """Return ``value`` as float, or raise BadType or BadRange naming ``name`` and what is allowed."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadType(f"{name}: expected a number, got {value!r}")
        number = float(value)
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise BadRange(f"{name}: {number:g} is outside {self.low:g} to {self.high:g}{self._suffix}")
        return number

    @property
    def _suffix(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def from_norm(self, norm: float) -> float:
        """Return the value in ``unit`` for a knob position 0..1 (clamped)."""
        position = min(1.0, max(0.0, norm))
        if self.taper == "log":
            return float(self.low * (self.high / self.low) ** position)
        if self.taper == "fader":
            return _fader_db(position, self.high)
        if self.taper == "points":
            return _between(self.points, position)
        return self.low + (self.high - self.low) * position

    def to_norm(self, value: float) -> float:
        """Return the knob position 0..1 of ``value`` (clamped): the inverse of ``from_norm``."""
        clamped = min(self.high, max(self.low, value))
        if self.taper == "log":
            return math.log(clamped / self.low) / math.log(self.high / self.low)
        if self.taper == "fader":
            return _fader_norm(clamped, self.high)
        if self.taper == "points":
            return _place(self.points, clamped)
        return (clamped - self.low) / (self.high - self.low)

    def format(self, value: float) -> str:
        """Return ``value`` as a person reads it."""
        if self.taper == "fader" and value <= SILENCE_DB:
            return "-inf dB"
        return f"{value:.4g}{self._suffix}"


def _between(points: tuple[float, ...], position: float) -> float:
    if position >= 1.0:
        return points[-1]
    place = position * (len(points) - 1)
    begin, end = points[int(place) : int(place) + 2]
    return min(max(begin, end), max(min(begin, end), begin + (end - begin) * (place - int(place))))


def _place(points: tuple[float, ...], value: float) -> float:
    sign = 1.0 if points[-1] > points[0] else -1.0
    index = bisect.bisect_left(points, sign * value, 1, len(points) - 1, key=lambda point: sign * point)
    begin, end = points[index - 1], points[index]
    share = (value - begin) / (end - begin) if end != begin else 0.0
    return (index - 1 + min(1.0, max(0.0, share))) / (len(points) - 1)


UNITY_POSITION = 0.75
"""Where a fader's 0 dB lies."""


def _fader_db(position: float, high_db: float) -> float:
    """Above unity linear in dB; below it the gain follows the fourth power of the travel."""
    if position >= UNITY_POSITION:
        return high_db * (position - UNITY_POSITION) / (1.0 - UNITY_POSITION)
    if position <= 0.0:
        return SILENCE_DB
    return max(SILENCE_DB, 80.0 * math.log10(position / UNITY_POSITION))


def _fader_norm(value_db: float, high_db: float) -> float:
    if value_db >= 0.0:
        return UNITY_POSITION + (1.0 - UNITY_POSITION) * value_db / high_db
    if value_db <= SILENCE_DB:
        return 0.0
    return float(UNITY_POSITION * 10.0 ** (value_db / 80.0))


FADER = ParamSpec(low=SILENCE_DB, high=12.0, default=0.0, unit="dB", taper="fader")
CLIP_GAIN = ParamSpec(low=SILENCE_DB, high=24.0, default=0.0, unit="dB", taper="fader")
PAN = ParamSpec(low=-1.0, high=1.0, default=0.0)
VELOCITY = ParamSpec(low=0.0, high=1.0, default=1.0)
FADE_SECONDS = ParamSpec(low=0.0, high=60.0, default=0.0, unit="s")
WAIT_SECONDS = ParamSpec(low=0.0, high=3600.0, default=0.0, unit="s")
SEMITONES = ParamSpec(low=-24.0, high=24.0, default=0.0, unit="semitones")
SPEED = ParamSpec(low=0.25, high=4.0, default=1.0, unit="times", taper="log")
LINE_SECONDS = ParamSpec(low=0.05, high=3600.0, default=1.0, unit="s")
SEED = ParamSpec(low=0, high=2**31 - 1, default=0)
TEMPERATURE = ParamSpec(low=0.0, high=2.0, default=0.7)
TEMPO = ParamSpec(low=10.0, high=400.0, default=120.0, unit="bpm")
BAR = ParamSpec(low=1, high=1_000_000, default=1)
BEATS_PER_BAR = ParamSpec(low=1, high=64, default=4)
LIMITER = ParamSpec(low=-24.0, high=0.0, default=-1.0, unit="dBTP")

DUCK = {
    "depth_db": ParamSpec(low=-60.0, high=0.0, default=-12.0, unit="dB"),
    "threshold_db": ParamSpec(low=-80.0, high=0.0, default=-40.0, unit="dBFS"),
    "attack_ms": ParamSpec(low=0.0, high=1000.0, default=30.0, unit="ms"),
    "hold_ms": ParamSpec(low=0.0, high=5000.0, default=150.0, unit="ms"),
    "release_ms": ParamSpec(low=1.0, high=10000.0, default=400.0, unit="ms"),
    "look_ahead_ms": ParamSpec(low=0.0, high=100.0, default=0.0, unit="ms"),
}
"""What a duck can be told."""
