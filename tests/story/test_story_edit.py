"""Edits: a story and a command give a new story, or an error that names what there is."""

import pytest

from engine.commands import (
    RemovePoint,
    SetInsertParam,
    SetLimiter,
    SetPoint,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
)
from engine.errors import BadRange, BadType, UnknownThing
from engine.params import ParamSpec
from engine.story.edit import apply_edit
from engine.story.lanes import points_of
from engine.story.model import At, Beat, Bus, Effect, Lane, Point, Send, Story, Strip, Track

STORY = Story(
    title="T",
    tracks=(Track(id="a", strip=Strip(sends=(Send(to="hall"),), inserts=(Effect(effect="reverb"),))), Track(id="b")),
    buses=(Bus(id="hall"),),
)
EFFECTS = {"reverb": {"mix": ParamSpec(low=0.0, high=1.0, default=0.3)}}


@pytest.mark.parametrize("strip", ["a", "b", "hall", "master"])
def test_every_strip_can_be_set_and_the_others_stay(strip):
    story = STORY
    for command in (
        SetStripGain(strip=strip, gain_db=-3.0),
        SetStripPan(strip=strip, pan=-1.0),
        SetStripMute(strip=strip, mute=True),
        SetStripSolo(strip=strip, solo=True),
    ):
        story = apply_edit(story, command)
    found = story.strips().pop(strip)
    assert (found.gain_db, found.pan, found.mute, found.solo) == (-3.0, -1.0, True, True)
    assert {k: v for k, v in story.strips().items() if k != strip} == {
        k: v for k, v in STORY.strips().items() if k != strip
    }


def test_sends_and_inserts():
    story = apply_edit(STORY, SetSendGain(strip="a", bus="hall", gain_db=-9.0))
    story = apply_edit(story, SetInsertParam(strip="a", insert=1, param="mix", value=1), EFFECTS)
    assert story.tracks[0].strip == Strip(
        sends=(Send(to="hall", gain_db=-9.0),), inserts=(Effect(effect="reverb", params={"mix": 1.0}),)
    )
    assert STORY.tracks[0].strip.inserts[0].params == {}


def test_points_are_put_in_listed_and_taken_out():
    story = STORY
    for target, value in (("gain_db", -6.0), ("pan", -1.0), ("send.hall", -9.0), ("insert.1.mix", 0.5)):
        for frame in (48_000, 24_000):
            point = SetPoint(strip="a", target=target, timeline_frame=frame, value=value, curve="hold")
            story = apply_edit(story, point, EFFECTS)
        assert points_of(story, "a", target) == [
            (frame, Point(at=At(frame=frame), value=value, curve="hold")) for frame in (24_000, 48_000)
        ]
        story = apply_edit(story, RemovePoint(strip="a", target=target, timeline_frame=24_003))
        assert [frame for frame, _ in points_of(story, "a", target)] == [48_000]
        story = apply_edit(story, RemovePoint(strip="a", target=target, timeline_frame=48_000))
    assert story == STORY


def test_a_point_at_a_beat_is_met_where_the_tempo_has_it():
    lane = Lane(target="pan", points=(Point(at=At(frame=96_000), value=0.0), Point(at=Beat(bar=1, beat=2), value=1.0)))
    story = Story(title="T", tracks=(Track(id="a", strip=Strip(automation=(lane,))),))
    assert [(frame, point.value) for frame, point in points_of(story, "a", "pan")] == [(24_000, 1.0), (96_000, 0.0)]
    story = apply_edit(story, RemovePoint(strip="a", target="pan", timeline_frame=24_000))
    assert [frame for frame, _ in points_of(story, "a", "pan")] == [96_000]
    with pytest.raises(BadRange, match=r"a pan has no point at 1.5 s; the nearest one is at 2 s"):
        apply_edit(story, RemovePoint(strip="a", target="pan", timeline_frame=72_000))
    with pytest.raises(UnknownThing, match="no automation of strip 'a' named 'gain_db'; there is: pan"):
        apply_edit(story, RemovePoint(strip="a", target="gain_db", timeline_frame=0))


def test_a_limiter_that_is_switched_on_again_has_its_ceiling():
    story = apply_edit(STORY, SetLimiter(ceiling_db=-3.0))
    assert story.master.limiter_db == -3.0
    story = apply_edit(story, SetLimiter(limiter=False))
    assert (story.master.limiter_db, story.master.ceiling_db) == (None, -3.0)
    story = apply_edit(story, SetLimiter(ceiling_db=-6.0))
    assert story.master.limiter_db is None, "it was not switched"
    story = apply_edit(story, SetLimiter(limiter=True))
    assert story.master.limiter_db == -6.0
    assert apply_edit(story, SetLimiter(ceiling_db=-1.0)) == STORY


@pytest.mark.parametrize(
    ("command", "error", "text"),
    [
        (SetStripGain(strip="c", gain_db=0.0), UnknownThing, "no strip named 'c'; there is: a, b, hall, master"),
        (SetStripGain(strip="a", gain_db=13.0), BadRange, "a gain_db: 13 is outside -100 to 12 dB"),
        (SetStripGain(strip="a", gain_db=float("nan")), BadRange, "nan is outside"),
        (SetStripPan(strip="a", pan=-1.1), BadRange, "a pan: -1.1 is outside -1 to 1"),
        (SetStripMute(strip="a", mute=1), BadType, "a mute: expected true or false, got 1"),
        (SetSendGain(strip="b", bus="hall", gain_db=0.0), UnknownThing, "no send of strip 'b' named 'hall'"),
        (SetLimiter(ceiling_db=1.0), BadRange, "limiter ceiling_db: 1 is outside -24 to 0 dBTP"),
        (SetInsertParam(strip="a", insert=2, param="mix", value=0.0), UnknownThing, "named '2'; there is: 1"),
        (SetInsertParam(strip="a", insert=1, param="wet", value=0.0), UnknownThing, "named 'wet'; there is: mix"),
        (SetInsertParam(strip="a", insert=1, param="mix", value=2.0), BadRange, "a reverb mix: 2 is outside 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(command, error, text):
    with pytest.raises(error, match=text):
        apply_edit(STORY, command, EFFECTS)
