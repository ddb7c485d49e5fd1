"""The supervisor hears its control process out, also before that one is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from engine.child import answer
from engine.realtime.shared import MemoryConfig
from engine.supervisor import RunConfig, Supervisor

MIX = {"graph": {"strips": []}, "sample_rate": 48000}


class Talker:
    """A control process that says what it is told to say."""

    name = "control process"
    returncode = 0

    def __init__(self, *says: dict[str, Any]) -> None:
        self._says = list(says)

    def send(self, message: dict[str, Any]) -> None:
        """Hear it."""

    async def receive(self) -> dict[str, Any] | None:
        """Return what is said next."""
        return self._says.pop(0) if self._says else None


class Pair:
    """Notes what the audio process is told."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.without: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.standby_pid = 0
        self.told: list[object] = []

    async def start(self, child: object, mix: dict[str, Any]) -> None:
        """Start nothing."""

    def send(self, message: dict[str, Any]) -> None:
        """Note a mix."""
        self.told.append(message)

    def allow(self, effect: str) -> None:
        """Note a plug-in."""
        self.told.append(effect)


def start(says: Iterable[dict[str, Any]], pair: Pair, io: list[object]) -> list[dict[str, Any]]:
    """Start a control process that says this; return what is told of it."""
    ready: list[dict[str, Any]] = []
    first: Any = SimpleNamespace(control=Talker(*says), audio=None)
    memory: Any = SimpleNamespace(describe=dict)
    fakes: Any = pair
    keeper: Any = SimpleNamespace(send=io.append)
    supervisor = Supervisor(RunConfig(control={}, audio={}, memory=MemoryConfig()), first, ready.append)
    asyncio.run(supervisor._start_control(memory, fakes, keeper, ""))
    return ready


def test_a_mix_that_is_changed_before_the_control_process_is_ready_is_built() -> None:
    pair, io = Pair(), list[object]()
    changed = {"graph": {"strips": [{"id": "new"}]}}
    says = [{"mix": MIX}, changed, {"allow": "plugin:x"}, {"io": {"file": 1}}, {"again": {"story": "b"}}]
    assert start([*says, {"ready": {"osc_port": 1}}], pair, io) == [{"osc_port": 1}]
    assert pair.told == [changed, "plugin:x"]
    assert io == [{"file": 1}]


class Late(Talker):
    """A process that answers when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def receive(self) -> dict[str, Any] | None:
        """Return what is said at last."""
        return await self.said


@pytest.mark.parametrize("turns", range(4))
def test_who_is_stopped_just_as_an_answer_comes_does_not_go_on(turns: int) -> None:
    async def show() -> None:
        child: Any = Late()
        waiting = asyncio.create_task(answer(child, "ready"))
        for _ in range(3):
            await asyncio.sleep(0)
        child.said.set_result({"ready": {}})
        for _ in range(turns):
            await asyncio.sleep(0)
        in_time = waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled() == in_time

    asyncio.run(show())
