"""Whatever arrives is answered or counted: no packet, line or pattern stops a server or makes it grow."""

from __future__ import annotations

import asyncio
import gc
import struct
import warnings

import pytest
from fake_engine import FakeEngine
from hand_time import KeptMessages
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.hub import Hub
from bridge.message import Double, Message, TimeTag
from bridge.osc import codec
from bridge.osc.inbox import handle
from bridge.routes import ROUTES
from engine.errors import Busy


def nested(depth: int) -> bytes:
    packet = codec.encode(Message("/cue/1/go"))
    for _ in range(depth):
        packet = b"#bundle\0" + struct.pack(">Qi", 1, len(packet)) + packet
    return packet


async def _handled(*frames: bytes | str) -> tuple[FakeEngine, KeptMessages, Hub]:
    engine, wire = FakeEngine(), KeptMessages()
    hub = Hub(engine, version="1")
    for frame in frames:
        handle(hub, hub.client(("127.0.0.1", 9000), wire), frame)
    hub.close()
    return engine, wire, hub


def handled(*frames: bytes | str) -> tuple[FakeEngine, KeptMessages, Hub]:
    return asyncio.run(_handled(*frames))


@pytest.mark.parametrize("depth", [9, 100, 1000])
def test_bundles_in_bundles_end_somewhere(depth: int) -> None:
    engine, wire, hub = handled(nested(depth))
    assert engine.applied == []
    assert hub.counters.bad_packets == 1
    assert wire.take()[0][3] == "bad_packet"


@pytest.mark.parametrize(
    "pattern",
    ["/" + "*" * 200, "/" + "?*" * 100, "/" + "{a,b}" * 60, "/" + "[!a-z]*" * 30, "//" * 100, "/{" + "x," * 120 + "}"],
)
def test_patterns_that_explode_do_not(pattern: str) -> None:
    engine, wire, _ = handled(codec.encode(Message(pattern)), codec.encode(Message("/subscribe", (pattern,))))
    assert engine.applied == []
    assert all(answer[2] == "error" for answer in wire.take())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_what_is_no_number_moves_nothing(value: float) -> None:
    engine, wire, _ = handled(codec.encode(Message("/strip/voice/gain", (Double(value),))))
    assert engine.applied == []
    assert wire.take()[0][3] == "bad_range"


@pytest.mark.parametrize("ntp", [0, 1, 2, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_any_time_tag_is_now_late_or_too_far(ntp: int) -> None:
    engine, wire, _ = handled(codec.encode_bundle([Message("/cue/1/go")], TimeTag(ntp)))
    assert engine.applied or wire.take()


def test_a_question_that_nobody_lives_to_answer_is_closed() -> None:
    """The hub ends before it is asked, or the mixer takes nothing of the bundle that it came in."""

    async def refused() -> Hub:
        engine, wire = FakeEngine(), KeptMessages()
        engine.full = Busy("the mixer takes nothing")
        hub = Hub(engine, version="1")
        packet = codec.encode_bundle([Message("/library/usage"), Message("/cue/1/go")])
        handle(hub, hub.client(("127.0.0.1", 9000), wire), packet)
        assert [answer[3] for answer in wire.take()] == ["busy", "busy"]
        return hub

    gc.collect()  # what tests before this one have left has no part in it
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for hub in (handled(codec.encode(Message("/library/usage")))[2], asyncio.run(refused())):
            assert [client.awaited for client in hub.clients] == [0]
        gc.collect()
    assert not [warning for warning in told if issubclass(warning.category, RuntimeWarning)]


ADDRESSES = st.sampled_from([r.address.replace("{", "").replace("}", "") for r in ROUTES])
VALUES = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1), st.floats(width=32), st.text(max_size=20), st.booleans(), st.none(),
    st.binary(max_size=20), st.integers(0, (1 << 64) - 1).map(TimeTag),
)  # fmt: skip
SAID = st.builds(lambda a, v: codec.encode(Message(a, tuple(v))), ADDRESSES, st.lists(VALUES, max_size=5))


def spoilt(packet: bytes, changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(packet)
    for place, value in changes:
        data[place % len(data)] = value
    return bytes(data)


SPOILT = st.builds(spoilt, SAID, st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=4))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.one_of(SAID, SPOILT, st.binary(max_size=60), st.text(max_size=60)), min_size=1, max_size=12))
def test_whatever_arrives_the_next_message_is_heard(frames: list[bytes | str]) -> None:
    _, wire, hub = handled(*frames, codec.encode(Message("/ping", (4711,))))
    assert ("/pong", 4711) in {message[:2] for message in wire.take()}
    assert len(hub.clients) == 1
