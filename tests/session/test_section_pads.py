"""Pads and cues of a section: their state, their modes, their choke group, presses that wait for the bar."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.live_port import LivePort
from engine.commands import (
    ClearScheduled,
    Command,
    GoCue,
    LoadCue,
    Locate,
    Panic,
    PauseAll,
    PauseCue,
    Play,
    ReleaseSlot,
    ResumeAll,
    ResumeCue,
    Stop,
    StopCue,
    StopSlot,
    TriggerSlot,
)
from engine.errors import Busy, StoryError
from engine.events import CueChanged, CueEnded, Dropped, SlotChanged
from engine.realtime.records import Kind
from engine.session.players import FIRST_LIVE_PLAYER
from engine.story.model import After, At, Clip, Cue, FireCues, Line, Marker, PlayClip, PlaySection, Slot, Story, Track
from tests.session.studio import Studio, line, small_story
from tests.session.test_cue_waits import Show, Step, steady, story_of

BAR = 96_000
"""Frames, at 120 bpm and 48 kHz."""
PRESS = TriggerSlot(bank="a", index=1)
OTHER = TriggerSlot(bank="a", index=2)
STOP = StopSlot(bank="a", index=1)
FIRST, SECOND = (48_000, 72_000), (240_000, 264_000)
"""Where the two sections lie."""


def stage(mode: str = "retrigger", **fields: Any) -> Show:
    """Return a show of three pads: two sections of half a second and a clip of two, of one choke group if that is so.

    The timeline has a clip from its beginning to beyond all of it.
    """
    long = Clip(id="long", start=At(frame=0), line=Line(text="long", voice="narrator"), length_frames=900_000)
    story = story_of([Step(0, 0, "none", BAR)])
    track = replace(story.tracks[0], clips=(*story.tracks[0].clips, long))
    markers = tuple(Marker(id=f"m{frame}", at=At(frame=frame)) for frame in (*FIRST, *SECOND))
    slots: tuple[Slot, ...] = tuple(
        Slot(bank="a", index=index, target=target, mode=mode, **fields)  # type: ignore[arg-type]
        for index, target in enumerate((section(*FIRST), section(*SECOND), PlayClip(clip="c1")), 1)
    )
    cues = (*story.cues, Cue(id="s", target=section(*SECOND), follow="end"), Cue(id="t", target=PlayClip(clip="c1")))
    return Show(replace(story, tracks=(track,), markers=markers, slots=slots, cues=cues), steady())


def section(start: int, end: int) -> PlaySection:
    return PlaySection(from_marker=f"m{start}", to_marker=f"m{end}")


def running(show: Show, until: int = 9_600) -> Show:
    show.do(Play(), 0)
    show.until(until)
    return show


def at(show: Show, frame: int, *commands: Command) -> None:
    """Let the time pass up to a frame, then carry out commands."""
    show.until(frame)
    for command in commands:
        show.do(command, frame)


def stands(show: Show) -> tuple[bool, int]:
    """Return whether the mixer's timeline runs, and where it stands."""
    playback = show.mixer._playback
    return playback.playing, playback.timeline_frame


def state(show: Show, index: int = 1) -> str:
    return show.session.slots.state("a", index)


def told(show: Show, index: int = 1) -> list[str]:
    return [e.state for e in show.told if isinstance(e, SlotChanged) and e.index == index]


def test_a_pad_plays_until_its_section_ends_and_tells_both() -> None:
    show = running(stage())
    at(show, 19_200, PRESS)
    assert (state(show), stands(show)) == ("playing", (True, 19_200))
    show.until(19_200 + 12_000)
    assert (state(show), state(show, 2)) == ("playing", "ready")
    show.until(19_200 + 36_000)
    assert (state(show), stands(show)) == ("ready", (False, FIRST[1]))
    assert told(show) == ["playing", "ready"]


def test_a_control_process_that_is_held_up_shortly_before_the_bar_makes_no_section_late() -> None:
    show = running(stage(quantise="bar"))
    at(show, 19_200, PRESS)
    show.until(BAR - 9_600)
    show.die(9_600 + 480)
    assert (state(show), stands(show)) == ("playing", (True, FIRST[0] + 480))


THIRD = TriggerSlot(bank="a", index=3)


def test_a_clip_s_pad_that_waits_for_its_bar_says_so_too() -> None:
    show = running(stage(quantise="bar"))
    at(show, 19_200, THIRD)
    assert (state(show, 3), told(show, 3)) == ("waiting", ["waiting"])
    show.die(480)
    assert state(show, 3) == "waiting"
    show.until(BAR + 480)
    assert (state(show, 3), told(show, 3)[-1]) == ("playing", "playing")
    at(show, BAR + 4_800, THIRD)  # sounds, and will begin again: nothing to tell
    assert (state(show, 3), told(show, 3)[-1]) == ("playing", "playing")


def test_a_clip_s_pad_that_is_taken_back_before_its_bar_says_so() -> None:
    show = running(stage("toggle", quantise="bar"))
    at(show, 19_200, THIRD)
    at(show, 24_000, THIRD)
    show.until(28_800)
    assert (state(show, 3), told(show, 3)) == ("ready", ["waiting", "ready"])
    show.until(BAR + 4_800)
    assert show.begun == []


def test_a_press_at_once_waits_for_nothing() -> None:
    show = running(stage())
    at(show, 19_200, THIRD)
    show.until(20_160)
    assert told(show, 3) == ["playing"]


def test_a_pad_does_not_play_what_was_started_by_hand() -> None:
    show = running(stage(), FIRST[0] + 4_800)
    assert state(show) == "ready"


@pytest.mark.parametrize("leaves", [Play(), Locate(timeline_frame=FIRST[0] + 480), Stop(), Panic(), OTHER])
def test_a_section_is_left_when_the_timeline_does_something_else(leaves: Command) -> None:
    show = running(stage())
    at(show, 19_200, PRESS)
    at(show, 24_000, leaves)
    show.until(28_800)
    assert state(show) == "ready"
    assert told(show) == ["playing", "ready"]


def test_a_section_without_an_end_is_over_where_the_story_is() -> None:
    show = stage()
    story = show.session.story
    endless = Slot(bank="a", index=1, target=PlaySection(from_marker=f"m{SECOND[1]}"))
    show = Show(replace(story, slots=(endless,)), steady())
    show.do(PRESS)
    show.until(480_000)
    assert state(show) == "playing"
    show.until(900_000)
    assert (state(show), stands(show)[0]) == ("ready", True)


def test_toggle_stops_a_section_that_plays() -> None:
    show = running(stage("toggle"))
    at(show, 19_200, PRESS)
    at(show, 24_000, PRESS)
    show.until(28_800)
    assert (state(show), stands(show)) == ("ready", (False, FIRST[0] + 4_800))
    at(show, 38_400, PRESS)
    show.until(43_200)
    assert (state(show), stands(show)) == ("playing", (True, FIRST[0] + 4_800)), "from its beginning"


def test_toggle_stops_at_its_bar() -> None:
    show = stage("toggle", quantise="bar")
    long = replace(show.session.story.markers[1], at=At(frame=230_000))
    markers = (show.session.story.markers[0], long, *show.session.story.markers[2:])
    show = Show(replace(show.session.story, markers=markers), steady())
    show.do(PRESS)
    at(show, 19_200, PRESS)
    show.until(BAR - FIRST[0] - 480)
    assert state(show) == "playing"
    show.until(BAR)
    assert stands(show) == (False, BAR), "the timeline's own bar"


def test_oneshot_is_busy_while_its_section_plays() -> None:
    show = running(stage("oneshot"))
    at(show, 19_200, PRESS)
    show.until(24_000)
    with pytest.raises(Busy):
        show.do(PRESS)
    show.until(48_000)
    show.do(PRESS)


@pytest.mark.parametrize("mode", ["retrigger", "gate", "layer"])
def test_other_modes_begin_again(mode: str) -> None:
    show = running(stage(mode))
    at(show, 19_200, PRESS)
    at(show, 24_000, PRESS)
    show.until(28_800)
    assert (state(show), stands(show)) == ("playing", (True, FIRST[0] + 4_800))


@pytest.mark.parametrize(("mode", "stops"), [("gate", True), ("retrigger", False)])
def test_letting_go_stops_a_gate(mode: str, stops: bool) -> None:
    show = running(stage(mode))
    at(show, 19_200, PRESS)
    at(show, 24_000, ReleaseSlot(bank="a", index=1))
    show.until(28_800)
    assert stands(show) == ((False, FIRST[0] + 4_800) if stops else (True, FIRST[0] + 9_600))


def test_a_pad_of_the_group_stops_the_section_at_its_frame() -> None:
    show = running(stage(choke="g"))
    at(show, 19_200, PRESS)
    at(show, 24_000, TriggerSlot(bank="a", index=3))
    show.until(28_800)
    assert stands(show) == (False, FIRST[0] + 4_800)
    assert [state(show, index) for index in (1, 2, 3)] == ["ready", "ready", "playing"]


def test_a_section_cuts_off_the_pads_of_its_group() -> None:
    show = running(stage(choke="g"))
    at(show, 19_200, TriggerSlot(bank="a", index=3))
    at(show, 24_000, PRESS)
    show.until(28_800)
    assert [state(show, index) for index in (1, 2, 3)] == ["playing", "ready", "ready"]


def test_a_section_that_waits_cuts_off_nothing_before_its_bar_and_nothing_if_it_is_taken_back() -> None:
    show = running(stage("toggle", choke="g", quantise="bar"))
    show.do(replace(OTHER, index=3))
    show.until(BAR + 4_800)
    assert state(show, 3) == "playing"
    at(show, BAR + 9_600, PRESS)
    at(show, BAR + 19_200, PRESS)
    show.until(2 * BAR - 480)
    assert state(show, 3) == "playing"
    assert stands(show)[0]


def test_two_sections_of_a_group_for_one_bar_play_the_last() -> None:
    show = running(stage(choke="g", quantise="bar"))
    at(show, 19_200, PRESS)
    at(show, 24_000, OTHER)
    assert [state(show, index) for index in (1, 2)] == ["ready", "waiting"]
    show.until(BAR + 4_800)
    assert stands(show) == (True, SECOND[0] + 4_800)
    assert told(show, 1) == ["waiting", "ready"]
    assert told(show, 2) == ["waiting", "playing"]


TAKEN_BACK = [PRESS, STOP, Panic(), Stop(), ClearScheduled(), TriggerSlot(bank="a", index=3)]


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("ahead", [48_000, 1_920, 960])
@pytest.mark.parametrize("by", TAKEN_BACK)
def test_a_press_that_waits_is_taken_back(by: Command, ahead: int, dies: bool) -> None:
    """Also once the mixer has it: the timeline goes on as if it had never been asked."""
    show = running(stage("toggle", quantise="bar", choke="g"))
    at(show, 19_200, PRESS)
    assert state(show) == "waiting"
    show.until(BAR - ahead - 480 * dies)
    if dies:
        show.die(480)
    show.do(by, None if isinstance(by, ClearScheduled) else BAR - ahead)
    assert state(show) == "ready"
    show.until(BAR + 48_000)
    rests = isinstance(by, (Panic, Stop))
    assert stands(show) == ((False, BAR - ahead) if rests else (True, BAR + 48_000))
    assert state(show) == "ready"


def test_a_gate_that_is_let_go_before_its_bar_is_taken_back() -> None:
    show = running(stage("gate", quantise="bar"))
    at(show, 19_200, PRESS)
    at(show, 24_000, ReleaseSlot(bank="a", index=1))
    show.until(BAR + 9_600)
    assert stands(show) == (True, BAR + 9_600)


def test_a_section_goes_on_to_its_end_where_the_one_for_its_bar_is_taken_back() -> None:
    show = stage("toggle", quantise="bar")
    far = (*show.session.story.markers[:1], Marker(id=f"m{FIRST[1]}", at=At(frame=150_000)))
    show = Show(replace(show.session.story, markers=(*far, *show.session.story.markers[2:])), steady())
    show.do(PRESS)
    at(show, 9_600, OTHER)
    bar = BAR - FIRST[0]
    at(show, bar - 960, OTHER)
    show.until(bar + 9_600)
    assert (state(show), stands(show)) == ("playing", (True, BAR + 9_600))
    show.until(150_000)
    assert (state(show), stands(show)) == ("ready", (False, 150_000))


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("ahead", [86_400, 1_920, 960])
def test_a_section_that_is_held_before_its_bar_waits_as_much_longer_and_keeps_its_end(ahead: int, dies: bool) -> None:
    show = running(stage(quantise="bar"))
    show.do(PRESS)
    at(show, BAR - ahead, PauseAll())
    if dies:
        show.die(480)
    show.until(3 * BAR)
    assert (stands(show), state(show)) == ((False, BAR - ahead), "paused")
    at(show, 3 * BAR + 480, ResumeAll())
    begins = 3 * BAR + 480 + ahead
    for held in (begins + 4_800, begins + 19_200):  # twice: what was held once has its end, too
        at(show, held, PauseAll())
        show.until(held + 4_800)
        assert state(show) == "paused"
        if dies:
            show.die(480)
        at(show, held + 9_600, ResumeAll())
        show.until(held + 9_600 + 960)
        assert state(show) == "playing"
    show.until(begins + 120_000)
    assert (stands(show), state(show)) == ((False, FIRST[1]), "ready")
    assert show.session.slots.state("a", 1) == "ready"


@pytest.mark.parametrize("by", [STOP, PRESS])
def test_a_section_that_is_held_can_be_stopped(by: Command) -> None:
    show = running(stage("toggle"))
    at(show, 19_200, PRESS)
    at(show, 24_000, PauseAll())
    show.until(28_800)
    at(show, 28_800, by)
    assert state(show) == "ready"
    at(show, 38_400, ResumeAll())
    show.until(48_000)
    assert stands(show) == (False, FIRST[0] + 4_800)


def test_what_came_to_its_end_while_it_was_held_does_not_run_on() -> None:
    show = running(stage())
    at(show, 19_200, PRESS)
    at(show, 19_200 + 24_000 - 480, PauseAll())
    show.until(48_000)
    at(show, 48_000, ResumeAll())
    show.until(96_000)
    assert stands(show) == (False, FIRST[1])


def test_what_was_pressed_while_all_was_held_plays_on_to_its_end() -> None:
    show = running(stage())
    at(show, 19_200, OTHER)
    at(show, 24_000, PauseAll())
    at(show, 28_800, PRESS)
    at(show, 33_600, ResumeAll())
    show.until(38_400)
    assert (state(show), state(show, 2)) == ("playing", "ready")
    at(show, 38_400, PauseAll())
    at(show, 43_200, ResumeAll())
    show.until(96_000)
    assert (state(show), stands(show)) == ("ready", (False, FIRST[1]))


@pytest.mark.parametrize("by", [STOP, PRESS])
def test_a_successor_knows_what_a_pad_plays(by: Command) -> None:
    show = running(stage("toggle"))
    at(show, 19_200, PRESS)
    show.until(24_000)
    show.die(480)
    assert state(show) == "playing"
    show.do(by)
    show.until(28_800)
    assert (state(show), stands(show)[0]) == ("ready", False)


def test_a_successor_begins_what_waits_on_its_bar() -> None:
    show = running(stage(quantise="bar"))
    show.do(PRESS)
    show.until(48_000)
    show.die(480)
    assert state(show) == "waiting"
    show.until(BAR + 4_800)
    assert stands(show) == (True, FIRST[0] + 4_800)


def test_a_cue_whose_section_gives_way_to_a_pad_is_over_and_not_followed() -> None:
    show = running(stage())
    at(show, 19_200, GoCue(cue="s"))
    at(show, 24_000, PRESS)
    show.until(28_800)
    assert CueEnded(cue="s") in show.told
    assert (show.session.cues.state("s"), state(show)) == ("ready", "playing")
    show.do(StopCue(cue="s"))
    show.until(60_000)
    assert stands(show) == (False, FIRST[1]), "the pad's section played on to its end"
    assert not any(player >= FIRST_LIVE_PLAYER for _, player in show.begun), "nothing followed"


def test_a_pads_section_gives_way_to_a_cue() -> None:
    show = running(stage())
    at(show, 19_200, PRESS)
    at(show, 24_000, GoCue(cue="s"))
    show.until(28_800)
    assert (show.session.cues.state("s"), state(show)) == ("playing", "ready")
    show.do(STOP)
    show.until(33_600)
    assert stands(show)[0], "it is the cue's"


def test_a_cue_of_a_section_is_held_and_goes_on_to_its_end() -> None:
    show = running(stage())
    at(show, 19_200, GoCue(cue="s"))
    at(show, 24_000, PauseCue(cue="s"))
    show.until(28_800)
    assert (stands(show), show.session.cues.state("s")) == ((False, SECOND[0] + 4_800), "paused")
    at(show, 38_400, ResumeCue(cue="s"))
    show.until(120_000)
    assert stands(show) == (False, SECOND[1])


def studio(load: bool = False) -> Studio:
    story = small_story()
    target = PlaySection(from_marker="begin", to_marker="end")
    muted = Clip(id="muted", start=At(frame=2000), line=line("unheard"), mute=True)
    later = Clip(id="later", start=At(frame=9000), line=line("later"))
    track = replace(story.tracks[0], clips=(*story.tracks[0].clips, muted, later))
    cues = (*story.cues, Cue(id="g", target=FireCues(cues=("3",))))
    slots = (Slot(bank="a", index=1, target=target),)
    return Studio(replace(story, tracks=(track, *story.tracks[1:]), slots=slots, cues=cues), load=load)


def test_a_section_is_as_far_as_the_clips_that_would_sound() -> None:
    each = studio()
    session = each.session
    assert (session.slots.state("a", 1), session.cues.state("3"), session.cues.state("g")) == ("queued",) * 3
    for text in ("hello there", "and then", "boo", "curtain", "unheard", "later"):
        session.known(next(source for source, _ in each.loader.asked if source.text == text), 2000)
    session.publish()
    assert SlotChanged(bank="a", index=1, state="rendering") in each.told
    each.deliver(line("and then"))
    each.told.clear()
    each.deliver(line("hello there"))
    assert SlotChanged(bank="a", index=1, state="ready") in each.told
    assert {e.cue for e in each.told if isinstance(e, CueChanged) and e.state == "ready"} >= {"3", "g"}
    assert (session.slots.state("a", 1), session.cues.state("3"), session.cues.state("g")) == ("ready",) * 3


def test_a_section_with_a_clip_that_can_not_be_made_says_so() -> None:
    each = studio()
    each.session.known(line("hello there"), 2000)
    for source, _ in tuple(each.loader.asked):
        if source != line("hello there"):
            each.deliver(source)
    each.session.publish()
    assert each.session.slots.state("a", 1) == "rendering"
    each.session.failed(line("hello there"), StoryError("no"))
    assert SlotChanged(bank="a", index=1, state="failed") in each.told


def laid(each: Studio) -> Studio:
    """Have every length be known, and the timeline be laid out; nothing is loaded."""
    for source, _ in tuple(each.loader.asked):
        each.session.known(source, 2000)
    each.session.publish()
    each.loader.asked.clear()
    return each


@pytest.mark.parametrize("command", [PRESS, GoCue(cue="3")])
def test_what_is_missing_of_a_section_that_is_played_is_named(command: Command) -> None:
    each = laid(studio())
    each.do(command)
    named = [(e.what, e.code) for e in each.told if isinstance(e, Dropped)]
    assert named == [("clip hello", "not_ready"), ("clip after", "not_ready")]


def test_what_is_missing_of_a_section_is_made_first_when_its_cue_is_to_be_loaded() -> None:
    each = laid(studio())
    each.do(LoadCue(cue="g"))
    assert each.loader.asked == [(line("hello there"), True), (line("and then"), True)]


def test_what_is_loaded_ahead_for_a_pad_ends_with_its_section() -> None:
    each = studio(load=True)
    each.do(Locate(timeline_frame=500_000))
    ahead = [source.text for source in each.loader.preferred if isinstance(source, Line)]
    assert "and then" in ahead
    assert "later" not in ahead


def test_what_waits_for_its_bar_is_loaded_ahead_whatever_bank_is_at_hand() -> None:
    show = stage(quantise="bar")
    late = Clip(id="late", start=At(frame=SECOND[0]), line=line("late"), length_frames=480)
    track = replace(show.story.tracks[0], clips=(*show.story.tracks[0].clips, late))
    other = Slot(bank="b", index=1, target=PlayClip(clip="c1"))
    show = Show(replace(show.story, tracks=(track,), slots=(*show.story.slots, other), cues=()), steady())
    running(show)
    show.do(Locate(timeline_frame=880_000))
    show.do(OTHER)
    show.do(TriggerSlot(bank="b", index=1))
    assert show.session.prefetch.bank == "b"
    assert show.session.is_near(line("late"))


def early() -> Studio:
    """Return a studio with a marker that lies before its clip, and with that before the timeline."""
    story = small_story()
    markers = (Marker(id="early", at=After(clip="hello", gap_frames=-48_000)), *story.markers)
    slots = (
        Slot(bank="a", index=1, target=PlaySection(from_marker="early", to_marker="end")),
        Slot(bank="a", index=2, target=PlaySection(from_marker="begin", to_marker="end")),
        Slot(bank="a", index=3, target=PlaySection(from_marker="end", to_marker="begin")),
    )
    return Studio(replace(story, markers=markers, slots=slots))


@pytest.mark.parametrize(("index", "why"), [(1, "marker 'early' would lie before"), (3, "ends before it starts")])
def test_a_section_that_can_not_be_is_refused_and_the_others_play(index: int, why: str) -> None:
    each = early()
    assert each.session.slots.state("a", index) == "failed"
    each.session.publish()
    with pytest.raises(StoryError, match=why):
        each.do(TriggerSlot(bank="a", index=index))
    assert each.stage.kinds() == []
    each.do(StopSlot(bank="a", index=index))
    each.do(TriggerSlot(bank="a", index=2))
    assert each.stage.kinds() == [Kind.LOCATE, Kind.PLAY, Kind.STOP_AT]


def test_the_other_markers_keep_their_names() -> None:
    port = LivePort(SimpleNamespace(session=early().session))  # type: ignore[arg-type]
    assert [(marker, frame) for marker, frame, _ in port.markers()] == [("begin", 500), ("end", 4000)]


def test_a_story_of_one_track_alone_has_no_pads_to_tell_of() -> None:
    each = Studio(Story(title="bare", tracks=(Track(id="a", voice="narrator"),)))
    assert each.session.readiness.changes() == ()
