"""What the audio process counts about itself, kept in the status block's own layout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.realtime.status import HISTOGRAM_BINS, MAX_STRIPS, StatusWriter

PEAK_FALL_DB_PER_SECOND = 20.0 / 1.7
"""IEC 60268-10 type I: 20 dB in 1.7 s, so that a reader who looks seldom still sees every peak."""
RMS_SECONDS = 0.3
"""The time constant of a VU meter."""


class MeterBallistics:
    """Turns each block's peak and RMS into meters that anyone may read at any rate."""

    def __init__(self, sample_rate: int, strips: int) -> None:
        self._rate = sample_rate
        self._peak = np.zeros((strips, 2), np.float32)
        self._square = np.zeros((strips, 2), np.float32)
        self._step = np.zeros((strips, 2), np.float32)

    def update(self, block: NDArray[np.float32], frames: int, meters: NDArray[np.float32]) -> None:
        """Take in ``block`` (strips, 2, peak | rms) of ``frames`` and write what the meters show into ``meters``."""
        seconds = frames / self._rate
        self._peak *= 10.0 ** (-PEAK_FALL_DB_PER_SECOND * seconds / 20.0)
        np.maximum(self._peak, block[:, :, 0], out=self._peak)
        np.multiply(block[:, :, 1], block[:, :, 1], out=self._step)
        self._step -= self._square
        self._step *= 1.0 - np.exp(-seconds / RMS_SECONDS)
        self._square += self._step
        meters[:, :, 0] = self._peak
        np.sqrt(self._square, out=meters[:, :, 1])


class CallbackTimes:
    """How long callbacks take, in the status block: last, longest, sum, count, histogram."""

    def __init__(self, status: StatusWriter) -> None:
        self._now = status.now

    def add(self, elapsed_ns: int) -> None:
        """Count one callback."""
        now = self._now
        now["callbacks"] += 1
        now["callback_ns"] = elapsed_ns
        now["callback_sum_ns"] += elapsed_ns
        if elapsed_ns > now["callback_max_ns"]:
            now["callback_max_ns"] = elapsed_ns
        now["histogram"][min((elapsed_ns // 1000).bit_length(), HISTOGRAM_BINS - 1)] += 1


def visible(strips: int) -> int:
    """Return how many strips have meters in the status block."""
    return min(strips, MAX_STRIPS)
