"""The library watch: tells early that the library's sound comes near what it may take, and makes room if it may."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.control.clerk import Clerk
from engine.control.quota import folder_bytes
from engine.control.watch import Watch
from engine.errors import EngineError
from engine.events import Event, LibraryPruned, LibrarySpaceChanged, Space
from engine.questions import PruneLibrary

log = logging.getLogger(__name__)

EARLY_PART = 0.9
"""Of what it may take: from here on there is a warning."""

DAY_SECONDS = 86400.0


class LibraryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What may stay. prunes: whether room is made by itself. unused_days: since a take was used last; 0: any time."""

    max_bytes: int = 1 << 62
    prunes: bool = False
    unused_days: int = 0


class LibraryWatch(Watch):
    """Looks at the folder of sounds, in a thread. now: returns a time in seconds."""

    first_seconds, look_seconds = 20.0, 300.0

    def __init__(
        self,
        clerk: Clerk,
        folder: Path,
        limits: LibraryLimits,
        tell: Callable[[tuple[Event, ...]], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._now = now
        self._clerk, self._folder, self._limits, self._tell = clerk, folder, limits, tell
        self._state: Space = "ok"
        self._pruned_at = -DAY_SECONDS

    async def look(self) -> None:
        """Look at what is taken, tell of another state of it, and make room where that is wanted."""
        now = self._now()
        used = await asyncio.to_thread(folder_bytes, self._folder)
        limits = self._limits
        due = limits.unused_days > 0 and now - self._pruned_at >= DAY_SECONDS
        if limits.prunes and (due or used > limits.max_bytes):
            self._pruned_at = now
            used -= await self._prune()
        self.judge(used)

    def judge(self, used_bytes: int) -> None:
        """Take note of what is taken, and tell when that makes another state of it."""
        most = self._limits.max_bytes
        state: Space = "full" if used_bytes > most else "low" if used_bytes > EARLY_PART * most else "ok"
        if state != self._state:
            self._state = state
            self._tell((LibrarySpaceChanged(state=state, used_mb=used_bytes / 1e6, max_mb=most / 1e6),))

    async def _prune(self) -> int:
        """Make room; return how many bytes are gone."""
        question = PruneLibrary(max_bytes=self._limits.max_bytes, unused_days=self._limits.unused_days)
        try:
            ((sounds, gone, over),) = await self._clerk.ask(question)
        except EngineError as error:
            log.error("the library can't be pruned: %s", error)
            return 0
        if sounds:
            self._tell((LibraryPruned(sounds=int(sounds), mb=int(gone) / 1e6, over_mb=int(over) / 1e6),))
        return int(gone)
