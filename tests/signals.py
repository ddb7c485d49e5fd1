"""Signals that tests are made of, and how smooth they are: seeded, so that every run hears the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 48000

Audio = NDArray[np.float32]


def noise(frames: int, seed: int = 1, channels: int = 1, level: float = 0.5) -> Audio:
    """Return white noise within ``level``: (frames,), or (frames, channels)."""
    shape = (frames,) if channels == 1 else (frames, channels)
    return np.random.default_rng(seed).uniform(-level, level, shape).astype(np.float32)


def sine(frames: int, hz: float = 997.0, level: float = 0.5, phase: float = 0.0) -> Audio:
    """Return a sine, (frames,)."""
    return (level * np.sin(2 * np.pi * hz * np.arange(frames) / RATE + phase)).astype(np.float32)


def ones(frames: int, level: float = 1.0) -> Audio:
    """Return a constant, (frames,)."""
    return np.full(frames, level, np.float32)


def roughness(signal: Audio) -> float:
    """Return the largest second difference along the frames: a step or a corner stands out in it."""
    return float(np.abs(np.diff(signal.astype(np.float64), n=2, axis=0)).max(initial=0.0))


def roughest_fade(hz: float, level: float, fade_frames: int) -> float:
    """Return the largest second difference that a sine may have while it fades by a straight line.

    Of gain times sine it is: the sine's own, twice the slopes' product, and the corner where the line begins or ends.
    """
    turn = 2 * np.pi * hz / RATE
    return level * (turn**2 + 2 * turn / fade_frames + 1 / fade_frames)


def gain_of(gain_db: float) -> float:
    """Return the linear gain of ``gain_db``, reckoned here and not by the engine."""
    return float(10.0 ** (gain_db / 20.0))
