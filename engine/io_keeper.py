"""The io process's keeper: starts it when something needs it, and another one when it dies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from engine.child import Child
from engine.realtime.beats import Beats, Heart
from engine.realtime.shared import EngineMemory
from engine.watchdog import SHORT_SECONDS, Watchdog

log = logging.getLogger(__name__)

IO_MODULE = "engine.io.io_process"
STOP_SECONDS = 3.0
HANG_SECONDS = 20.0
"""A process that gives no sign of life for so long waits for a disk that will never answer."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 10.0
"""How long there is none after one that died soon; every time twice as long."""

Message = dict[str, Any]


class IoKeeper:
    """Owns the io process. tell: hears what it says.

    What it must know it is told by control whenever it says that it has started, or that it runs: so nothing is kept
    for it here, and what is sent while there is none is dropped.
    """

    def __init__(self, memory: EngineMemory, tell: Callable[[Message], None]) -> None:
        self.sample_rate = 0
        self._memory, self._tell = memory, tell
        self._needed = asyncio.Event()
        self._child: Child | None = None
        self._beats = Beats(memory.beats)

    def send(self, message: Message) -> None:
        """Pass a message on, if it is one; the first call has the process started."""
        self._needed.set()
        if self._child is not None and message:
            self._child.send(message)

    async def run(self) -> None:
        """Keep the process running, once it is needed, until cancelled."""
        await self._needed.wait()
        pause = FIRST_PAUSE_SECONDS
        while True:
            since = time.monotonic()
            reason = await self._live()
            lived = time.monotonic() - since
            log.error("another io process takes over: %s", reason)
            if lived < SHORT_SECONDS:
                await asyncio.sleep(pause)
                pause = min(2.0 * pause, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS

    async def close(self) -> None:
        """Stop it."""
        if self._child is not None:
            await self._child.stop(STOP_SECONDS)

    async def _live(self) -> str:
        """Run one process to its end; return why it ended."""
        child = self._child = await Child.start(IO_MODULE, self._memory.handles)
        child.send({"memory": self._memory.describe(), "sample_rate": self.sample_rate})
        watching = asyncio.create_task(self._kill_if_it_hangs(child))
        try:
            while (message := await child.receive()) is not None:
                self._tell(message)
            return f"it died (exit code {child.returncode})"
        finally:
            watching.cancel()

    async def _kill_if_it_hangs(self, child: Child) -> None:
        await Watchdog(lambda: self._beats.count(Heart.IO), HANG_SECONDS).wait()
        log.error("the io process gave no sign of life for %g s; killing it", HANG_SECONDS)
        child.kill()
