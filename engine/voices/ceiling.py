"""A take's level: the preset's gain, and a ceiling for its peaks, as a stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.units import db_to_gain

Audio = NDArray[np.float32]

CEILING_DB = -1.0
"""No take is louder at its peak."""

FALL_SECONDS = 0.005


class Ceiling:
    """Multiplies by ``gain_db``; a line is lowered from its first peak above the ceiling on, so that this peak fits.

    The level falls in a straight line before the peak and never rises again: a line that is too loud keeps its
    dynamics. (frames, channels) in and out, ``FALL_SECONDS`` behind; the same result however the stream is cut.
    """

    def __init__(self, gain_db: float, sample_rate: int) -> None:
        self._gain = np.float32(db_to_gain(gain_db))
        self._ceiling = db_to_gain(CEILING_DB)
        self._span = max(2, round(FALL_SECONDS * sample_rate))
        self._peak = 0.0
        self._held: Audio | None = None
        self._limits = np.zeros(0)

    def feed(self, audio: Audio) -> Audio:
        """Return what is certain by now."""
        scaled = audio * self._gain
        peaks = np.maximum.accumulate(np.abs(scaled).max(axis=1, initial=0.0)).astype(np.float64)
        peaks = np.maximum(peaks, self._peak)
        self._peak = float(peaks[-1]) if len(peaks) else self._peak
        limits = np.minimum(1.0, self._ceiling / np.maximum(peaks, self._ceiling))
        self._held = scaled if self._held is None else np.concatenate([self._held, scaled])
        self._limits = np.concatenate([self._limits, limits])
        return self._give(len(self._held) - self._span + 1)

    def finish(self) -> Audio:
        """Return the rest."""
        if self._held is None:
            return np.zeros((0, 1), np.float32)
        last = self._limits[-1] if len(self._limits) else 1.0
        self._limits = np.concatenate([self._limits, np.full(self._span - 1, last)])
        return self._give(len(self._held))

    def _give(self, frames: int) -> Audio:
        if self._held is None or frames <= 0:
            return np.zeros((0, 1 if self._held is None else self._held.shape[1]), np.float32)
        ready = self._held[:frames]
        if self._limits[frames + self._span - 2] < 1.0:
            ready = ready * self._levels(frames)[:, np.newaxis]
        self._held, self._limits = self._held[frames:], self._limits[frames:]
        return ready

    def _levels(self, frames: int) -> NDArray[np.float32]:
        """Return the mean of each frame's limit and those of the frames after it, summed in the same order always."""
        sums = np.zeros(frames)
        for ahead in range(self._span):
            sums += self._limits[ahead : ahead + frames]
        return np.where(sums < self._span, sums / self._span, 1.0).astype(np.float32)
