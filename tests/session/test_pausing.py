"""Pausing everything: also what was asked for and does not sound yet."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.commands import Locate, PauseAll, Play, ResumeAll, Say, Stop, TriggerSlot
from engine.errors import NotReady
from engine.events import JobDone
from engine.realtime.records import Kind, Report
from engine.session.players import FIRST_LIVE_PLAYER
from engine.story.model import At, Marker, PlayClip, PlaySection, Slot, Story
from tests.session.studio import Studio, line
from tests.session.test_cue_waits import Show, Step, steady, story_of


def test_a_pad_that_waits_for_its_bar_waits_on() -> None:
    story = story_of([Step(0, 0, "none", 500)])
    slot = Slot(bank="a", index=1, target=PlayClip(clip="c1"), quantise="bar")
    show = Show(replace(story, slots=(slot,)), steady())
    show.do(Play(), 0)
    show.until(4_800)
    show.do(TriggerSlot(bank="a", index=1))
    show.do(PauseAll(), 9_600)
    show.until(200_000)
    show.do(ResumeAll(), 201_600)
    show.until(400_000)
    begun = [frame for frame, player in show.begun if player >= FIRST_LIVE_PLAYER]
    assert begun == [96_000 - 9_600 + 201_600]


def sections() -> Story:
    """Return a story of a pad that plays a section of half a second, and a short clip at the timeline's beginning."""
    story = story_of([Step(0, 0, "none", 500)])
    markers = (Marker(id="begin", at=At(frame=0)), Marker(id="end", at=At(frame=24_000)))
    slot = Slot(bank="a", index=1, target=PlaySection(from_marker="begin", to_marker="end"))
    return replace(story, slots=(slot,), markers=markers)


@pytest.mark.parametrize("dies", [False, True])
def test_a_pads_section_ends_at_its_marker_after_a_pause(dies: bool) -> None:
    show = Show(sections(), steady())
    show.do(TriggerSlot(bank="a", index=1), 480)
    for held in (4_800, 19_200):  # twice: what was held once has its end, too
        show.until(held)
        show.do(PauseAll(), held)
        if dies:
            show.die(480)
        show.until(held + 9_600)
        show.do(ResumeAll(), held + 9_600)
    show.until(120_000)
    assert (show.session.transport.playing, show.session.transport.timeline_frame) == (False, 24_000)


@pytest.mark.parametrize("moves", [Play(), Locate(timeline_frame=9_600)])
@pytest.mark.parametrize("held", [480, 4_800])
def test_a_timeline_that_left_a_section_runs_on_after_a_pause(moves: Play | Locate, held: int) -> None:
    show = Show(sections(), steady())
    show.do(TriggerSlot(bank="a", index=1))
    show.until(480)
    for frame, command in sorted([(held, PauseAll()), (2_400, moves)], key=lambda each: each[0]):
        show.until(frame)
        show.do(command)
    show.until(9_600)
    show.do(ResumeAll())
    show.until(96_000)
    assert show.session.transport.playing


@pytest.mark.parametrize("plays", [Play(), TriggerSlot(bank="a", index=1)])
@pytest.mark.parametrize("dies", [False, True])
def test_a_timeline_that_is_stopped_while_everything_is_paused_rests(plays: Play | TriggerSlot, dies: bool) -> None:
    show = Show(sections(), steady())
    for frame, command in ((0, plays), (4_800, PauseAll()), (9_600, Stop())):
        show.until(frame)
        show.do(command, frame)
    if dies:
        show.die(480)
    show.until(19_200)
    show.do(ResumeAll(), 19_200)
    show.until(96_000)
    assert (show.session.transport.playing, show.session.transport.timeline_frame) == (False, 4_800)
    with pytest.raises(NotReady, match="nothing is paused"):
        show.do(ResumeAll())


def test_a_line_that_comes_in_meanwhile_is_spoken_afterwards() -> None:
    studio = Studio()
    studio.do(Say(voice="narrator", text="later", job="j"))
    studio.do(PauseAll())
    studio.stage.orders.clear()
    studio.deliver(line("later"))
    assert not studio.stage.orders and not any(isinstance(event, JobDone) for event in studio.told)
    studio.do(ResumeAll())
    assert [event.job for event in studio.told if isinstance(event, JobDone)] == ["j"]


def test_a_line_that_is_not_there_by_then_is_spoken_when_it_is() -> None:
    studio = Studio()
    studio.do(Say(voice="narrator", text="later", job="j"))
    studio.do(PauseAll())
    studio.do(ResumeAll())
    studio.deliver(line("later"))
    assert [event.job for event in studio.told if isinstance(event, JobDone)] == ["j"]


def test_pausing_once_more_holds_what_has_begun_since() -> None:
    """A pad that was pressed, and the timeline that was started, while everything was paused."""
    studio = Studio()
    studio.do(PauseAll())
    studio.do(TriggerSlot(bank="a", index=5))
    studio.report(Report.TRANSPORT, value=1.0, requested_frame=0, actual_frame=studio.now)
    studio.stage.orders.clear()
    studio.do(PauseAll())
    assert sorted(studio.stage.kinds()) == sorted([Kind.PAUSE_PLAYER, Kind.STOP])
    studio.report(Report.TRANSPORT, value=0.0, requested_frame=0, actual_frame=studio.now)
    with pytest.raises(NotReady, match="paused already"):
        studio.do(PauseAll())
    studio.stage.orders.clear()
    studio.do(ResumeAll())
    assert sorted(studio.stage.kinds()) == sorted([Kind.RESUME_PLAYER, Kind.PLAY])
