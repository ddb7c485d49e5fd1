from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.commands import GoCue, Panic, ReleaseSlot, StopCue, StopSlot, TriggerSlot
from engine.errors import BadRange, Busy, NotReady, UnknownThing
from engine.events import CueEnded, CueStarted, Dropped, PanicBegun, Panicked, PlayheadMoved, SlotChanged, StartedLate
from engine.mixer.graph import compile_graph
from engine.realtime.records import NOW, Kind, Report
from engine.session.library import Loaded
from engine.story.model import Line, Track
from engine.units import db_to_gain
from tests.session.studio import Studio


@pytest.fixture
def studio() -> Studio:
    return Studio()


def start(studio: Studio) -> dict:
    (order,) = studio.stage.take(Kind.START_PLAYER)
    return order


def test_a_cue_plays_its_clip_with_the_clips_gain_fades_and_trim(studio: Studio) -> None:
    studio.do(GoCue(cue="1"))
    order = start(studio)
    assert order["strip"] == 0
    assert order["frame"] == NOW
    assert order["gain"] == pytest.approx(db_to_gain(-9.0))
    assert (order["length"], order["channels"], order["fade_in_frames"]) == (Studio.FRAMES, 1, 48)


def test_a_scheduled_cue_carries_its_frame(studio: Studio) -> None:
    studio.do(GoCue(cue="1"), 12345)
    assert start(studio)["frame"] == 12345


def test_a_cue_of_a_trimmed_clip_starts_inside_its_source(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=1))
    boo = start(studio)
    assert boo["length"] == 500
    assert boo["pan"] == 0.5


def test_go_fires_cue_after_cue_and_says_when_the_list_ends(studio: Studio) -> None:
    assert studio.do(GoCue()) == (PlayheadMoved(next_cue="2"),)
    assert studio.do(GoCue()) == (PlayheadMoved(next_cue="3"),)
    assert PlayheadMoved(next_cue=None) in studio.do(GoCue())
    with pytest.raises(NotReady, match="at its end"):
        studio.do(GoCue())


def test_firing_a_cue_by_id_moves_the_playhead_behind_it(studio: Studio) -> None:
    assert studio.do(GoCue(cue="2")) == (PlayheadMoved(next_cue="3"),)


def test_a_section_locates_plays_and_stops_at_its_marker(studio: Studio) -> None:
    studio.do(GoCue(cue="3"), 777)
    kinds = [(o["kind"], o["value"], o["frame"]) for o in studio.stage.orders]
    assert kinds == [(Kind.LOCATE, 500, 777), (Kind.PLAY, 0, 777), (Kind.STOP_AT, 4000, 777)]


def test_an_unknown_cue_names_those_that_exist(studio: Studio) -> None:
    with pytest.raises(UnknownThing, match=r"no cue named '9'; there is: 1, 2, 3"):
        studio.do(GoCue(cue="9"))


def test_a_cue_whose_take_is_not_there_says_how_far_it_is() -> None:
    studio = Studio(load=False)
    with pytest.raises(NotReady, match=r"'hello there'.*queued"):
        studio.do(GoCue(cue="1"))
    assert studio.stage.orders == []
    assert studio.session.cues.next_cue == "1"


def test_a_cue_tells_when_it_started_and_ended(studio: Studio) -> None:
    studio.do(GoCue(cue="1"), 4800)
    player = start(studio)["player"]
    events = studio.report(Report.STARTED, player=player, requested_frame=4800, actual_frame=4800)
    assert events == [CueStarted(cue="1", requested_frame=4800, actual_frame=4800)]
    assert studio.session.cues.state("1") == "playing"
    assert studio.report(Report.ENDED, player=player) == [CueEnded(cue="1")]
    assert studio.session.cues.state("1") == "ready"


def test_stopping_a_cue_fades_its_players(studio: Studio) -> None:
    studio.do(GoCue(cue="1"))
    player = start(studio)["player"]
    studio.do(StopCue(cue="1", fade_seconds=0.1))
    (stop,) = studio.stage.take(Kind.STOP_PLAYER)
    assert (stop["player"], stop["ramp_frames"]) == (player, 4800)


def test_a_negative_fade_is_refused(studio: Studio) -> None:
    with pytest.raises(BadRange, match="fade"):
        studio.do(StopCue(cue="1", fade_seconds=-1.0))


def test_a_full_ring_is_busy_and_nothing_counts_as_sounding(studio: Studio) -> None:
    studio.stage.full = True
    with pytest.raises(Busy):
        studio.do(GoCue(cue="1"))
    assert studio.session.context.players.all() == ()
    assert studio.session.cues.next_cue == "1"


def test_velocity_is_gain(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=5, velocity=0.5))
    assert start(studio)["gain"] == pytest.approx(0.25)
    for bad in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(BadRange, match="velocity"):
            studio.do(TriggerSlot(bank="a", index=5, velocity=bad))


def test_a_oneshot_plays_to_its_end(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=1))
    studio.do(ReleaseSlot(bank="a", index=1))
    assert studio.stage.kinds() == [Kind.START_PLAYER]
    with pytest.raises(Busy, match="oneshot"):
        studio.do(TriggerSlot(bank="a", index=1))
    studio.report(Report.ENDED, player=start(studio)["player"])
    studio.do(TriggerSlot(bank="a", index=1))
    assert studio.stage.kinds() == [Kind.START_PLAYER]


def test_a_gate_sounds_as_long_as_it_is_held(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=2))
    studio.do(ReleaseSlot(bank="a", index=2))
    assert studio.stage.kinds() == [Kind.START_PLAYER, Kind.STOP_PLAYER]


def test_a_toggle_goes_on_and_off(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=3))
    studio.do(TriggerSlot(bank="a", index=3))
    assert studio.stage.kinds() == [Kind.START_PLAYER, Kind.STOP_PLAYER]


def test_a_retrigger_fades_the_old_player_and_starts_with_the_new_velocity(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=4, velocity=1.0))
    studio.stage.orders.clear()
    studio.do(TriggerSlot(bank="a", index=4, velocity=0.5), 99)
    stop, new = studio.stage.orders
    assert (stop["kind"], stop["frame"], stop["ramp_frames"]) == (Kind.STOP_PLAYER, 99, 240)
    assert (new["kind"], new["frame"]) == (Kind.START_PLAYER, 99)
    assert new["gain"] == pytest.approx(0.25)


def test_a_press_follows_what_has_changed_since_the_last_one(studio: Studio) -> None:
    def pressed(velocity: float = 1.0) -> dict[str, Any]:
        studio.stage.orders.clear()
        studio.do(TriggerSlot(bank="a", index=5, velocity=velocity))
        return start(studio)

    def edited(track: Track) -> Track:
        return replace(track, clips=tuple(replace(c, pan=-1.0, length_frames=300) for c in track.clips))

    first, again = pressed(), pressed(0.5)
    assert {**again, "player": 0, "serial": 0, "gain": 0.0} == {**first, "player": 0, "serial": 0, "gain": 0.0}
    assert (first["pan"], first["length"], again["gain"]) == (0.5, 500, pytest.approx(0.25 * first["gain"]))
    context = studio.session.context
    source = Line(text="boo", voice="ghost")
    studio.session.loaded(source, Loaded(offset=7, frames=400, channels=1, digest="e" * 8))
    assert (pressed()["offset"], pressed()["length"]) == (7, 400)
    voice, spook = context.story.tracks
    story = replace(context.story, tracks=(edited(spook), voice))
    context.adopt(story, compile_graph(story))
    changed = pressed()
    assert (changed["pan"], changed["length"], changed["strip"]) == (-1.0, 300, context.strip("spook"))  # noqa: B005
    assert changed["strip"] != first["strip"]


def test_a_layer_adds_players(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=5))
    studio.do(TriggerSlot(bank="a", index=5))
    assert studio.stage.kinds() == [Kind.START_PLAYER, Kind.START_PLAYER]
    studio.do(StopSlot(bank="a", index=5))
    assert studio.stage.kinds().count(Kind.STOP_PLAYER) == 2


def test_slots_of_a_choke_group_stop_each_other(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="b", index=1))
    first = start(studio)["player"]
    studio.do(TriggerSlot(bank="b", index=2))
    stop, _ = studio.stage.orders
    assert (stop["kind"], stop["player"]) == (Kind.STOP_PLAYER, first)


def test_slots_tell_their_state(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=5))
    player = start(studio)["player"]
    events = studio.report(Report.STARTED, player=player)
    assert events == [SlotChanged(bank="a", index=5, state="playing")]
    assert studio.report(Report.ENDED, player=player) == [SlotChanged(bank="a", index=5, state="ready")]


def test_a_slot_that_finds_no_player_is_reported_and_ready_again(studio: Studio) -> None:
    studio.do(TriggerSlot(bank="a", index=1))
    events = studio.report(Report.NO_PLAYER, player=start(studio)["player"])
    dropped, changed = events
    assert isinstance(dropped, Dropped)
    assert dropped.what == "slot a/1"
    assert changed == SlotChanged(bank="a", index=1, state="ready")


def test_a_late_start_is_told_with_what_and_how_late(studio: Studio) -> None:
    studio.do(GoCue(cue="1"), 100)
    player = start(studio)["player"]
    (late,) = studio.report(Report.LATE, serial=player, requested_frame=100, actual_frame=580)
    assert late == StartedLate(what="cue 1", late_seconds=0.01, sequence=1)


def test_panic_silences_and_is_told_when_it_is_done(studio: Studio) -> None:
    assert PanicBegun() in studio.do(Panic(fade_seconds=0.02), 4711)
    (order,) = studio.stage.take(Kind.PANIC)
    assert (order["frame"], order["ramp_frames"]) == (4711, 960)
    assert studio.report(Report.PANICKED) == [Panicked()]
