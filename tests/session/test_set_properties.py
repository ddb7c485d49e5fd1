"""Cues, slots and clips that are changed while the session runs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace
from studio import Studio, line, small_story

from engine.commands import (
    GoCue,
    LoadCue,
    Locate,
    LocateMarker,
    RemovePoint,
    RenumberCue,
    SetClip,
    SetCue,
    SetPoint,
    SetSlot,
    SetTempo,
    StandBy,
    TriggerSlot,
)
from engine.edits import Redo, Undo
from engine.errors import Busy, EngineError, UnknownThing
from engine.events import (
    AutomationChanged,
    ClipChanged,
    ClipEdited,
    CueChanged,
    CueEdited,
    CueRenumbered,
    CueStarted,
    PlayheadMoved,
    SlotEdited,
    TempoChanged,
)
from engine.realtime.records import Kind
from engine.story.lanes import points_of
from engine.story.model import At, Beat, Clip, Marker, TempoPoint


def test_a_cue_waits_as_long_as_it_was_told_last() -> None:
    show = Studio(small_story())
    cue = show.session.story.cues[0].id
    assert show.session.apply(SetCue(cue=cue, pre_wait_frames=48_000)) == (CueEdited(cue=cue),)
    show.session.apply(GoCue(cue=cue))
    assert show.session.cues.state(cue, None) == "waiting"


def test_a_cue_sounds_on_the_bus_and_at_the_pan_that_it_was_given() -> None:
    show = Studio(small_story())
    show.session.apply(SetCue(cue="1", bus="hall", pan=-0.5))
    show.stage.take(Kind.START_PLAYER)
    show.session.apply(GoCue(cue="1"))
    (start,) = show.stage.take(Kind.START_PLAYER)
    hall = show.session.context.graph.index("hall")
    assert (start["strip"], start["pan"]) == (hall, -0.5)


def test_a_cue_that_is_not_armed_is_silent_and_what_follows_it_is_fired() -> None:
    show = Studio(small_story())
    show.session.apply(SetCue(cue="3", armed=False))
    show.session.apply(SetCue(cue="1", armed=False, follow="continue"))
    show.stage.orders.clear()
    told = [*show.session.apply(GoCue(cue="3")), *show.session.apply(GoCue(cue="1"))]
    assert not any(isinstance(event, CueStarted) for event in told)
    started = [o["player"] for o in show.stage.orders if o["kind"] is Kind.START_PLAYER]
    assert len(started) == 1 and show.session.cues.state("2") == "playing"
    assert Kind.PLAY not in show.stage.kinds()  # cue 3 is a section


def test_a_cue_that_is_loaded_has_its_take_made_first() -> None:
    show = Studio(small_story(), load=False)
    told = show.session.apply(LoadCue(cue="2"))
    assert show.loader.asked[-1] == (show.session.context.target_source(show.session.cues.cue("2").target), True)
    assert told == (CueChanged(cue="2", cuelist="main", state="queued"),)
    with pytest.raises(UnknownThing, match="no cue named '9'"):
        show.session.apply(LoadCue(cue="9"))


def test_a_slot_has_its_new_mode_at_the_next_press() -> None:
    show = Studio(small_story())
    slot = show.session.story.slots[0]
    told = show.session.apply(SetSlot(bank=slot.bank, index=slot.index, mode="gate"))
    assert told == (SlotEdited(bank=slot.bank, index=slot.index),)
    assert show.session.slots.slot(slot.bank, slot.index).mode == "gate"


def test_how_a_slot_is_played_is_set_and_saved() -> None:
    show = Studio(small_story())
    bank, index = show.session.story.slots[0].bank, show.session.story.slots[0].index
    for change in ({"quantise": "bar"}, {"semitones": -7.0}, {"loop": True}):
        show.session.apply(SetSlot(bank=bank, index=index, **change))
    slot = show.session.slots.slot(bank, index)
    assert (slot.quantise, slot.manner.semitones, slot.manner.loop) == ("bar", -7.0, True)
    show.stage.take(Kind.START_PLAYER)
    show.session.apply(TriggerSlot(bank=bank, index=index))
    (started,) = show.stage.take(Kind.START_PLAYER)
    assert started["rate"] == pytest.approx(2 ** (-7 / 12))
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"quantise": "tick"}, "'tick'"),
        ({"semitones": 25.0}, "semitones"),
        ({"semitones": math.nan}, "semitones"),
    ]
    for change, says in wrong:
        with pytest.raises(EngineError, match=says):
            show.session.apply(SetSlot(bank=bank, index=index, **change))
    assert show.session.slots.slot(bank, index) == slot


def test_another_seed_has_another_take_made_while_the_old_one_plays_on() -> None:
    show = Studio(small_story())
    clip = next(c.id for _, c in show.session.story.clips().values() if c.line is not None)
    asked = len(show.loader.asked)
    timelines = len(show.stage.timelines)
    told = show.session.apply(SetClip(clip=clip, seed=3))
    assert ClipEdited(clip=clip) in told and ClipChanged(clip=clip, state="queued") in told
    new = [source for source, _ in show.loader.asked[asked:]]
    assert [line.delivery.seed for line in new] == [3]
    assert len(show.stage.timelines) == timelines  # what is published still plays the old one


def test_a_level_is_heard_once_the_timeline_is_published_again() -> None:
    show = Studio(small_story())
    clip = next(iter(show.session.story.clips()))
    assert not show.session.stale
    assert show.session.apply(SetClip(clip=clip, gain_db=-20.0)) == (ClipEdited(clip=clip),)
    assert show.session.stale
    before = show.stage.timelines[-1]
    show.session.publish()
    after = show.stage.timelines[-1]
    assert (after["gain"] < before["gain"]).any()


def test_the_timeline_is_moved_to_a_marker() -> None:
    story = replace(small_story(), markers=(*small_story().markers, Marker(id="storm", at=At(frame=24_000))))
    show = Studio(story)
    show.session.apply(LocateMarker(marker="storm"))
    assert [o["value"] for o in show.stage.take(Kind.LOCATE)] == [24_000]
    with pytest.raises(UnknownThing, match="no marker named 'x'"):
        show.session.apply(LocateMarker(marker="x"))


def test_what_stands_at_a_beat_moves_with_the_tempo_that_is_in_force_here() -> None:
    at_beat = Clip(id="later", start=Beat(bar=3), line=line("later"))
    base = small_story()
    story = replace(
        base,
        tempo=(TempoPoint(), TempoPoint(bar=2, tempo_bpm=60.0)),
        tracks=(replace(base.tracks[0], clips=(*base.tracks[0].clips, at_beat)), *base.tracks[1:]),
    )
    show = Studio(story)
    show.session.apply(Locate(timeline_frame=3 * 48_000))  # in bar 2
    assert show.session.apply(SetTempo(tempo_bpm=120.0)) == (TempoChanged(),)
    assert show.session.story.tempo == (TempoPoint(), TempoPoint(bar=2, tempo_bpm=120.0))
    assert show.keeper.edits[-1] == SetTempo(bar=2, tempo_bpm=120.0)
    assert show.session.stale
    show.session.publish()
    assert 4 * 48_000 in show.stage.timelines[-1]["start_frame"]
    assert 6 * 48_000 in show.stage.timelines[-2]["start_frame"]


def test_a_cue_that_stands_by_does_so_under_its_new_number_and_one_that_plays_keeps_its_own() -> None:
    show = Studio(small_story())
    told = show.session.apply(RenumberCue(cue="1", number="10"))
    assert told == (CueRenumbered(cue="1", number="10"), PlayheadMoved(next_cue="10", cuelist="main"))
    show.session.apply(GoCue())
    with pytest.raises(Busy, match="cue 10 waits or plays"):
        show.session.apply(RenumberCue(cue="10", number="11"))
    assert show.session.apply(RenumberCue(cue="3", number="4")) == (CueRenumbered(cue="3", number="4"),)


def test_a_number_that_is_taken_back_is_told_and_what_stands_by_still_does() -> None:
    show = Studio(small_story())
    show.session.apply(StandBy(cue="3"))
    show.session.apply(RenumberCue(cue="3", number="30"))
    told = show.session.apply(Undo())
    assert CueRenumbered(cue="30", number="3") in told
    assert PlayheadMoved(next_cue="3", cuelist="main") in told
    show.session.apply(GoCue())
    with pytest.raises(Busy, match="cue 3 waits or plays"):
        show.session.apply(Redo())
    assert "3" in {cue.id for cue in show.session.story.cues}


def test_a_point_that_is_taken_out_is_a_step_like_others() -> None:
    studio = Studio()
    for frame in (24_000, 48_000):
        studio.do(SetPoint(strip="voice", target="gain_db", timeline_frame=frame, value=-6.0))
    assert studio.do(RemovePoint(strip="voice", target="gain_db", timeline_frame=24_000)) == (
        AutomationChanged(strip="voice"),
    )
    assert studio.stage.moves["frame"].tolist() == [48_000]
    assert AutomationChanged(strip="voice") in studio.do(Undo())
    assert [frame for frame, _ in points_of(studio.session.story, "voice", "gain_db")] == [24_000, 48_000]
    studio.do(Redo())
    assert studio.stage.moves["frame"].tolist() == [48_000]
