"""Snapshots: stored in the story, recalled with a fade, honest about what no longer fits."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from studio import Studio, small_story

from engine.commands import (
    AddInsert,
    MoveInsert,
    RecallSnapshot,
    RemoveInsert,
    RemoveSnapshot,
    SetInsertParam,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    StoreSnapshot,
)
from engine.errors import StoryError, UnknownThing
from engine.events import SendGainChanged, SnapshotRecalled, SnapshotsChanged, StripGainChanged
from engine.mixer.effects import effect_specs
from engine.realtime.records import Kind
from engine.story.checks import check_story
from engine.story.dump import dump
from engine.story.edit import apply_edit
from engine.story.model import Scene, Snapshot
from engine.story.nodes import compose
from engine.story.reader import Reader
from engine.story.tree import Planter


@pytest.fixture
def studio() -> Studio:
    studio = Studio()
    studio.do(SetInsertParam(strip="spook", insert=1, param="cutoff_hz", value=300.0))
    assert studio.do(StoreSnapshot(snapshot="before")) == (SnapshotsChanged(),)
    studio.do(SetStripGain(strip="voice", gain_db=-20.0))
    studio.do(SetSendGain(strip="voice", bus="hall", gain_db=-9.0))
    studio.do(SetStripMute(strip="spook", mute=True))
    studio.do(SetInsertParam(strip="spook", insert=1, param="cutoff_hz", value=90.0))
    studio.stage.orders.clear()
    return studio


def test_every_knob_glides_back_in_one_piece(studio: Studio) -> None:
    events = studio.do(RecallSnapshot(snapshot="before", fade_seconds=2.0))
    assert StripGainChanged(strip="voice", gain_db=0.0) in events
    assert SendGainChanged(strip="voice", bus="hall", gain_db=0.0) in events
    assert events[-1] == SnapshotRecalled(snapshot="before")
    assert studio.stage.kinds() == [Kind.SET_GAIN, Kind.SET_SEND, Kind.SET_MUTE, Kind.SET_INSERT]
    assert {o["ramp_frames"] for o in studio.stage.orders if o["kind"] is not Kind.SET_MUTE} == {96000}
    strips = studio.session.story.strips()
    assert (strips["voice"].gain_db, strips["spook"].mute) == (0.0, False)
    assert strips["spook"].inserts[0].params["cutoff_hz"] == 300.0


def test_what_is_there_already_is_not_touched(studio: Studio) -> None:
    studio.do(RecallSnapshot(snapshot="before"))
    studio.stage.orders.clear()
    assert studio.do(RecallSnapshot(snapshot="before")) == (SnapshotRecalled(snapshot="before"),)
    assert studio.stage.orders == []


def test_an_insert_that_is_gone_is_left_out(studio: Studio) -> None:
    studio.do(RemoveInsert(strip="spook", insert=1))
    assert studio.do(RecallSnapshot(snapshot="before"))[-1] == SnapshotRecalled(snapshot="before")
    assert studio.session.story.strips()["voice"].gain_db == 0.0


def test_a_knob_that_nobody_had_turned_goes_back_to_where_it_stood() -> None:
    studio = Studio()
    studio.do(StoreSnapshot(snapshot="before"))
    studio.do(SetInsertParam(strip="spook", insert=1, param="cutoff_hz", value=2000.0))
    studio.do(RecallSnapshot(snapshot="before"))
    assert studio.session.story.strips()["spook"].inserts[0].params["cutoff_hz"] == 80.0
    studio.stage.orders.clear()
    studio.do(RecallSnapshot(snapshot="before"))
    assert studio.stage.orders == []


def test_snapshots_follow_inserts_that_are_added_moved_and_removed(studio: Studio) -> None:
    studio.do(AddInsert(strip="spook", effect="lowpass", position=1))
    studio.do(AddInsert(strip="spook", effect="gain"))
    studio.do(MoveInsert(strip="spook", insert=1, position=2))
    studio.do(MoveInsert(strip="spook", insert=1, position=3))
    assert [e.effect for e in studio.session.story.strips()["spook"].inserts] == ["lowpass", "gain", "highpass"]
    assert studio.session.story.snapshots[0].strips["spook"].inserts == {"3.cutoff_hz": 300.0}
    studio.do(RemoveInsert(strip="spook", insert=2))
    assert studio.do(RecallSnapshot(snapshot="before"))[-1] == SnapshotRecalled(snapshot="before")
    lowpass, highpass = studio.session.story.strips()["spook"].inserts
    assert (lowpass.params, highpass.params) == ({}, {"cutoff_hz": 300.0})


def test_what_fits_no_strip_or_knob_is_left_out_and_leaves_the_story_sound() -> None:
    """A snapshot that was written by hand, or before the mix had another shape."""
    scenes = {
        "spook": Scene(gain_db=-3.0, sends={"attic": -6.0}, inserts={"1.mix": 0.5, "2.cutoff_hz": 90.0, "x": 1.0}),
        "gone": Scene(gain_db=-9.0),
    }
    story = replace(small_story(), snapshots=(Snapshot(id="old", strips=scenes),))
    studio = Studio(story)
    told = studio.do(RecallSnapshot(snapshot="old"))[-1]
    assert isinstance(told, SnapshotRecalled)
    assert len(told.left_out) == 5
    spook = studio.session.story.strips()["spook"]
    assert (spook.gain_db, spook.inserts, spook.sends) == (-3.0, story.strips()["spook"].inserts, ())
    assert check_story(studio.session.story, effects=effect_specs()) == ()
    again = story
    for edit in studio.keeper.edits:  # the journal has what was done, not what it was asked by
        again = apply_edit(again, edit)
    assert again == studio.session.story


def test_a_snapshot_lives_in_the_story_file(studio: Studio) -> None:
    story = studio.session.story
    text = dump(Planter().story(story))
    reader = Reader(compose(text, "story"))
    assert reader.notes.problems == []
    assert reader.story.snapshots == story.snapshots


def test_unknown_and_wrong_ids_are_refused(studio: Studio) -> None:
    with pytest.raises(UnknownThing, match="before"):
        studio.do(RecallSnapshot(snapshot="after"))
    with pytest.raises(StoryError, match="no id"):
        studio.do(StoreSnapshot(snapshot="Not An Id"))
    studio.do(RemoveSnapshot(snapshot="before"))
    assert studio.session.story.snapshots == ()
