"""A segment of shared memory: nameless, reserved in full, seen as numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.errors import MemoryShort
from engine.platform import close_shared, map_shared, open_shared, reserve_shared, size_shared

_PAGE_BYTES = 4096


class Segment:
    """Shared memory of one purpose. It has no name: a child gets its ``handle`` and nothing can be left behind."""

    def __init__(self, handle: int, size_bytes: int) -> None:
        self.handle = handle
        self.size_bytes = size_bytes
        self._bytes: NDArray[np.uint8] = np.frombuffer(map_shared(handle, size_bytes), np.uint8)
        self.address = int(self._bytes.ctypes.data)

    @classmethod
    def create(cls, size_bytes: int, handle: int | None = None, *, reserve: bool = True) -> Segment:
        """Make zeroed memory, all of it now unless ``reserve`` follows. Raises MemoryShort when there is less.

        handle: one of ``open_shared``, if there is one; the caller's until there is a segment.
        """
        own = open_shared() if handle is None else handle
        try:
            size_shared(own, size_bytes)
            if reserve:
                reserve_shared(own, size_bytes)
        except MemoryShort:
            if handle is None:
                close_shared(own)
            raise
        return cls(own, size_bytes)

    def reserve(self) -> None:
        """Have the system give all of it now, from any thread. Raises MemoryShort."""
        reserve_shared(self.handle, self.size_bytes)

    @classmethod
    def attach(cls, handle: int, size_bytes: int) -> Segment:
        """Map memory that another process created and whose ``handle`` was passed on."""
        return cls(handle, size_bytes)

    def view(self, dtype: DTypeLike, offset_bytes: int = 0, count: int = -1) -> NDArray[Any]:
        """Return ``count`` items (-1: all that fit) from ``offset_bytes`` on, without a copy."""
        dtype = np.dtype(dtype)
        if count < 0:
            count = (self.size_bytes - offset_bytes) // dtype.itemsize
        return self._bytes[offset_bytes : offset_bytes + count * dtype.itemsize].view(dtype)

    def prefault(self) -> None:
        """Touch every page, so that no later access waits for the system to map one."""
        int(self._bytes[::_PAGE_BYTES].max(initial=0))

    def close(self) -> None:
        """Give the handle back. The mapping itself goes with the last view of it."""
        if self.handle >= 0:
            close_shared(self.handle)
            self.handle = -1
            self._bytes = np.empty(0, np.uint8)
