"""Frames, decibels, pan: the units of the engine and how they convert."""

from __future__ import annotations

import math
from typing import NewType

Frames = NewType("Frames", int)
"""Engine time: one sample per channel. Seconds exist at the edges only."""

SILENCE_DB = -100.0
"""At or below this a gain is exactly zero."""


def seconds_to_frames(seconds: float, sample_rate: int) -> Frames:
    """Return the frame nearest to ``seconds``."""
    return Frames(round(seconds * sample_rate))


def frames_to_seconds(frames: int, sample_rate: int) -> float:
    """Return ``frames`` in seconds."""
    return frames / sample_rate


def db_to_gain(gain_db: float) -> float:
    """Return the linear gain of ``gain_db``; zero at or below ``SILENCE_DB``."""
    return 0.0 if gain_db <= SILENCE_DB else 10.0 ** (gain_db / 20.0)


def gain_to_db(gain: float) -> float:
    """Return ``gain`` in decibels; ``SILENCE_DB`` for zero and below."""
    return max(SILENCE_DB, 20.0 * math.log10(gain)) if gain > 0.0 else SILENCE_DB


def pan_gains(pan: float) -> tuple[float, float]:
    """Return the left and right gain of ``pan`` (-1 left … 1 right).

    A balance law, 0 dB at the centre: panning lowers the far side and raises nothing, so the centre is an
    identity, for mono and stereo alike. It is Reaper's default.
    """
    return min(1.0, 1.0 - pan), min(1.0, 1.0 + pan)
