"""The tap: what the engine gives to its output, for whoever listens in. One writer, any number of readers, no lock.

A ring of stereo frames and a counter that only grows. The writer never waits: a reader that is too slow has lost what
was overwritten, and is told how much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import fence, load_acquire, store_release
from engine.realtime.memory import Segment

TAP_FRAMES = 1 << 17
_FRAMES = 64
TAP_BYTES = _FRAMES + TAP_FRAMES * 8


class _TapEnd:
    def __init__(self, segment: Segment) -> None:
        self._counter = segment.address
        self._ring = segment.view(np.float32, _FRAMES, 2 * TAP_FRAMES).reshape(-1, 2)


class TapWriter(_TapEnd):
    """The audio process's end."""

    def write(self, block: NDArray[np.float32]) -> None:
        """Append frames, (frames, 2), at most TAP_FRAMES at once."""
        written = load_acquire(self._counter)
        start = written % TAP_FRAMES
        first = min(len(block), TAP_FRAMES - start)
        self._ring[start : start + first] = block[:first]
        if first < len(block):
            self._ring[: len(block) - first] = block[first:]
        store_release(self._counter, written + len(block))


class TapReader(_TapEnd):
    """Anyone's end; begins with what is written from now on."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self._read = load_acquire(self._counter)

    def read(self) -> tuple[NDArray[np.float32], int]:
        """Return the frames since the last call, and how many before them were lost."""
        written = load_acquire(self._counter)
        lost = max(0, written - self._read - TAP_FRAMES // 2)  # the writer goes on while this copies
        begin = self._read + lost
        places = np.arange(begin, written) % TAP_FRAMES
        block: NDArray[np.float32] = self._ring[places]
        fence()
        overrun = load_acquire(self._counter) - TAP_FRAMES - begin
        if overrun > 0:
            block, lost = block[overrun:], lost + overrun
        self._read = written
        return block, lost
