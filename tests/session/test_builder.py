"""Commands that change the mix itself: story, graph, journal, event; the rest of the session goes on meanwhile."""

from __future__ import annotations

import pytest
from studio import Studio

from engine.commands import (
    AddBus,
    AddInsert,
    AddSend,
    AddTrack,
    LoadMix,
    MoveInsert,
    RemoveBus,
    RemoveInsert,
    RemoveSend,
    RemoveTrack,
    SetInsertBypass,
    SetInsertParam,
    SetLimiter,
    SetStripGain,
    UseMix,
)
from engine.errors import BadRange, StoryError, UnknownThing
from engine.events import InsertBypassChanged, InsertsChanged, MixChanged
from engine.realtime.records import Kind
from engine.realtime.status import MAX_STRIPS
from engine.story.edit import apply_edit
from engine.story.mix import Mix, MixRule
from engine.story.model import Effect


@pytest.fixture
def studio() -> Studio:
    return Studio()


def effects(studio: Studio, strip: str) -> list[str]:
    return [effect.effect for effect in studio.session.story.strips()[strip].inserts]


def test_inserts_are_added_moved_and_removed(studio: Studio) -> None:
    events = studio.do(AddInsert(strip="spook", effect="delay"))
    assert events == (MixChanged(what="delay added to spook"), InsertsChanged(strip="spook"))
    studio.do(AddInsert(strip="spook", effect="invert", position=1))
    assert effects(studio, "spook") == ["invert", "highpass", "delay"]
    studio.do(MoveInsert(strip="spook", insert=1, position=3))
    assert effects(studio, "spook") == ["highpass", "delay", "invert"]
    studio.do(RemoveInsert(strip="spook", insert=2))
    assert effects(studio, "spook") == ["highpass", "invert"]
    assert len(studio.keeper.edits) == 4


def test_a_knob_is_told_to_the_insert_wherever_it_is_now(studio: Studio) -> None:
    studio.do(AddInsert(strip="spook", effect="invert", position=1))
    studio.do(SetInsertParam(strip="spook", insert=2, param="cutoff_hz", value=200.0))
    (order,) = studio.stage.take(Kind.SET_INSERT)
    assert (order["strip"], order["index"]) == (1, 0)  # the key that the highpass had from the start
    studio.do(SetInsertBypass(strip="spook", insert=1, bypass=True))
    (order,) = studio.stage.take(Kind.SET_BYPASS)
    assert (order["index"], order["value"]) == (1, 1.0)


def test_a_mix_has_no_more_strips_than_can_be_told_of(studio: Studio) -> None:
    while len(studio.session.context.graph.strips) < MAX_STRIPS:
        studio.do(AddTrack(track=f"t{len(studio.session.context.graph.strips)}"))
    before = studio.session.story
    with pytest.raises(BadRange, match=r"at most 256 strips .* would have 257"):
        studio.do(AddTrack(track="one-more"))
    more = apply_edit(before, AddTrack(track="one-more"))
    with pytest.raises(BadRange, match="at most 256 strips"):
        studio.session.graph_of(more)
    assert studio.session.story is before


def test_a_preset_limits_again_what_was_switched_off() -> None:
    studio = Studio(mixes={"loud": Mix(id="loud", limiter_db=-1.0)}.__getitem__)
    studio.do(SetLimiter(limiter=False))
    studio.stage.orders.clear()
    studio.do(LoadMix(mix="loud"))
    (order,) = studio.stage.take(Kind.SET_LIMITER)
    assert order["value"] == -1.0


def test_bypass_is_an_edit(studio: Studio) -> None:
    assert studio.do(SetInsertBypass(strip="spook", insert=1, bypass=True)) == (
        InsertBypassChanged(strip="spook", insert=1, bypass=True),
    )
    assert studio.session.story.strips()["spook"].inserts[0].bypass
    with pytest.raises(BadRange, match="1 inserts"):
        studio.do(SetInsertBypass(strip="spook", insert=2, bypass=True))


def test_sends_and_buses_come_and_go(studio: Studio) -> None:
    studio.do(AddBus(bus="echo"))
    studio.do(AddSend(strip="spook", bus="echo", gain_db=-6.0))
    studio.do(AddSend(strip="hall", bus="echo"))
    with pytest.raises(StoryError, match=r"circle: .*hall.*echo"):
        studio.do(AddSend(strip="echo", bus="hall"))
    studio.do(RemoveSend(strip="hall", bus="echo"))
    studio.do(RemoveBus(bus="hall"))
    strips = studio.session.story.strips()
    assert "hall" not in strips
    assert strips["voice"].sends == ()
    assert [(s.to, s.gain_db) for s in strips["spook"].sends] == [("echo", -6.0)]


def test_a_new_track_has_a_strip_at_once(studio: Studio) -> None:
    studio.do(AddTrack(track="third", voice="ghost"))
    studio.do(SetStripGain(strip="third", gain_db=-3.0))
    (order,) = studio.stage.take(Kind.SET_GAIN)
    assert order["strip"] == 4  # behind the master: nobody moved
    with pytest.raises(StoryError, match="already"):
        studio.do(AddTrack(track="third"))
    with pytest.raises(UnknownThing, match="narrator"):
        studio.do(AddTrack(track="fourth", voice="nobody"))
    with pytest.raises(StoryError, match="no id"):
        studio.do(AddTrack(track="No Id"))


def test_a_track_that_is_needed_stays(studio: Studio) -> None:
    with pytest.raises(StoryError, match="cue 1, cue 2"):
        studio.do(RemoveTrack(track="voice"))
    studio.do(AddTrack(track="third"))
    studio.do(RemoveTrack(track="third"))
    assert "third" not in studio.session.story.strips()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (AddInsert(strip="spook", effect="nothing"), "nothing"),
        (AddInsert(strip="spook", effect="pitchshift"), "swallows"),
        (AddInsert(strip="spook", effect="delay", position=4), "1 to 2"),
        (RemoveInsert(strip="voice", insert=1), "insert"),
        (AddSend(strip="master", bus="hall"), "master"),
        (AddSend(strip="voice", bus="hall"), "already"),
        (RemoveSend(strip="spook", bus="hall"), "send"),
        (LoadMix(mix="none"), "mix"),
    ],
)
def test_what_can_not_be_done_changes_nothing(studio: Studio, command: object, error: str) -> None:
    before = studio.session.story, studio.session.context.graph
    with pytest.raises((StoryError, BadRange, UnknownThing), match=error):
        studio.do(command)
    assert (studio.session.story, studio.session.context.graph) == before
    assert studio.keeper.edits == []


def test_what_is_turned_while_a_graph_is_built_is_told_to_it(studio: Studio) -> None:
    asked = []
    studio.session.context.on_graph = lambda: asked.append(studio.session.context.graphs_waiting)
    studio.do(AddInsert(strip="spook", effect="delay"))
    studio.do(SetStripGain(strip="voice", gain_db=-6.0))
    studio.do(AddInsert(strip="spook", effect="invert"))
    studio.do(SetStripGain(strip="voice", gain_db=-9.0))
    assert asked == [1, 2]
    studio.stage.orders.clear()
    studio.session.context.graphs_taken(1)
    assert [round(o["value"], 3) for o in studio.stage.take(Kind.SET_GAIN)] == [0.501]
    studio.session.context.graphs_taken(1)
    assert [round(o["value"], 3) for o in studio.stage.take(Kind.SET_GAIN)] == [0.355]
    studio.do(SetStripGain(strip="voice", gain_db=0.0))
    studio.stage.orders.clear()
    studio.session.context.graphs_taken(1)
    assert studio.stage.orders == []


def test_a_mix_is_journalled_with_all_that_it_says() -> None:
    mix = Mix(id="m", tracks=(MixRule(match=("sp*",), inserts=(Effect(effect="invert"),), sends={"hall": -9.0}),))
    studio = Studio(mixes={"m": mix}.__getitem__)
    studio.do(LoadMix(mix="m"))
    assert effects(studio, "spook") == ["invert"]
    assert studio.keeper.edits == [UseMix(mix=mix)]
