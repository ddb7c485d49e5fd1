"""A resampler whose rate may change from block to block, and that gives exactly as many frames as are asked for.

Windowed-sinc filters at PHASES places between two frames, taken linearly between those: all that is wrong with a sine
up to 20 kHz at 48 kHz is 100 dB below it. (libsoxr's variable rate gives what it likes, in bursts.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PHASES = 512
TAPS = 48
BETA = 10.0
"""Of the Kaiser window: 100 dB."""
MOST_RATE = 8.0
"""Input frames per output frame, at most."""

Audio = NDArray[np.float32]


@lru_cache(maxsize=8)
def _filters(rate: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the filters for ``rate`` input frames per output frame, (PHASES, taps), and what is between each and the
    next one. Each sums to 1."""
    taps = 2 * int(np.ceil(TAPS * max(1.0, rate) / 2.0))
    places = np.arange(taps) - (taps // 2 - 1) - np.arange(PHASES + 1)[:, np.newaxis] / PHASES
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (places / (taps / 2)) ** 2)))
    rows = np.sinc(places / max(1.0, rate)) * window
    rows /= rows.sum(axis=1, keepdims=True)
    return rows[:-1].astype(np.float32), np.diff(rows, axis=0).astype(np.float32)


class VariableRate:
    """Keeps what is put in, (frames, 2), and gives it at another rate. Not for two threads.

    rate: input frames per output frame, nominally. Raises ValueError beyond MOST_RATE.
    """

    def __init__(self, rate: float, capacity_frames: int) -> None:
        if not 1.0 / MOST_RATE <= rate <= MOST_RATE:
            raise ValueError(f"a rate of {rate:g} can't be made; allowed: 1/{MOST_RATE:g} to {MOST_RATE:g}")
        self._filters, self._between = _filters(round(max(1.0, rate), 6))
        taps: int = self._filters.shape[1]
        self.lead_frames = taps // 2
        """Frames that must lie beyond a place before it can be given."""
        self._kept = np.zeros((2, 2 * capacity_frames + taps), np.float32)
        self._windows = np.lib.stride_tricks.sliding_window_view(self._kept, taps, axis=1)
        self._begin: int
        self._end: int
        self._place: float
        self.clear()

    @property
    def frames(self) -> float:
        """How many frames of the input are there and were not given yet."""
        return self._end - self._begin - (self.lead_frames - 1) - self._place

    def clear(self) -> None:
        """Forget what is there; what comes next follows silence."""
        self._begin, self._end, self._place = 0, self.lead_frames - 1, 0.0
        self._kept[:, : self._end] = 0.0

    def put(self, block: Audio) -> int:
        """Take a block in; return how many of its frames found no room."""
        room: int = self._kept.shape[1]
        if self._end + len(block) > room:
            held = self._end - self._begin
            self._kept[:, :held] = self._kept[:, self._begin : self._end].copy()
            self._begin, self._end = 0, held
        count = min(len(block), room - self._end)
        self._kept[:, self._end : self._end + count] = block[:count].T
        self._end += count
        return len(block) - count

    def drop(self, frames: int) -> None:
        """Forget the oldest ``frames``, as many as are there."""
        self._begin += max(0, min(frames, int(self.frames)))

    def newest(self, frames: int) -> Audio:
        """Return the newest frames that were put in and not given, to be changed in place."""
        count = max(0, min(frames, int(self.frames)))
        return self._kept[:, self._end - count : self._end].T

    def ready(self, rate: float) -> int:
        """Return how many frames can be given at ``rate``."""
        return max(0, int((self.frames - self.lead_frames) / rate))

    def give(self, out: Audio, rate: float) -> None:
        """Fill ``out``, (frames, 2), at most ``ready`` frames, at ``rate`` input frames per output frame."""
        if not len(out):
            return
        places = self._place + rate * np.arange(len(out) + 1)
        whole = places[:-1].astype(np.int64)
        fine = (places[:-1] - whole) * PHASES
        phase = fine.astype(np.int64)
        part = (fine - phase).astype(np.float32)[:, np.newaxis]
        weights = self._between.take(phase, axis=0)
        weights *= part
        weights += self._filters.take(phase, axis=0)
        for channel, windows in enumerate(self._windows):
            np.einsum("nt,nt->n", windows[self._begin + whole], weights, out=out[:, channel])
        passed = int(places[-1])
        self._begin += passed
        self._place = float(places[-1]) - passed
