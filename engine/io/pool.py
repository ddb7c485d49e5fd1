"""The pool's places: which page lies where, which are free, and which are on their way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

from engine.realtime.pages import PAGE_FLOATS, PageTable

Page = tuple[int, int]
"""A table and the number of one of its pages."""


class PagePool:
    """Places of PAGE_FLOATS floats from ``first_float`` of the arena on.

    blocks: how many blocks have been mixed so far. A page that was taken out of its table may still be heard by the
    block that is being mixed: its place is free when another one has ended.
    """

    def __init__(self, first_float: int, floats: int, blocks: Callable[[], int]) -> None:
        self._blocks = blocks
        self._free = deque(first_float + place * PAGE_FLOATS for place in range(floats // PAGE_FLOATS))
        self._leaving: deque[tuple[int, int]] = deque()
        self._held: dict[Page, int] = {}
        """Pages by their last use: the first was wanted longest ago."""
        self.places = len(self._free)

    def __contains__(self, page: Page) -> bool:
        return page in self._held

    @property
    def held(self) -> Collection[Page]:
        """The pages that are there, the one that was wanted longest ago first."""
        return self._held.keys()

    @property
    def spare(self) -> int:
        """How many places are free, now or soon."""
        return len(self._free) + len(self._leaving)

    def claim(self, table: PageTable) -> None:
        """Hold what an io process before this one has left in ``table``."""
        for index in range(table.pages):
            offset = table.page(index)
            if offset is not None and (table.offset, index) not in self._held:
                self._held[table.offset, index] = offset
                self._free.remove(offset)

    def take(self) -> int | None:
        """Return the first float of a free place, None when there is none now."""
        while self._leaving and self._blocks() > self._leaving[0][0]:
            self._free.append(self._leaving.popleft()[1])
        return self._free.popleft() if self._free else None

    def hold(self, page: Page, offset: int) -> None:
        """Note that ``page`` lies at ``offset``, which was taken."""
        self._held[page] = offset

    def give_back(self, offset: int) -> None:
        """Free a place that was taken for nothing."""
        self._free.append(offset)

    def touch(self, page: Page) -> None:
        """Note that ``page`` is wanted."""
        self._held[page] = self._held.pop(page)

    def let_go(self, page: Page, table: PageTable) -> None:
        """Take a page out of its table and free its place as soon as nobody can hear it."""
        offset = self._held.pop(page)
        table.take_out(page[1])
        blocks = self._blocks()
        if blocks:
            self._leaving.append((blocks, offset))
        else:
            self._free.append(offset)  # nothing has ever been mixed
