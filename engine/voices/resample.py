"""From a source's sample rate to the project's, as a stream of exact length."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]


def resampled_frames(frames: int, from_rate: int, to_rate: int) -> int:
    """Return how many frames ``frames`` become: the nearest whole number."""
    return (2 * frames * to_rate + from_rate) // (2 * from_rate)


class Resampler:
    """Converts (frames, channels) float32; the same result however the stream is cut, and no delay."""

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        self._rates = from_rate, to_rate
        self._channels = channels
        self._stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32")
        self._taken = self._given = 0

    def feed(self, audio: Audio) -> Audio:
        """Return what is ready of the result."""
        self._taken += len(audio)
        return self._give(audio, last=False)

    def finish(self) -> Audio:
        """Return the rest, so that all together have exactly ``resampled_frames``."""
        rest = self._give(np.zeros((0, self._channels), np.float32), last=True)
        missing = resampled_frames(self._taken, *self._rates) - self._given
        if missing >= 0:
            return np.concatenate([rest, np.zeros((missing, self._channels), np.float32)])
        return rest[:missing]

    def _give(self, audio: Audio, last: bool) -> Audio:
        if self._rates[0] == self._rates[1]:
            self._given += len(audio)
            return audio
        ready: Audio = self._stream.resample_chunk(np.ascontiguousarray(audio), last=last)
        self._given += len(ready)
        return ready.reshape(-1, self._channels)
