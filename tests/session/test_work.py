"""What a trigger costs does not depend on how long the story is: counted in steps of the interpreter, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

from engine.commands import Command, ReleaseSlot, SetStripGain, TriggerSlot
from engine.realtime.records import RECORD, Kind, Report
from engine.session.index import clip_source
from engine.session.library import Loaded
from engine.session.orders import order
from engine.story.model import At, Clip, Line, PlayClip, Slot, Story, Track
from tests.session.studio import Studio

LONG = 10_000


def steps(work: Callable[[], object]) -> int:
    """Return how many bytecodes ``work`` takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def studio(clips: int, slots: int = 16) -> Studio:
    lines = tuple(Clip(id=f"c{n}", start=At(frame=n * 100), line=Line(text=f"{n}", voice="v")) for n in range(clips))
    pads = tuple(Slot(bank="a", index=n + 1, target=PlayClip(clip="c0"), mode="layer") for n in range(slots))
    made = Studio(Story(title="long", tracks=(Track(id="t", clips=lines),), slots=pads), load=False)
    made.deliver(clip_source(lines[0]))
    return made


@pytest.fixture(scope="module")
def short_and_long() -> tuple[Studio, Studio]:
    return studio(2), studio(LONG)


@pytest.mark.parametrize(
    "command",
    [
        TriggerSlot(bank="a", index=1),
        ReleaseSlot(bank="a", index=1),
        SetStripGain(strip="t", gain_db=-3.0),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_command_takes_no_more_steps_in_a_long_story(short_and_long: tuple[Studio, Studio], command: Command) -> None:
    few, many = (steps(lambda s=each: s.do(command)) for each in short_and_long)  # type: ignore[misc]
    assert many <= few + 50


def test_a_trigger_after_a_fader_move_takes_no_more_steps(short_and_long: tuple[Studio, Studio]) -> None:
    for each in short_and_long:
        each.do(SetStripGain(strip="t", gain_db=-6.0))
    few, many = (steps(lambda s=each: s.do(TriggerSlot(bank="a", index=2))) for each in short_and_long)  # type: ignore[misc]
    assert many <= few + 50


def test_a_take_that_comes_in_takes_no_more_steps_in_a_long_story(short_and_long: tuple[Studio, Studio]) -> None:
    source, take = Line(text="1", voice="v"), Loaded(offset=0, frames=100, channels=1, digest="d")
    few, many = (steps(lambda s=each: s.session.loaded(source, take)) for each in short_and_long)  # type: ignore[misc]
    assert many <= few + 50


def test_what_a_pad_costs_does_not_grow_with_what_others_play() -> None:
    quiet, busy = studio(2), studio(2)
    for _ in range(50):
        busy.do(TriggerSlot(bank="a", index=3))
    few, many = (steps(lambda s=each: s.do(TriggerSlot(bank="a", index=1))) for each in (quiet, busy))  # type: ignore[misc]
    assert many <= few + 10


def test_players_are_known_by_their_owner_until_they_end() -> None:
    deck = studio(2)
    for index in (1, 2, 1):
        deck.do(TriggerSlot(bank="a", index=index))
    sounding = deck.session.context.players.all()
    assert deck.session.slots.state("a", 1) == "playing"
    for player in sounding[:2]:
        deck.report(Report.ENDED, player=player)
    assert deck.session.slots.state("a", 1) == "playing"
    assert deck.session.slots.state("a", 2) == "ready"
    deck.report(Report.ENDED, player=sounding[2])
    assert deck.session.slots.state("a", 1) == "ready"


def test_an_order_packed_as_bytes_is_the_record_that_numpy_fills() -> None:
    fields = {name: number + 1 for number, name in enumerate(RECORD.names or ()) if name not in ("kind", "frame")}
    row = np.zeros(1, RECORD)
    for name, value in {**fields, "kind": Kind.STOP_PLAYER, "frame": 77}.items():
        row[name] = value
    packed = order(Kind.STOP_PLAYER, 77, **fields)
    assert packed.tobytes() == row.tobytes()
    assert packed.flags.writeable
