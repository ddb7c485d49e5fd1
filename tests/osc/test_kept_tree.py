"""What is kept of OSCQuery's tree is what a fresh one would tell, whatever has happened meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import pytest
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.http.kept_tree import BLOCK_LEAVES, KeptTree
from bridge.http.oscquery import OscQuery
from bridge.hub import Hub
from engine import commands as do
from engine import events as told


class Rig:
    """A hub before a fake engine, its query, and a clock that the test turns."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.hub = Hub(engine, version="1.2.3")
        self.query = OscQuery(self.hub, ("127.0.0.1", 7400), "Cuevox")
        self.now = 0.0
        self.query._tree._now = lambda: self.now
        self.reads: list[str] = []

    @property
    def tree(self) -> KeptTree:
        return self.query._tree

    async def told(self, path: str = "") -> dict[str, object]:
        return json.loads(await self.tree.told(path) or b"null")

    async def fresh(self) -> dict[str, object]:
        query = OscQuery(self.hub, ("127.0.0.1", 7400), "Cuevox")
        try:
            return json.loads(await query._tree.told("") or b"null")
        finally:
            query.close()

    def count_reads(self) -> None:
        read = self.tree._read

        def counted(leaf):
            self.reads.append(leaf.address)
            return read(leaf)

        self.tree._read = counted


def with_rig(test: Callable[[Rig], Awaitable[None]], engine: FakeEngine | None = None) -> None:
    async def run() -> None:
        rig = Rig(engine or FakeEngine())
        try:
            await test(rig)
        finally:
            rig.query.close()
            rig.hub.close()

    asyncio.run(run())


STEPS = st.one_of(
    st.builds(do.SetStripGain, strip=st.sampled_from(["voice", "hall"]), gain_db=st.sampled_from([-3.0, 0.0])),
    st.builds(do.SetStripMute, strip=st.just("spook"), mute=st.booleans()),
    st.builds(
        do.SetInsertParam, strip=st.just("spook"), insert=st.just(1), param=st.just("cutoff_hz"),
        value=st.sampled_from([40.0, 50.0]),
    ),
    st.builds(do.Locate, timeline_frame=st.sampled_from([0, 48_000])),
    st.builds(do.SetSendGain, strip=st.just("voice"), bus=st.just("hall"), gain_db=st.sampled_from([-6.0, -7.0])),
    st.sampled_from(["cue state", "cue added", "cue removed", "meter", "look", "timeline"]),
)  # fmt: skip


def step(engine: FakeEngine, what: object) -> None:
    """Have something happen, and told as a real engine tells it."""
    match what:
        case "cue state":
            state = engine.cues["1"] = "ready" if engine.cues["1"] == "playing" else "playing"
            engine.tell(told.CueChanged(cue="1", state=state))
        case "cue added":
            engine.cues["new"] = "ready"
            engine.tell(told.StoryReloaded(path="story.yaml"))
        case "cue removed":
            engine.cues.pop("new", None)
            engine.tell(told.StoryReloaded(path="story.yaml"))
        case "meter":
            engine.meter_db -= 1.0
        case "timeline":
            engine.timeline_moves += 1
        case msgspec.Struct():
            engine.apply(what)


@given(steps=st.lists(STEPS, max_size=12))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_it_is_what_a_fresh_one_would_tell(steps: list[object]) -> None:
    async def test(rig: Rig) -> None:
        engine = rig.engine
        engine.subscribe(lambda events: rig.query.forget() if isinstance(events[0], told.StoryReloaded) else None)
        for what in steps:
            step(engine, what)
            if what == "look":
                await rig.told()
        assert await rig.told() == await rig.fresh()

    with_rig(test)


def test_only_what_changed_is_read_again() -> None:
    async def test(rig: Rig) -> None:
        await rig.told()
        rig.now += 1.0
        await rig.told()  # what moves rests by now
        rig.count_reads()
        await rig.told()
        streams = {a for a in rig.reads if a.split("/")[1] not in ("strip", "transport", "meters", "engine")}
        assert not [a for a in rig.reads if a.startswith(("/cue", "/slot", "/clip"))], streams
        rig.reads.clear()
        rig.engine.tell(told.CueEdited(cue="2"))
        await rig.told()
        assert {a for a in rig.reads if a.startswith("/cue")} == {
            f"{cue}/{leaf}"
            for cue in ("/cue/2", "/cuelist/main/cue/2")
            for leaf in (
                "name",
                "prewait",
                "postwait",
                "follow",
                "gain",
                "gain/norm",
                "pan",
                "pan/norm",
                "bus",
                "armed",
                "color",
            )
        }

    with_rig(test)


def test_a_cue_is_followed_as_long_as_it_moves() -> None:
    engine = FakeEngine()
    elapsed = 0
    engine.cue_times = lambda cue, cuelist=None: (elapsed, 0, 48_000)  # type: ignore[method-assign]

    async def test(rig: Rig) -> None:
        nonlocal elapsed
        await rig.told()
        rig.now += 1.0
        await rig.told()
        engine.tell(told.CueStarted(cue="1", requested_frame=0, actual_frame=0))
        for second in range(5):
            elapsed = second * 48_000
            assert (await rig.told("/cue/1/elapsed"))["VALUE"] == [float(second)]
            rig.now += 1.0
        for _ in range(2):  # it rests: the second look finds it the same
            rig.now += 1.0
            await rig.told()
        elapsed = 9 * 48_000
        assert (await rig.told("/cue/1/elapsed"))["VALUE"] == [4.0], "nothing moves without an event"
        engine.tell(told.CueChanged(cue="1", state="playing"))
        assert (await rig.told("/cue/1/elapsed"))["VALUE"] == [9.0]

    with_rig(test, engine)


def test_a_question_while_addresses_come_is_answered_with_them() -> None:
    async def test(rig: Rig) -> None:
        asked = asyncio.ensure_future(rig.told())
        await asyncio.sleep(0)
        rig.engine.cues["new"] = "ready"
        rig.query.forget()
        assert "new" in (await asked)["CONTENTS"]["cue"]["CONTENTS"]
        del rig.engine.cues["new"]
        rig.query.forget()  # laid out again by itself
        assert "new" not in (await rig.told())["CONTENTS"]["cue"]["CONTENTS"]

    with_rig(test, FakeEngine(cues=[str(n) for n in range(300)]))


def nodes(node: dict[str, object]) -> Iterator[str]:
    yield str(node["FULL_PATH"])
    for child in node.get("CONTENTS", {}).values():
        yield from nodes(child)


def test_every_address_is_in_it_whatever_is_kept_as_one_text() -> None:
    engine = FakeEngine(cues=[str(n) for n in range(2 * BLOCK_LEAVES)])

    async def test(rig: Rig) -> None:
        expected = {leaf.address for leaf in rig.hub.tree.every("", engine) if not leaf.route.wrapper}
        assert expected <= set(nodes(await rig.told()))
        assert (await rig.told("/cue/5"))["FULL_PATH"] == "/cue/5"
        assert await rig.tree.told("/cue/nobody") is None

    with_rig(test, engine)


@pytest.mark.parametrize("path", ["/x", "/cue/1/go/x", "//"])
def test_nothing_is_nothing(path: str) -> None:
    async def test(rig: Rig) -> None:
        assert await rig.tree.told(path) is None

    with_rig(test)
