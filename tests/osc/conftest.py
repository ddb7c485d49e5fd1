"""What the tests of the bridge's wires share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_engine import FakeEngine
from served import Running

from bridge.client import OscClient


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
