"""The streamer: keeps what is about to be played of clips on the disk in the pool, and the places where one may begin.

Needed are LOOK_AHEAD_SECONDS from every player on and HEAD_SECONDS from every head on, what is needed first before all.
Where there is room, wanted are FAR_SECONDS: so long it may take until another io process reads on. Pages that nobody
wants stay until their place is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.io.messages import Closed, Crowded, Failing, Heads, Open, Opened, Refused, Told
from engine.io.pool import Page, PagePool
from engine.realtime.pages import PAGE_FLOATS, PageTable
from engine.voices.file_reader import FileReader

log = logging.getLogger(__name__)

LOOK_AHEAD_SECONDS, FAR_SECONDS = 2.0, 5.0
HEAD_SECONDS = 0.5
PLAYED_SECONDS = 0.5
"""Who has not played for so long plays no more."""
RETRY_SECONDS = 1.0
"""How long a file that can't be read is left alone."""
SPARE_PLACES = 4
"""Places that are kept free, so that what is needed at once waits for no block to end."""
MOST_OPEN = 64
"""Files that are open at once, however many a story has; one that was let go is opened again when it is needed."""
LATER, LAST = 1 << 40, 1 << 50
"""Heads come after everything that plays; last what nobody needs yet."""


class Stream:
    """One file and its table."""

    def __init__(self, ask: Open, arena: NDArray[np.float32], sample_rate: int) -> None:
        self.table = PageTable(arena, ask.table)
        self.heads = ask.heads
        self.announced = False
        self.silent_until = 0.0
        self.failing = ""
        self._path, self._sample_rate = Path(ask.path), sample_rate
        self._reader: FileReader | None = None
        self.page_frames, self.pages = self.table.page_frames, self.table.pages

    def check(self) -> None:
        """Open the file. Raises MediaError, also if it is not what the table was made for."""
        self.close()
        reader = self._reader = FileReader(self._path, self._sample_rate)
        expected = self.table.frames, self.table.channels
        if (reader.frames, reader.channels) != expected:
            raise MediaError(f"audio file {self._path} has changed: it has {reader.frames} frames, not {expected[0]}")

    def load(self, page: int, out: NDArray[np.float32]) -> None:
        """Read a page into ``out``, flat. Raises MediaError."""
        if self._reader is None:
            self.check()
        assert self._reader is not None
        sound = out[: self.page_frames * self.table.channels].reshape(self.page_frames, -1)
        self._reader.read(page * self.page_frames, sound)

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def pages_from(self, frame: int, frames: int) -> range:
        """Return the pages that hold ``frames`` frames from ``frame`` on."""
        last = (frame + frames - 1) // self.page_frames
        return range(max(0, frame // self.page_frames), min(self.pages, last + 1))


class Streamer:
    """All files. ``work`` belongs to one thread; everything else may come from another one.

    pool: (first float, floats) of the arena. blocks: how many blocks have been mixed; frame: the engine frame of the
    newest one. tell: hears what there is to say.
    """

    def __init__(
        self,
        arena: NDArray[np.float32],
        pool: tuple[int, int],
        sample_rate: int,
        blocks: Callable[[], int],
        frame: Callable[[], int],
        tell: Callable[[Told], object],
    ) -> None:
        self._arena, self._sample_rate = arena, sample_rate
        self._pool = PagePool(*pool, blocks)
        self._frame, self._tell = frame, tell
        self._streams: dict[int, Stream] = {}
        self._open: dict[int, Stream] = {}
        self._begun = False
        self._missing = 0
        self._lock = threading.Lock()

    def open(self, ask: Open) -> None:
        """Keep a file ready from now on; the answer comes when its heads are there."""
        stream = Stream(ask, self._arena, self._sample_rate)
        try:
            stream.check()  # without the lock: some formats are read from front to back to know their length
        except MediaError as error:
            with self._lock:
                if ask.table in self._streams:
                    self._forget(ask.table)
            self._tell(Refused(table=ask.table, text=str(error)))
            return
        with self._lock:
            if ask.table in self._streams:
                self._streams[ask.table].close()
            self._pool.claim(stream.table)
            self._streams[ask.table] = stream
            self._used(stream)

    def begin(self) -> None:
        """Load from now on."""
        self._begun = True

    def set_heads(self, ask: Heads) -> None:
        """Take note of where one may begin."""
        heads: dict[int, list[int]] = {}
        for table, frame in ask.heads:
            heads.setdefault(table, []).append(frame)
        with self._lock:
            order = [table for table in heads if table in self._streams]
            self._streams = {table: self._streams[table] for table in dict.fromkeys([*order, *self._streams])}
            for table, stream in self._streams.items():
                if table in heads or stream.announced:
                    stream.heads = tuple(heads.get(table, ()))

    def close(self, table: int) -> None:
        """Let go of a file."""
        with self._lock:
            if table in self._streams:
                self._forget(table)
            self._tell(Closed(table=table))

    def work(self) -> bool:
        """Load what is wanted most; return whether there may be more to do."""
        with self._lock:
            if not self._begun:
                return False
            wanted = self._wanted()
            for page in wanted:
                if page in self._pool:
                    self._pool.touch(page)
            now = time.monotonic()
            missing = [p for p in wanted if p not in self._pool and self._streams[p[0]].silent_until <= now]
            needed = sum(wanted[page] < LAST for page in missing)
            self._make_room(wanted, needed, len(missing))
            worth = needed > 0 or self._pool.spare > SPARE_PLACES
            loaded = bool(missing) and worth and self._load(missing[0], wanted)
            self._announce(needed > 0 and not loaded)
            return loaded

    @property
    def plays(self) -> bool:
        """Whether anything is being played now."""
        with self._lock:
            return any(self._places(stream) for stream in self._streams.values())

    def _forget(self, table: int) -> None:
        stream = self._streams.pop(table)
        self._open.pop(table, None)
        stream.close()
        for page in [page for page in self._pool.held if page[0] == table]:
            self._pool.let_go(page, stream.table)

    def _used(self, stream: Stream) -> None:
        """Note whose file was needed last; let go of those needed longest ago where too many are open."""
        self._open.pop(stream.table.offset, None)
        self._open[stream.table.offset] = stream
        while len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open))).close()

    def _places(self, stream: Stream) -> tuple[int, ...]:
        stamp, places = stream.table.asked()
        return places if places and stamp >= self._frame() - PLAYED_SECONDS * self._sample_rate else ()

    def _wanted(self) -> dict[Page, int]:
        """Return every page that is wanted and in how many frames, soonest first."""
        found: dict[Page, int] = {}
        for order, stream in enumerate(self._streams.values()):
            for page, due in self._wanted_of(stream, LATER + order):
                key = stream.table.offset, page
                found[key] = min(due, found.get(key, due))
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def _wanted_of(self, stream: Stream, later: int) -> Iterator[tuple[int, int]]:
        for place in self._places(stream):
            near = stream.pages_from(place, round(LOOK_AHEAD_SECONDS * self._sample_rate))
            for page in stream.pages_from(place, round(FAR_SECONDS * self._sample_rate)):
                yield page, page * stream.page_frames - place + (0 if page in near else LAST)
        for head in stream.heads:
            for page in stream.pages_from(head, round(HEAD_SECONDS * self._sample_rate)):
                yield page, later

    def _make_room(self, wanted: dict[Page, int], needed: int, missing: int) -> None:
        """Let go of what nobody wants, as far as places are short; for what is needed, of what nobody needs yet."""
        idle = [page for page in self._pool.held if page not in wanted]
        self._let_go(idle[: max(0, missing + SPARE_PLACES - self._pool.spare)])
        if (short := needed + SPARE_PLACES - self._pool.spare) > 0:
            far = [page for page in self._pool.held if wanted.get(page, 0) >= LAST]
            self._let_go(sorted(far, key=wanted.__getitem__, reverse=True)[:short])

    def _let_go(self, pages: Iterable[Page]) -> None:
        for page in pages:
            self._pool.let_go(page, self._streams[page[0]].table)

    def _load(self, page: Page, wanted: dict[Page, int]) -> bool:
        """Load a page; return whether that was possible."""
        offset = self._pool.take()
        if offset is None:
            self._give_way(page, wanted)
            return False
        stream = self._streams[page[0]]
        place = self._arena[offset : offset + PAGE_FLOATS]
        try:
            stream.load(page[1], place)
        except MediaError as error:
            self._pool.give_back(offset)
            self._fails(stream, str(error))
            return True
        if not np.isfinite(place).all():
            place[~np.isfinite(place)] = 0.0
            self._tell(Failing(table=page[0], text="the file holds samples that are no numbers (NaN or infinite)"))
        elif stream.failing:
            stream.failing = ""
            self._tell(Failing(table=page[0], text=""))
        self._used(stream)
        stream.table.put(page[1], offset)
        self._pool.hold(page, offset)
        return True

    def _give_way(self, page: Page, wanted: dict[Page, int]) -> None:
        """Every place is taken by what is wanted: what is needed last gives way to what is needed now."""
        if self._pool.spare:
            return  # a place comes free with the next block
        last = max((held for held in self._pool.held if held in wanted), key=wanted.__getitem__, default=None)
        if last is not None and wanted[last] > wanted[page]:
            self._pool.let_go(last, self._streams[last[0]].table)

    def _fails(self, stream: Stream, text: str) -> None:
        stream.close()
        stream.silent_until = time.monotonic() + RETRY_SECONDS
        if stream.failing != text:
            stream.failing = text
            self._tell(Failing(table=stream.table.offset, text=text))

    def _announce(self, stuck: bool) -> None:
        """Tell whose heads are there, or will not be, and whether there are too few places."""
        for stream in self._streams.values():
            if not stream.announced and (stuck or self._is_ready(stream)):
                stream.announced = True
                self._tell(Opened(table=stream.table.offset))
        missing = 0
        if stuck and not self._pool.spare:
            missing = sum(due < LATER and page not in self._pool for page, due in self._wanted().items())
        if missing != self._missing:
            self._missing = missing
            self._tell(Crowded(missing=missing))

    def _is_ready(self, stream: Stream) -> bool:
        frames = round(HEAD_SECONDS * self._sample_rate)
        pages = [page for head in stream.heads for page in stream.pages_from(head, frames)]
        return all((stream.table.offset, page) in self._pool for page in pages)
