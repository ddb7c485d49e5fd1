"""The compiled timeline in shared memory: control publishes whole tables, the audio process plays the newest.

Three tables take turns. The writer never waits and never touches the table that is published or the one that is held
by the reader; the reader marks what it holds and then looks again whether that is still the published one (a hazard
pointer). So no table is ever torn, no side blocks the other, and either process can be replaced at any moment:
both words live in the memory. ``published`` and ``held`` each carry ``generation * TABLES + table``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MemoryShort
from engine.realtime.atomics import fence, load_acquire, store_release
from engine.realtime.memory import Segment
from engine.realtime.records import ENTRY

TABLES = 3
_LINE_BYTES = 64
_PUBLISHED, _HELD, _COUNTS, _ENTRIES = 0, _LINE_BYTES, 2 * _LINE_BYTES, 3 * _LINE_BYTES


def timeline_bytes(capacity: int, dtype: np.dtype[Any] = ENTRY) -> int:
    """Return the size of a segment whose tables hold ``capacity`` entries each."""
    return _ENTRIES + TABLES * capacity * dtype.itemsize


class _TimelineEnd:
    def __init__(self, segment: Segment, dtype: np.dtype[Any] = ENTRY) -> None:
        self._published_address = segment.address + _PUBLISHED
        self._held_address = segment.address + _HELD
        self._counts = segment.view(np.int64, _COUNTS, TABLES)
        entries = segment.view(dtype, _ENTRIES)
        self.capacity = len(entries) // TABLES
        self._tables = [entries[i * self.capacity : (i + 1) * self.capacity] for i in range(TABLES)]


class TimelineWriter(_TimelineEnd):
    """Control's end."""

    @property
    def generation(self) -> int:
        """The newest table's."""
        return int(load_acquire(self._published_address)) // TABLES

    def publish(self, entries: NDArray[Any]) -> int:
        """Make ``entries`` (ENTRY, sorted by start_frame) the timeline and return its generation.

        Never waits; a table that the reader has not taken yet is simply overtaken. Raises MemoryShort when there are
        more entries than a table holds.
        """
        if len(entries) > self.capacity:
            what = "clips" if entries.dtype == ENTRY else "moves of automation"
            raise MemoryShort(f"the timeline has {len(entries)} {what}; this engine was started for {self.capacity}")
        published = load_acquire(self._published_address)
        fence()  # the reader's mark is read after our last publication: see TimelineReader.take
        busy = {published % TABLES, load_acquire(self._held_address) % TABLES}
        table = next(i for i in range(TABLES) if i not in busy)
        self._tables[table][: len(entries)] = entries
        self._counts[table] = len(entries)
        generation = published // TABLES + 1
        store_release(self._published_address, generation * TABLES + table)
        return generation


class TimelineReader(_TimelineEnd):
    """The audio process's end."""

    def __init__(self, segment: Segment, dtype: np.dtype[Any] = ENTRY) -> None:
        super().__init__(segment, dtype)
        self._taken = -1

    def take(self) -> tuple[NDArray[Any], int] | None:
        """Return the newest table and its generation if it is new, else None.

        The table is a view: valid and unchanged until the next ``take`` that returns one. Generation 0 is the empty
        timeline of the start and is not returned.
        """
        published = load_acquire(self._published_address)
        if published in (self._taken, 0):
            return None
        while True:  # repeats only if control publishes between the two looks
            store_release(self._held_address, published)
            fence()
            again = load_acquire(self._published_address)
            if again == published:
                break
            published = again
        self._taken = published
        table = published % TABLES
        return self._tables[table][: int(self._counts[table])], published // TABLES
