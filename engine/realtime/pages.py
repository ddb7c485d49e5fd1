"""Pages: how clips that stay on the disk lie in the clip memory: a table per clip, and pages that come and go.

Control lays a clip's table into the arena; the io process writes pages into the pool, the arena's last part, and
releases each into the table; the audio process acquires what it plays and notes in the table where that is. A page that
nobody wants any more is taken out of the table first; its place is used again only after a whole block has been mixed
since. So a clip of any length takes what lies around its players, and whoever plays it needs no ring of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.realtime.atomics import load_acquire, store_release

FLOAT_BYTES = 4
WORD_BYTES = 8
WORD_FLOATS = WORD_BYTES // FLOAT_BYTES

PAGE_FLOATS = 1 << 15
"""A page is 128 KiB: 0.34 s of stereo at 48 kHz."""

FRAMES, CHANNELS, PAGE_FRAMES, STAMP, ASKING = range(5)
"""The table's 64-bit words. FRAMES, CHANNELS: of the clip. PAGE_FRAMES: of one page. STAMP: the engine frame of the
block in which somebody last played it; ASKING: how many players did."""
PLACES, MOST_PLACES = 8, 16
"""From PLACES on: where in the clip these players are."""
FIRST_PAGE = PLACES + MOST_PLACES
"""From here on one word for each page: one more than the arena index of its first float; 0: it is not there."""


def table_floats(frames: int, channels: int) -> int:
    """Return how much of the arena the table of a clip takes."""
    return WORD_FLOATS * (FIRST_PAGE + page_count(frames, channels))


def page_count(frames: int, channels: int) -> int:
    """Return how many pages a clip has."""
    return -(-frames // (PAGE_FLOATS // channels))


class PageTable:
    """The table at float ``offset`` of ``arena``, the whole of it. Any process; who may write what is said above."""

    def __init__(self, arena: NDArray[np.float32], offset: int) -> None:
        if offset % WORD_FLOATS:
            raise ValueError(f"a table begins at an even float, not at {offset}")
        self.offset = offset
        self._arena = arena  # holds the memory
        self._address = int(arena.ctypes.data) + offset * FLOAT_BYTES

    def open(self, frames: int, channels: int) -> None:
        """Make it the table of a clip of which nothing is there. Control, before anybody else knows of it."""
        floats = table_floats(frames, channels)
        self._arena[self.offset : self.offset + floats] = 0.0
        for word, value in ((FRAMES, frames), (CHANNELS, channels), (PAGE_FRAMES, PAGE_FLOATS // channels)):
            self._store(word, value)

    @property
    def frames(self) -> int:
        """Frames of the whole clip."""
        return self._load(FRAMES)

    @property
    def channels(self) -> int:
        """Channels of the clip, 1 or 2."""
        return self._load(CHANNELS)

    @property
    def page_frames(self) -> int:
        """Frames of one page."""
        return self._load(PAGE_FRAMES)

    @property
    def pages(self) -> int:
        """How many pages the whole clip has."""
        return page_count(self.frames, self.channels)

    def page(self, index: int) -> int | None:
        """Return the arena index of a page's first float, None when it is not there."""
        return self._load(FIRST_PAGE + index) - 1 if self._load(FIRST_PAGE + index) else None

    def put(self, index: int, offset: int) -> None:
        """Let the page that lies at ``offset``, whole, be played. The io process."""
        self._store(FIRST_PAGE + index, offset + 1)

    def take_out(self, index: int) -> None:
        """Let nobody begin to play a page any more. The io process."""
        self._store(FIRST_PAGE + index, 0)

    def asked(self) -> tuple[int, tuple[int, ...]]:
        """Return the engine frame of the last block that played it, and where in the clip its players were."""
        stamp = self._load(STAMP)
        count = min(MOST_PLACES, self._load(ASKING))
        return stamp, tuple(self._load(PLACES + place) for place in range(count))

    def _load(self, word: int) -> int:
        return load_acquire(self._address + word * WORD_BYTES)

    def _store(self, word: int, value: int) -> None:
        store_release(self._address + word * WORD_BYTES, value)
