"""Pausing everything: also what was asked for and does not sound yet."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.commands import PauseAll, Play, ResumeAll, Say, TriggerSlot
from engine.errors import NotReady
from engine.events import JobDone
from engine.realtime.records import Kind, Report
from engine.session.players import FIRST_LIVE_PLAYER
from engine.story.model import PlayClip, Slot
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
