"""The time watch: tells that the machine was suspended, or its clock set. Frames go on; time tags do not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from engine.clock import wall_ahead_ns
from engine.events import Event, TimeJumped

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
JUMP_SECONDS = 0.05
"""What a clock is set by at once is told; what it is led back slowly, as NTP does, comes to 0.5 ms a second."""


class TimeWatch:
    """Looks at how the machine's two clocks stand to each other. Event loop of the control process only."""

    def __init__(
        self, tell: Callable[[tuple[Event, ...]], object], ahead_ns: Callable[[], int] = wall_ahead_ns
    ) -> None:
        self._tell, self._ahead_ns = tell, ahead_ns
        self._before_ns = ahead_ns()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """Tell a jump since the last look."""
        ahead_ns = self._ahead_ns()
        seconds = (ahead_ns - self._before_ns) / 1e9
        self._before_ns = ahead_ns
        if abs(seconds) >= JUMP_SECONDS:
            log.warning("the machine's clock has jumped by %+.3f s: it was set, or the machine was suspended", seconds)
            self._tell((TimeJumped(seconds=seconds),))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()
