"""Streams: clips that are played while they are still being made. A small header in the arena says how far they are.

The worker writes frames behind the header and releases their count; control says how many a player is to have before it
begins; the audio process acquires the count and plays up to it. Once the total is known a stream is a clip like any
other: nothing is copied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release

FLOAT_BYTES = 4
WORD_BYTES = 8

HEADER_FLOATS = 16
"""The header lies on a cache line of its own; the sound follows it."""

READY, TOTAL, CHANNELS, AHEAD, SHARE, EXPECTED = range(6)
"""The header's 64-bit words. READY: frames that may be played. TOTAL: how many there are, or ``MAKING``.
CHANNELS: 1 or 2, set before the first frame. AHEAD, SHARE, EXPECTED: what a player waits for before it begins, or goes
on: AHEAD frames, and so much (of ``WHOLE``) of what it still has to play, if the whole is EXPECTED frames long."""

MAKING = -1
WHOLE = 1 << 16
NEVER_ENOUGH = 1 << 40
"""Frames ahead that nobody ever has: nothing begins."""


class StreamHeader:
    """The header at float ``offset`` of ``arena``, the whole of it. Any process; who may write what is said above."""

    def __init__(self, arena: NDArray[np.float32], offset: int) -> None:
        if offset % HEADER_FLOATS:
            raise ValueError(f"a stream's header begins on a cache line, not at float {offset}")
        self.offset = offset
        self._arena = arena  # holds the memory
        self._address = int(arena.ctypes.data) + offset * FLOAT_BYTES

    @property
    def sound_offset(self) -> int:
        """The float at which its sound begins."""
        return self.offset + HEADER_FLOATS

    @property
    def ready(self) -> int:
        """Frames that may be played."""
        return self._load(READY)

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self._load(TOTAL) != MAKING

    @property
    def channels(self) -> int:
        """Channels of the sound, 0 before the first frame."""
        return self._load(CHANNELS)

    def open(self) -> None:
        """Make it an empty stream that nobody begins to play. Control, before anybody else knows of it."""
        for word in (READY, CHANNELS, SHARE, EXPECTED):
            self._store(word, 0)
        self._store(AHEAD, NEVER_ENOUGH)
        self._store(TOTAL, MAKING)

    def publish(self, frames: int, channels: int) -> None:
        """Let the first ``frames`` be played: they have been written. The worker."""
        self._store(CHANNELS, channels)
        self._store(READY, frames)

    def finish(self, frames: int) -> None:
        """Say that ``frames`` is all there is; every one of them has been published. The worker."""
        self._store(TOTAL, frames)

    def need(self, ahead: int, share: float, expected: int) -> None:
        """Say what a player waits for. share: 0 to 1. Control."""
        part = round(min(1.0, max(0.0, share)) * WHOLE)
        self._store(EXPECTED, expected)
        self._store(SHARE, part)
        self._store(AHEAD, ahead)

    def _load(self, word: int) -> int:
        return load_acquire(self._address + word * WORD_BYTES)

    def _store(self, word: int, value: int) -> None:
        store_release(self._address + word * WORD_BYTES, value)
