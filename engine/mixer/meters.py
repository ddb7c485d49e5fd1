"""Meters: what the faders measured of a block, and what a meter shows of it, in one call for all strips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel


@kernel
def read_meters(measured: NDArray[np.float64], frames: int, meters: NDArray[np.float32]) -> None:
    """Turn peaks and sums of squares over ``frames`` into peaks and RMS, both (strips, 2, 2)."""
    for strip in range(len(meters)):
        for channel in range(2):
            meters[strip, channel, 0] = measured[strip, channel, 0]
            meters[strip, channel, 1] = np.sqrt(measured[strip, channel, 1] / max(1, frames))


@kernel
def show_meters(
    meters: NDArray[np.float32],
    fall: np.float32,
    rise: np.float32,
    squares: NDArray[np.float32],
    shown: NDArray[np.float32],
) -> None:
    """Let ``shown`` follow ``meters``, (strips, 2, peak | rms): peaks at once and falling, RMS smoothly.

    fall, rise: by what in one block. squares: (strips, 2), what was smoothed so far.
    """
    for strip in range(len(shown)):
        for channel in range(2):
            shown[strip, channel, 0] = max(shown[strip, channel, 0] * fall, meters[strip, channel, 0])
            rms = meters[strip, channel, 1]
            squares[strip, channel] += (rms * rms - squares[strip, channel]) * rise
            shown[strip, channel, 1] = np.sqrt(squares[strip, channel])


@kernel
def show_reduction(lowest: NDArray[np.float64], rise: np.float32, shown: NDArray[np.float32]) -> None:
    """Let ``shown`` follow each strip's ``lowest`` gain, which is taken: down at once, up by ``rise`` in one block."""
    for strip in range(len(shown)):
        shown[strip] = min(shown[strip] * rise, np.float32(lowest[strip]))
        lowest[strip] = 1.0
