"""A message that came before is not thought through again; what the engine has a say in is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from fake_engine import FakeEngine

from bridge import router as routing
from bridge.hub import Hub
from bridge.message import IMMEDIATELY, Bundle, Message
from bridge.routes import ROUTES
from engine.commands import SetStripGain, TriggerSlot


class Wire:
    """Keeps what it is given to send."""

    address = ("127.0.0.1", 1)
    connected = False

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, to: tuple[str, int], messages: Sequence[Message]) -> None:
        self.sent.extend(messages)

    def congested(self, to: tuple[str, int]) -> bool:
        return False


class Sender:
    """Sends one bundle again and again, as the codec gives it for the same bytes."""

    def __init__(self, engine: FakeEngine) -> None:
        self.wire = Wire()
        self.hub = asyncio.run(self._build(engine))

    async def _build(self, engine: FakeEngine) -> Hub:
        return Hub(engine, version="0")

    def send(self, *messages: Message, port: int = 9000, times: int = 1) -> None:
        bundle = Bundle(tag=IMMEDIATELY, messages=messages)
        for _ in range(times):
            self.hub.receive(bundle, self.hub.client(("127.0.0.1", port), self.wire))


@pytest.fixture
def sender(engine: FakeEngine) -> Sender:
    return Sender(engine)


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    calls: list[object] = []
    real = getattr(routing, name)
    monkeypatch.setattr(routing, name, lambda *args: (calls.append(args[1]), real(*args))[1])
    return calls


def test_a_repeated_press_is_read_once_and_done_every_time(
    engine: FakeEngine, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_calls(monkeypatch, "trigger_fields")
    sender.send(Message("/slot/a/1/trigger", (0.5,)), times=5)
    assert engine.commands == [TriggerSlot(bank="a", index=1, velocity=0.5)] * 5
    assert len(calls) == 1


def test_true_and_one_are_not_the_same_message(engine: FakeEngine, sender: Sender) -> None:
    for value in (0.25, True, 0.25, 1):
        sender.send(Message("/slot/a/1/trigger", (value,)))
    assert [c.velocity for c in engine.commands if isinstance(c, TriggerSlot)] == [0.25, 1.0, 0.25, 1.0]


def test_what_is_wrong_is_refused_every_time(engine: FakeEngine, sender: Sender) -> None:
    sender.send(Message("/slot/a/1/trigger", ("loud",)), times=3)
    assert engine.commands == []
    assert [m.args[1] for m in sender.wire.sent] == ["error"] * 3


def test_a_bundle_of_two_is_planned_as_a_whole(engine: FakeEngine, sender: Sender) -> None:
    gains = [Message("/strip/voice/gain", (value,)) for value in (-3.0, "loud")]
    sender.send(*gains, times=2)
    assert engine.commands == [SetStripGain(strip="voice", gain_db=-3.0)] * 2
    assert len(sender.wire.sent) == 2


def test_a_request_is_answered_with_its_own_number(engine: FakeEngine, sender: Sender) -> None:
    for number in (7, 8, 7):
        sender.send(Message("/req", (number, "/strip/voice/gain", -3.0)))
    assert [m.args[0] for m in sender.wire.sent] == [7, 8, 7]


def test_only_so_many_are_remembered(engine: FakeEngine, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "MAX_REMEMBERED", 4)
    for step in range(20):
        sender.send(Message("/strip/voice/gain", (-float(step),)))
    assert [c.gain_db for c in engine.commands if isinstance(c, SetStripGain)] == [-float(step) for step in range(20)]
    assert len(sender.hub.router._meanings) <= 4


def test_rows_that_ask_the_engine_are_not_settled() -> None:
    asking = {r.address for r in ROUTES if r.command and not r.settled}
    assert {"/say", "/slot/trigger", "/strip/{strip}/insert/{insert}/{param}"} <= asking
    assert {r.address for r in ROUTES if r.settled} >= {"/slot/{bank}/{index}/trigger", "/strip/{strip}/gain", "/go"}
