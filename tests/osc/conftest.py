"""A server on a free port of the loopback, in a thread of its own, before a fake engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from fake_engine import FakeEngine

from bridge.client import OscClient
from bridge.hub import Hub
from bridge.osc.ports import OscPorts

T = TypeVar("T")


class Running:
    """A server that listens, its engine, and the way into its event loop."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.hub = self.call(lambda: Hub(engine, version="1.2.3", commit="abc"))
        self.server = OscPorts(self.hub)
        self.host, self.port = asyncio.run_coroutine_threadsafe(self.server.start(port=0), self._loop).result()

    def call(self, function: Callable[..., T], *args: object) -> T:
        """Call a function inside the event loop."""

        async def called() -> T:
            return function(*args)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    def client(self) -> OscClient:
        return OscClient(self.host, self.port)

    def close(self) -> None:
        self.call(self.server.close)
        self.call(self.hub.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def running(engine: FakeEngine) -> Iterator[Running]:
    running = Running(engine)
    yield running
    running.close()


@pytest.fixture
def client(running: Running) -> Iterator[OscClient]:
    with running.client() as client:
        yield client
