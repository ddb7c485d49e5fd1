"""A watch: looks at something of the machine again and again, beside everything that control does."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod

log = logging.getLogger(__name__)


class Watch(ABC):
    """Looks every so often, for as long as it is begun. Event loop of the control process only.

    What can't be looked at just now (a disk that has gone away) is complained of once, and looked at again.
    """

    first_seconds = 0.0
    look_seconds: float

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._complained = False

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._go_on())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def look(self) -> None:
        """Look once. What takes time goes to a thread."""

    async def _go_on(self) -> None:
        await asyncio.sleep(self.first_seconds)
        while True:
            try:
                await self.look()
                self._complained = False
            except OSError as error:
                if not self._complained:
                    log.warning("the %s can't look: %s", type(self).__name__, error)
                self._complained = True
            await asyncio.sleep(self.look_seconds)
