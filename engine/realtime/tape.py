"""The tape: what the strips and the master gave, from the audio process to the io process, which writes it down.

A ring of packets, one for each block: a header, then for every lane of the recording its stereo frames. The callback
never waits: a packet that finds no room is left out, and the gap in the frames tells how much. One writer, one reader,
no lock; both counters lie in the memory, so that whoever takes over on either side goes on.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release
from engine.realtime.memory import Segment

_LINE_BYTES = 64
_WRITTEN, _READ, _LOST, _PACKETS = 0, _LINE_BYTES, 2 * _LINE_BYTES, 3 * _LINE_BYTES

MOST_LANES = 64

UNIT_FLOATS = 32
"""Packets begin and end on multiples of this; a header is as long."""

SIZE, KIND, TAKE, LANES, START, FRAMES, SINCE, UNTIL, STRIP_LATENCY, MASTER_LATENCY = range(10)
"""A header's 64-bit words. SIZE: floats of the packet. KIND: see below. TAKE: the number of the recording. START,
FRAMES: engine frames of the block. SINCE, UNTIL: where the recording begins and ends. STRIP_LATENCY, MASTER_LATENCY: by
how many frames the lanes of strips, and of the master, are late."""

SOUND, SKIP, END = range(3)
"""Kinds of packets. SKIP: nothing up to the ring's end. END: there comes no more of this recording."""


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """One packet; sound: (lanes, frames, 2), a view that is valid until ``done``."""

    kind: int
    take: int
    start: int
    since: int
    until: int
    strip_latency: int
    master_latency: int
    sound: NDArray[np.float32]


class TapeWriter:
    """The audio process's end. floats: the ring; ``room`` and ``advance`` go around what a kernel writes into it."""

    def __init__(self, segment: Segment) -> None:
        self._address = segment.address
        usable = (segment.size_bytes - _PACKETS) // (4 * UNIT_FLOATS) * UNIT_FLOATS
        self.floats: NDArray[np.float32] = segment.view(np.float32, _PACKETS, usable)

    @property
    def written(self) -> int:
        """Floats that have been written since the ring was made."""
        return load_acquire(self._address + _WRITTEN)

    @property
    def room(self) -> int:
        """Floats that are free now."""
        return len(self.floats) - (self.written - load_acquire(self._address + _READ))

    def advance(self, written: int) -> None:
        """Let everything before float ``written`` be read."""
        store_release(self._address + _WRITTEN, written)

    def lose(self, frames: int) -> None:
        """Count frames that found no room."""
        store_release(self._address + _LOST, load_acquire(self._address + _LOST) + frames)


class TapeReader:
    """The io process's end."""

    def __init__(self, segment: Segment) -> None:
        self._address = segment.address
        usable = (segment.size_bytes - _PACKETS) // (4 * UNIT_FLOATS) * UNIT_FLOATS
        self._floats: NDArray[np.float32] = segment.view(np.float32, _PACKETS, usable)

    @property
    def waiting_part(self) -> float:
        """How full the ring is, 0 to 1."""
        return (load_acquire(self._address + _WRITTEN) - self._read) / len(self._floats)

    def next(self) -> Packet | None:
        """Return the oldest packet, which stays until ``done``; None when there is none."""
        while (read := self._read) < load_acquire(self._address + _WRITTEN):
            place = read % len(self._floats)
            words = self._floats[place : place + UNIT_FLOATS].view(np.int64)
            if int(words[KIND]) == SKIP:
                store_release(self._address + _READ, read + int(words[SIZE]))
                continue
            lanes, frames = int(words[LANES]), int(words[FRAMES])
            first = place + UNIT_FLOATS
            return Packet(
                kind=int(words[KIND]),
                take=int(words[TAKE]),
                start=int(words[START]),
                since=int(words[SINCE]),
                until=int(words[UNTIL]),
                strip_latency=int(words[STRIP_LATENCY]),
                master_latency=int(words[MASTER_LATENCY]),
                sound=self._floats[first : first + 2 * lanes * frames].reshape(lanes, frames, 2),
            )
        return None

    def done(self) -> None:
        """Give the place of the oldest packet back."""
        place = self._read % len(self._floats)
        size = int(self._floats[place : place + UNIT_FLOATS].view(np.int64)[SIZE])
        store_release(self._address + _READ, self._read + size)

    @property
    def _read(self) -> int:
        return load_acquire(self._address + _READ)
