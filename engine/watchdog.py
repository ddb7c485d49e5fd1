"""Watchdog and Doom: what gives no sign of life for too long, and what dies again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LOOK_SECONDS = 0.1


class Watchdog:
    """Looks at a counter every LOOK_SECONDS; ``bites`` when it has stood still for too long.

    Looks are counted, not seconds: on a machine that was suspended, or stands still as a whole, we did not look either.
    """

    def __init__(self, count: Callable[[], int], patience_seconds: float) -> None:
        self._count = count
        self._patience = max(2, round(patience_seconds / LOOK_SECONDS))
        self._seen = -1
        self._looks = 0

    def bites(self) -> bool:
        """Look once; return whether it hangs. Begins anew after that."""
        count = self._count()
        if count != self._seen:
            self._seen, self._looks = count, 0
            return False
        self._looks += 1
        if self._looks < self._patience:
            return False
        self._looks = 0
        return True

    def restart(self) -> None:
        """Give it all its time again: something else is watched now."""
        self._looks = 0

    async def wait(self) -> None:
        """Return when it hangs."""
        while not self.bites():
            await asyncio.sleep(LOOK_SECONDS)


SHORT_SECONDS = 5.0
DEATHS = 5


class Doom:
    """Counts lives that ended before they were SHORT_SECONDS long; DEATHS in a row are hopeless."""

    def __init__(self) -> None:
        self._born = time.monotonic()
        self._short = 0

    def born(self) -> None:
        """Note that a life begins."""
        self._born = time.monotonic()

    def died(self) -> bool:
        """Note that it ended; return whether there is no hope for the next one."""
        self._short = self._short + 1 if time.monotonic() - self._born < SHORT_SECONDS else 0
        return self._short >= DEATHS
