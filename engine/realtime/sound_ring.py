"""A ring of stereo sound between two processes: one writer, one reader, no lock, and nobody waits.

Two counters that only grow, each on a cache line of its own, and when the writer last wrote; all in the memory, so that
whoever takes over on either side goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release
from engine.realtime.memory import Segment

RING_FRAMES = 1 << 14
_LINE_BYTES = 64
_WRITTEN, _WHEN, _READ, _SOUND = 0, 8, _LINE_BYTES, 2 * _LINE_BYTES
SOUND_RING_BYTES = _SOUND + RING_FRAMES * 8
MOST_INLETS = 8
"""Rings of sound from outside."""
INLETS_BYTES = MOST_INLETS * SOUND_RING_BYTES

Audio = NDArray[np.float32]


class _RingEnd:
    """index: which of several rings in a segment."""

    def __init__(self, segment: Segment, index: int = 0) -> None:
        begin = index * SOUND_RING_BYTES
        self._address = segment.address + begin
        self._ring: Audio = segment.view(np.float32, begin + _SOUND, 2 * RING_FRAMES).reshape(-1, 2)

    @property
    def waiting(self) -> int:
        """Frames that were written and not read."""
        return load_acquire(self._address + _WRITTEN) - load_acquire(self._address + _READ)


class SoundWriter(_RingEnd):
    """The writing end."""

    def write(self, block: Audio, now_ns: int = 0) -> int:
        """Append frames, (frames, 2); return how many fitted. now_ns: of a clock that the reader has too."""
        written = load_acquire(self._address + _WRITTEN)
        count = min(len(block), RING_FRAMES - (written - load_acquire(self._address + _READ)))
        start = written % RING_FRAMES
        first = min(count, RING_FRAMES - start)
        self._ring[start : start + first] = block[:first]
        self._ring[: count - first] = block[first:count]
        store_release(self._address + _WHEN, now_ns)
        store_release(self._address + _WRITTEN, written + count)
        return count


class SoundReader(_RingEnd):
    """The reading end."""

    @property
    def written_ns(self) -> int:
        """When the writer last wrote, by its own account."""
        return load_acquire(self._address + _WHEN)

    def read(self, out: Audio) -> int:
        """Move the oldest frames to the front of ``out``, (frames, 2), as many as fit; return how many."""
        read = load_acquire(self._address + _READ)
        count = min(load_acquire(self._address + _WRITTEN) - read, len(out))
        start = read % RING_FRAMES
        first = min(count, RING_FRAMES - start)
        out[:first] = self._ring[start : start + first]
        out[first:count] = self._ring[: count - first]
        store_release(self._address + _READ, read + count)
        return count

    def skip(self) -> None:
        """Forget what waits."""
        store_release(self._address + _READ, load_acquire(self._address + _WRITTEN))
