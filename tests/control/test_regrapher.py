"""Graphs that follow each other: what left the story is let go of once it has rung out, not before, and always."""

from __future__ import annotations

import asyncio

import pytest

from engine.commands import AddBus, RemoveBus
from engine.control.regrapher import GRAPH_SECONDS, RING_OUT_SECONDS, Regrapher
from engine.events import Dropped
from engine.mixer.graph import Graph
from tests.session.studio import Studio


class HandLoop(asyncio.SelectorEventLoop):
    """An event loop whose time a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__()

    def time(self) -> float:
        return self.seconds


async def settled() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def change_often(loop: HandLoop, studio: Studio) -> list[int]:
    """Change the mix every few seconds, and let nothing be for as long as a strip rings out; return how many strips."""
    counts: list[int] = []
    follower: Regrapher

    def play(graph: Graph) -> None:
        counts.append(len(graph.strips))
        loop.call_soon(lambda: follower.taken(None))

    follower = Regrapher(studio.session.context, play, lambda _: None)
    follower.start()
    for turn in range(16):
        studio.session.apply(AddBus(bus=f"plate-{turn}"))
        await settled()
        studio.session.apply(RemoveBus(bus=f"plate-{turn}"))
        await settled()
        loop.seconds += RING_OUT_SECONDS / 5
        await settled()
    await follower.close()
    return counts


def test_strips_that_rang_out_go_however_often_the_mix_is_changed() -> None:
    loop, studio = HandLoop(), Studio()
    try:
        counts = loop.run_until_complete(change_often(loop, studio))
    finally:
        loop.close()
    assert max(counts) <= counts[0] + 6


@pytest.mark.parametrize("turns", range(4))
def test_it_can_be_closed_just_as_an_answer_comes(turns: int) -> None:
    async def show() -> None:
        studio = Studio()
        follower = Regrapher(studio.session.context, lambda _: None, lambda _: None)
        follower.start()
        studio.session.apply(AddBus(bus="plate"))
        await settled()
        follower.taken(None)
        for _ in range(turns):
            await asyncio.sleep(0)
        closing = asyncio.create_task(follower.close())
        await settled()
        assert closing.done(), "it still follows the session"

    asyncio.run(show())


async def give_up_and_change_again(loop: HandLoop, studio: Studio) -> None:
    sent: list[Graph] = []
    context = studio.session.context
    follower = Regrapher(context, sent.append, studio.told.extend)
    follower.start()
    studio.session.apply(AddBus(bus="slow"))
    await settled()
    loop.seconds += GRAPH_SECONDS
    await settled()
    assert [event.what for event in studio.told if isinstance(event, Dropped)] == ["mix"]
    studio.session.apply(AddBus(bus="plate"))
    await settled()
    assert len(sent) == 2 and context.graphs_waiting == 1
    follower.taken(None)
    await settled()
    assert context.graphs_waiting == 1, "that was the first mix, at last"
    follower.taken(None)
    await settled()
    assert context.graphs_waiting == 0
    await follower.close()


def test_a_mix_that_was_given_up_and_comes_late_is_not_taken_for_the_one_after_it() -> None:
    loop, studio = HandLoop(), Studio()
    try:
        loop.run_until_complete(give_up_and_change_again(loop, studio))
    finally:
        loop.close()
