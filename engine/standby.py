"""The standby: an audio process, imported and compiled, its graph built, that waits to take over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from engine.child import Child, StartFailed, answer
from engine.first_children import AUDIO_MODULE

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
AGAIN_SECONDS = 0.05

Message = dict[str, Any]


class Standby:
    """Keeps one audio process ready, another one when it dies. settings: its first line, as it is by then.

    died: hears of one that did.
    """

    def __init__(
        self,
        handles: tuple[int, ...],
        settings: Callable[[], Message],
        died: Callable[[Child], object],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._handles, self._settings, self._died, self._changed = handles, settings, died, changed
        self._child: Child | None = None
        self._ready = asyncio.Event()
        self._talking = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while there is none that is ready."""
        return self._child.pid if self._child is not None and self._ready.is_set() else None

    def start(self) -> None:
        """Begin to have one ready."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    def send(self, graph: Message) -> None:
        """Have it build another graph."""
        if self._child is not None and self._ready.is_set():
            self._child.send(graph)

    def tell(self, message: Message) -> None:
        """Let it know something that it does not answer, also while it is getting ready."""
        if self._child is not None:
            self._child.send(message)

    async def missing(self) -> str:
        """Return why the device that is wanted can't be had, or nothing when it can."""
        await self._ready.wait()
        async with self._talking:
            if self._child is None:
                return "nobody could look"
            self._child.send({"look": {}})
            try:
                return str(await answer(self._child, "missing", skip=("graph", "refused")))
            except StartFailed as error:
                return str(error)

    async def take(self) -> Child:
        """Give the process away, as it is needed now; one that is just starting is waited for. Raises StartFailed.

        ``start`` begins with another one.
        """
        await self._stop_keeping()
        child, self._child = self._child, None
        ready = self._ready.is_set()
        self._ready.clear()
        self._changed()
        if child is None or child.returncode is not None:
            child, ready = await Child.start(AUDIO_MODULE, self._handles), False
            child.send(self._settings())
        if not ready:
            try:
                await answer(child, "standby")
            except StartFailed:
                await child.stop(0.0)
                raise
        return child

    async def close(self) -> None:
        """Stop it."""
        await self._stop_keeping()
        if self._child is not None:
            await self._child.stop(0.0)
            self._child = None

    async def _stop_keeping(self) -> None:
        """End the task that keeps one ready. More than once: a wait that ends just then swallows the cancellation."""
        keeping, self._keeping = self._keeping, None
        while keeping is not None and not keeping.done():
            keeping.cancel()
            await asyncio.wait({keeping}, timeout=AGAIN_SECONDS)

    async def _keep(self) -> None:
        while True:
            self._child = child = await Child.start(AUDIO_MODULE, self._handles)
            child.send(self._settings())
            try:
                await answer(child, "standby")
            except StartFailed as error:
                log.warning("the standby did not start: %s", error)
                await child.stop(0.0)
                self._died(child)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._ready.set()
            self._changed()
            await child.ended()
            self._ready.clear()
            self._changed()
            self._died(child)
            log.warning("the standby died (exit code %s); starting another one", child.returncode)
