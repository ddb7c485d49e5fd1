"""Signs of life: one counter per process in shared memory, which the supervisor watches. No sign for long: it hangs."""

from __future__ import annotations

from enum import IntEnum

from engine.realtime.atomics import load_acquire, store_release
from engine.realtime.memory import Segment

_LINE_BYTES = 64


class Heart(IntEnum):
    """Whose counter."""

    AUDIO = 0
    CONTROL = 1
    IO = 2


BEATS_BYTES = _LINE_BYTES * len(Heart)


class Beats:
    """The counters; each has one writer."""

    def __init__(self, segment: Segment) -> None:
        self._address = segment.address
        self._mapping = segment.view("<u1")  # keeps the memory mapped as long as somebody counts

    def beat(self, heart: Heart) -> None:
        """Give a sign of life. Cheap enough for every block."""
        address = self._address + heart * _LINE_BYTES
        store_release(address, load_acquire(address) + 1)

    def count(self, heart: Heart) -> int:
        """Return how many signs there were; whoever takes over counts on."""
        return load_acquire(self._address + heart * _LINE_BYTES)
