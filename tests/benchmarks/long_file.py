"""A long sound file each frame of which tells its place, and where a recording of it has a gap."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 48000
PERIOD = 1 << 18
"""Places are counted anew after so many frames (5.5 s)."""
STEP = 2.0**-21
"""From one frame to the next: a whole number of 24-bit steps, so that places are read exactly."""
TOGETHER_FRAMES = RATE // 10
"""What goes wrong so soon after something else is part of it: silence, and the fades around it."""


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Where a recording does not go on as the file does. frames: until it does again."""

    start: int
    frames: int


def write(path: Path, seconds: float) -> None:
    """Write a stereo FLAC of at least so many seconds: a tone on the left, the place on the right."""
    places = np.arange(PERIOD)
    period = np.stack([0.05 * np.sin(2 * np.pi * 330 * places / RATE), STEP * places], axis=1)
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_24") as file:
        for _ in range(-int(-seconds * RATE // PERIOD)):
            file.write(period)


def breaks(right: NDArray[np.float32]) -> list[Break]:
    """Return where the right side of a recording jumps, is silent or is not the file at all."""
    place = right.astype(np.float64) / STEP
    off = np.abs(place - np.rint(place)) > 0.01
    steps = np.diff(np.rint(place).astype(np.int64)) % PERIOD
    wrong = np.flatnonzero((steps != 1) | off[1:]) + 1
    if not len(wrong):
        return []
    parts = np.split(wrong, np.flatnonzero(np.diff(wrong) > TOGETHER_FRAMES) + 1)
    return [Break(start=int(part[0]), frames=int(part[-1] - part[0]) + 1) for part in parts]
