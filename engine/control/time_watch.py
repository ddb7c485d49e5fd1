"""The time watch: tells that the machine was suspended, or its clock set. Frames go on; time tags do not."""

from __future__ import annotations

import logging
from collections.abc import Callable

from engine.clock import wall_ahead_ns
from engine.control.watch import Watch
from engine.events import Event, TimeJumped

log = logging.getLogger(__name__)

JUMP_SECONDS = 0.05
"""What a clock is set by at once is told; what it is led back slowly, as NTP does, comes to 0.5 ms a second."""


class TimeWatch(Watch):
    """Looks at how the machine's two clocks stand to each other."""

    look_seconds = 1.0

    def __init__(
        self, tell: Callable[[tuple[Event, ...]], object], ahead_ns: Callable[[], int] = wall_ahead_ns
    ) -> None:
        super().__init__()
        self._tell, self._ahead_ns = tell, ahead_ns
        self._before_ns = ahead_ns()

    async def look(self) -> None:
        """Tell a jump since the last look."""
        ahead_ns = self._ahead_ns()
        seconds = (ahead_ns - self._before_ns) / 1e9
        self._before_ns = ahead_ns
        if abs(seconds) >= JUMP_SECONDS:
            log.warning("the machine's clock has jumped by %+.3f s: it was set, or the machine was suspended", seconds)
            self._tell((TimeJumped(seconds=seconds),))
