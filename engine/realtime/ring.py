"""A bounded queue of fixed-size records between two processes: one writer, one reader, no lock.

Two counters that only grow, each on a cache line of its own, then the slots. The writer fills slots and then releases
its counter; the reader copies slots and then releases its own. Both counters live in the memory, so that a process
that takes over after a crash goes on where its predecessor was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release
from engine.realtime.memory import Segment

_LINE_BYTES = 64
_WRITTEN, _READ, _SLOTS = 0, _LINE_BYTES, 2 * _LINE_BYTES


def ring_bytes(dtype: np.dtype[Any], capacity: int) -> int:
    """Return the size of a segment that holds a ring of ``capacity`` records."""
    return _SLOTS + capacity * dtype.itemsize


class _RingEnd:
    def __init__(self, segment: Segment, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._raw = np.dtype((np.void, dtype.itemsize))  # numpy takes 4.5 µs for any copy of structs, even of none
        self._slots = segment.view(self._raw, _SLOTS)
        self._bytes = self._slots.view(np.uint8).data
        self.capacity = len(self._slots)
        self._written_address = segment.address + _WRITTEN
        self._read_address = segment.address + _READ

    def __len__(self) -> int:
        return load_acquire(self._written_address) - load_acquire(self._read_address)


class RingWriter(_RingEnd):
    """The writing end."""

    @property
    def position(self) -> int:
        """How many records have been pushed since the ring was made."""
        return load_acquire(self._written_address)

    def push(self, items: NDArray[Any]) -> int:
        """Append ``items`` in order and return how many fitted; the rest is the caller's to keep or refuse."""
        written = load_acquire(self._written_address)
        free = self.capacity - (written - load_acquire(self._read_address))
        count = min(len(items), free)
        if items.dtype is not self._dtype:  # numpy packs padded structs when it joins arrays of them
            items = items.astype(self._dtype)
        data = items.tobytes() if count == len(items) else items[:count].tobytes()
        begin = written % self.capacity * self._dtype.itemsize
        end = begin + len(data)
        if end <= len(self._bytes):
            self._bytes[begin:end] = data
        else:
            first = len(self._bytes) - begin
            self._bytes[begin:] = data[:first]
            self._bytes[: len(data) - first] = data[first:]
        store_release(self._written_address, written + count)
        return count


class RingReader(_RingEnd):
    """The reading end."""

    def __init__(self, segment: Segment, dtype: np.dtype[Any]) -> None:
        super().__init__(segment, dtype)
        self._nothing = np.empty(0, dtype)

    @property
    def position(self) -> int:
        """How many records have been taken since the ring was made."""
        return load_acquire(self._read_address)

    def pop_into(self, buffer: NDArray[Any]) -> int:
        """Move the oldest records to the front of ``buffer``, as many as fit, and return how many."""
        count = self.peek_into(buffer)
        self.move_to(self.position + count)
        return count

    def move_to(self, position: int) -> None:
        """Count everything before ``position`` as taken: its slots may be written again."""
        store_release(self._read_address, position)

    def peek_into(self, buffer: NDArray[Any]) -> int:
        """Copy the oldest records to the front of ``buffer``, as many as fit; return how many. They stay, too."""
        read = load_acquire(self._read_address)
        count = min(load_acquire(self._written_address) - read, len(buffer))
        if not count:
            return 0
        start = read % self.capacity
        first = min(count, self.capacity - start)
        target = buffer.view(self._raw)
        target[:first] = self._slots[start : start + first]
        target[first:count] = self._slots[: count - first]
        return count

    def pop_all(self) -> NDArray[Any]:
        """Return everything that waits, oldest first, as a copy."""
        if not len(self):
            return self._nothing
        buffer = np.empty(self.capacity, self._dtype)
        return buffer[: self.pop_into(buffer)].copy()
