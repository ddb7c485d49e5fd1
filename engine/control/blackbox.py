"""The black box: the last minute of commands, events and counters, written to a file when something went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.commands import Command
from engine.errors import EngineError
from engine.events import Event
from engine.realtime.black_ring import BlackRing

log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
MOST_FILES = 20
COUNT_SECONDS = 1.0
"""How often the counters are noted."""
APART_SECONDS = KEPT_SECONDS - 2.0
"""How long after a file underflows wait for the next one, which has them all."""
PAUSE_SECONDS = 10.0
"""A process that is replaced again so soon is no news."""

Counters = dict[str, Any]


class BlackBox:
    """Notes and writes. folder: of the files. counters: reads what is counted; facts: what the reader must know."""

    def __init__(
        self, ring: BlackRing, folder: Path, *, counters: Callable[[], Counters], facts: Callable[[], Counters]
    ) -> None:
        self._ring, self._folder = ring, folder
        self._counters, self._facts = counters, facts
        self._encode = msgspec.json.Encoder().encode
        self._underflows: int | None = None
        self._untold = 0
        """Underflows since the last file."""
        self._written_at = self._happened_at = float("-inf")
        self._writing: set[asyncio.Task[None]] = set()
        self._counting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to note the counters."""
        self._counting = asyncio.create_task(self._count())

    async def close(self) -> None:
        """Finish what is being written."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
        await asyncio.gather(*self._writing, return_exceptions=True)

    def command(self, command: Command, at_frame: int | None, error: EngineError | None = None) -> None:
        """Note a command, and why it was refused."""
        refused = {} if error is None else {"error": error.code}
        self._note({"command": command, "at_frame": at_frame, **refused})

    def events(self, events: tuple[Event, ...]) -> None:
        """Note events."""
        for event in events:
            self._note({"event": event})

    def happened(self, reason: str) -> None:
        """Begin to write a file, unless something happened just now."""
        if time.monotonic() - self._happened_at > PAUSE_SECONDS:
            self._happened_at = time.monotonic()
            self._begin(reason)

    def write(self, reason: str) -> Path:
        """Write a file now and return its path; the oldest beyond MOST_FILES go. Raises EngineError."""
        now = time.time()
        head = {"blackbox": 1, "reason": reason, "when": now, **self._facts()}
        lines = [self._encode(head), *self._recent(now), self._encode({"t": now, "counters": self._counters()})]
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        name = f"blackbox-{stamp}-{int(now % 1 * 1000):03}-{_slug(reason)}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / name
            temporary = path.with_suffix(".tmp")
            temporary.write_bytes(b"\n".join(lines) + b"\n")
            temporary.replace(path)
            for old in sorted(self._folder.glob("blackbox-*.jsonl"))[:-MOST_FILES]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise EngineError(f"the black box can't be written into {self._folder}: {error.strerror}") from error
        log.warning("black box written (%s): %s", reason, path)
        return path

    def _begin(self, reason: str) -> None:
        self._written_at, self._untold = time.monotonic(), 0
        task = asyncio.create_task(self._write_safely(reason))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write_safely(self, reason: str) -> None:
        try:
            await asyncio.to_thread(self.write, reason)
        except EngineError as error:
            log.error("%s", error)

    async def _count(self) -> None:
        while True:
            counters = self._counters()
            self._note({"counters": counters})
            if "underflows" in counters:  # else nobody counts just now
                self._look_at(counters["underflows"])
            await asyncio.sleep(COUNT_SECONDS)

    def _look_at(self, underflows: int) -> None:
        """Have a file written if there are more than before, unless there is one of this minute."""
        if self._underflows is not None:
            self._untold += max(0, underflows - self._underflows)
        self._underflows = underflows
        if self._untold and time.monotonic() - self._written_at > APART_SECONDS:
            self._begin(f"{self._untold} underflow{'s' * (self._untold > 1)}")

    def _note(self, entry: dict[str, Any]) -> None:
        self._ring.append(self._encode({"t": round(time.time(), 4), **entry}))

    def _recent(self, now: float) -> list[bytes]:
        """Return the entries of the last minute; those of a process before this one are among them."""
        recent = []
        for entry in self._ring.entries():
            with contextlib.suppress(ValueError):
                if float(entry[5 : entry.index(b",")]) >= now - KEPT_SECONDS:  # {"t":1234.5,
                    recent.append(entry)
        return recent


def _slug(reason: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", reason.lower()).strip("-")[:40]
