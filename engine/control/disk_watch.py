"""The disk watch: tells early that there will be no room for takes, again when there is none, and when there is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from engine.control.watch import Watch
from engine.errors import DiskFull
from engine.events import DiskSpaceChanged, Event, Space

LOW_BYTES, FULL_BYTES = 2 << 30, 64 << 20
"""Free bytes below which takes will soon, and do now, find no room."""


class DiskWatch(Watch):
    """Looks at the disk of one folder; it is asked in a thread."""

    look_seconds = 10.0

    def __init__(self, folder: Path, tell: Callable[[tuple[Event, ...]], object]) -> None:
        super().__init__()
        self._folder, self._tell = folder, tell
        self._state: Space = "ok"

    def check(self) -> None:
        """Raise DiskFull where takes find no room."""
        if self._state == "full":
            raise DiskFull(
                f"the disk of {self._folder} has less than {FULL_BYTES / 1e6:.0f} MB left: new takes would not be kept;"
                " make room, or name another cache_dir"
            )

    def judge(self, free_bytes: int) -> None:
        """Take note of what is free, and tell when that makes another state of it."""
        state: Space = "full" if free_bytes < FULL_BYTES else "low" if free_bytes < LOW_BYTES else "ok"
        if state != self._state:
            self._state = state
            self._tell((DiskSpaceChanged(folder=str(self._folder), state=state, free_mb=free_bytes / 1e6),))

    async def look(self) -> None:
        """Ask what is free, and judge it."""
        place = next((each for each in (self._folder, *self._folder.parents) if each.exists()), None)
        if place is not None:
            self.judge((await asyncio.to_thread(shutil.disk_usage, place)).free)
