"""The clip arena's map: which floats are taken. Pure bookkeeping in the control process, no audio.

A freed block may still sound: its memory is used again only after the audio process has acknowledged an epoch that
was asked for after the free, by which time it holds no player that was stopped before.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Callable

from engine.errors import MemoryShort

ALIGN_FLOATS = 16
"""Blocks begin on cache lines: two workers never write to the same one."""


class ArenaAllocator:
    """First fit over a sorted list of gaps; neighbours join when they come back.

    request_epoch: asks the audio process to acknowledge an epoch; False when the ring is full (``poll`` tries again).
    """

    def __init__(self, size_floats: int, request_epoch: Callable[[int], bool]) -> None:
        self.size_floats = size_floats
        self._request_epoch = request_epoch
        self._gaps: list[tuple[int, int]] = [(0, size_floats)]
        self._blocks: dict[int, int] = {}
        self._leaving: list[tuple[int, int]] = []
        self._asked: list[tuple[int, int, int]] = []
        self._epoch = time.monotonic_ns()  # beyond those that a process which is gone has asked for

    @property
    def used_floats(self) -> int:
        """Floats that are allocated or not yet released by the audio process."""
        return self.size_floats - sum(size for _, size in self._gaps)

    @property
    def freeing(self) -> bool:
        """Whether blocks wait for the audio process to let go of them."""
        return bool(self._leaving or self._asked)

    def allocate(self, floats: int) -> int:
        """Return the offset of a block of ``floats``. Raises MemoryShort when no gap is long enough."""
        size = max(ALIGN_FLOATS, -(-floats // ALIGN_FLOATS) * ALIGN_FLOATS)
        for index, (start, length) in enumerate(self._gaps):
            if length >= size:
                self._gaps[index : index + 1] = [(start + size, length - size)] if length > size else []
                self._blocks[start] = size
                return start
        raise MemoryShort(
            f"no room for {floats:,} floats in the clip arena: {self.used_floats:,} of {self.size_floats:,} are used, "
            f"the longest gap is {max((length for _, length in self._gaps), default=0):,}; raise arena_bytes"
        )

    def claim(self, offset: int, floats: int) -> None:
        """Count a block as allocated that a process which is gone has allocated. Raises MemoryShort if it is taken."""
        size = max(ALIGN_FLOATS, -(-floats // ALIGN_FLOATS) * ALIGN_FLOATS)
        for index, (start, length) in enumerate(self._gaps):
            if start <= offset and offset + size <= start + length:
                rest = [(start, offset - start), (offset + size, start + length - offset - size)]
                self._gaps[index : index + 1] = [gap for gap in rest if gap[1]]
                self._blocks[offset] = size
                return
        raise MemoryShort(f"{floats:,} floats at {offset:,} of the clip arena are taken already")

    def trim(self, offset: int, floats: int) -> None:
        """Give back what the block at ``offset`` has beyond ``floats``: nobody has read or written there."""
        size = max(ALIGN_FLOATS, -(-floats // ALIGN_FLOATS) * ALIGN_FLOATS)
        surplus = self._blocks[offset] - size
        if surplus > 0:
            self._blocks[offset] = size
            self._join(offset + size, surplus)

    def free(self, offset: int) -> None:
        """Give the block at ``offset`` back; stop what plays it first. Raises KeyError if there is none."""
        self._leaving.append((offset, self._blocks.pop(offset)))
        self.poll()

    def poll(self) -> None:
        """Ask for the epoch of blocks whose request found the ring full."""
        if self._leaving and self._request_epoch(self._epoch + 1):
            self._epoch += 1
            self._asked += [(self._epoch, offset, size) for offset, size in self._leaving]
            self._leaving.clear()

    def acknowledge(self, epoch: int) -> None:
        """Take back the blocks that were freed up to ``epoch``: the audio process has reported it."""
        done = [block for block in self._asked if block[0] <= epoch]
        self._asked = [block for block in self._asked if block[0] > epoch]
        for _, offset, size in done:
            self._join(offset, size)

    def _join(self, offset: int, size: int) -> None:
        index = bisect_left(self._gaps, (offset, 0))
        if index < len(self._gaps) and self._gaps[index][0] == offset + size:
            size += self._gaps.pop(index)[1]
        if index and sum(self._gaps[index - 1]) == offset:
            start, length = self._gaps.pop(index - 1)
            offset, size = start, length + size
        insort(self._gaps, (offset, size))
