"""The black box's memory: the newest entries of a log, in shared memory, readable after whoever wrote them is gone.

Two pages take turns: the older one is forgotten as a whole when the newer one is full.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release
from engine.realtime.memory import Segment

_LINE_BYTES = 64
_LENGTH = struct.Struct("<i")


class BlackRing:
    """One process writes at a time. An entry that is longer than a page is left out."""

    def __init__(self, segment: Segment) -> None:
        self._page_bytes = (segment.size_bytes - 3 * _LINE_BYTES) // 2
        self._turns = segment.address
        self._used = (segment.address + _LINE_BYTES, segment.address + 2 * _LINE_BYTES)
        self._pages: NDArray[np.uint8] = segment.view(np.uint8, 3 * _LINE_BYTES, 2 * self._page_bytes)

    def append(self, entry: bytes) -> None:
        """Keep ``entry``."""
        whole = _LENGTH.pack(len(entry)) + entry
        page = load_acquire(self._turns) & 1
        used = load_acquire(self._used[page])
        if used + len(whole) > self._page_bytes:
            if len(whole) > self._page_bytes:
                return
            page, used = 1 - page, 0
            store_release(self._used[page], 0)
            store_release(self._turns, load_acquire(self._turns) + 1)
        start = page * self._page_bytes + used
        self._pages[start : start + len(whole)] = np.frombuffer(whole, np.uint8)
        store_release(self._used[page], used + len(whole))

    def entries(self) -> Iterator[bytes]:
        """Yield what is kept, oldest first."""
        newer = load_acquire(self._turns) & 1
        for page in (1 - newer, newer):
            used = load_acquire(self._used[page])
            log = self._pages[page * self._page_bytes :][:used].tobytes()
            at = 0
            while at < used:
                (length,) = _LENGTH.unpack_from(log, at)
                at += _LENGTH.size
                yield log[at : at + length]
                at += length
