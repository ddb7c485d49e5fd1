"""A server on a free port of the loopback, in a thread of its own, before a fake engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

from fake_engine import FakeEngine

from bridge.cli.loop import new_loop
from bridge.client import OscClient
from bridge.hub import Hub
from bridge.osc.ports import OscPorts

T = TypeVar("T")


class Running:
    """A server that listens, its engine, and the way into its event loop."""

    def __init__(
        self, engine: FakeEngine, port: int = 0, new_loop: Callable[[], asyncio.AbstractEventLoop] = new_loop
    ) -> None:
        self.engine = engine
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.hub = self.call(lambda: Hub(engine, version="1.2.3", commit="abc"))
        self.server = OscPorts(self.hub)
        self.host, self.port = self.wait(self.server.start(port=port))

    def call(self, function: Callable[..., T], *args: object) -> T:
        """Call a function inside the event loop."""

        async def called() -> T:
            return function(*args)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    def wait(self, work: Coroutine[None, None, T]) -> T:
        """Do asynchronous work inside the event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def client(self) -> OscClient:
        return OscClient(self.host, self.port)

    def close(self) -> None:
        self.call(self.server.close)
        self.call(self.hub.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
