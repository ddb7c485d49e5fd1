"""Snapshots: stored in the story, recalled with a fade, honest about what no longer fits."""

from __future__ import annotations

import pytest
from studio import Studio

from engine.commands import (
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
from engine.realtime.records import Kind
from engine.story.dump import dump
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
