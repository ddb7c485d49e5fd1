"""A live replay: what it carries out, what it passes over, and other stories that the show went over to."""

from __future__ import annotations

import asyncio
import time

import pytest
from msgspec.structs import replace

from engine.clock import HeldClock
from engine.commands import (
    Command,
    Export,
    LoadStory,
    OpenInput,
    ReloadStory,
    SetStripGain,
    StartCapture,
    StartRecording,
    StopRecording,
    Turn,
)
from engine.control.keeper import Meanwhile
from engine.control.live_replay import play_again
from engine.control.transcript import Entry
from engine.errors import EngineError
from engine.realtime.status import ClockReading
from engine.session.inputs import Adopted, Did, Input
from engine.story.model import Story
from tests.session.studio import Studio, small_story

RATE = 48_000


class Stage:
    """A session of which is noted what is done to it, with the stories that are played, in order."""

    def __init__(self, refusal: str = "") -> None:
        self.studio = Studio()
        self.done: list[str] = []
        self.refusal = refusal
        self.meanwhile: tuple[Turn, ...] = ()
        begun_ns = time.time_ns()
        self.clock = HeldClock(lambda: ClockReading(frame=0, unix_ns=begun_ns, rate_hz=RATE), RATE)
        self.studio.session.context.scribes.append(self._wrote)

    def replay(self, *entries: tuple[int, Input | None]) -> None:
        made = [Entry(frame=frame, what=what) for frame, what in entries]
        asyncio.run(play_again(self.studio.session, self.clock, made, self._adopt))

    async def _adopt(self, story: Story, meanwhile: Meanwhile, keeps: bool) -> tuple[str, ...]:
        if self.refusal:
            raise EngineError(self.refusal)
        self.meanwhile = meanwhile()
        return self.studio.session.adopt(story, self.meanwhile, keeps=keeps)

    def _wrote(self, what: Input) -> None:
        match what:
            case Did(command=command):
                self.done.append(type(command).__name__)
            case Adopted(story=story):
                self.done.append(story.title)


def gain(gain_db: float) -> SetStripGain:
    return SetStripGain(strip="voice", gain_db=gain_db)


def other_story() -> Story:
    return replace(small_story(), title="Other")


def test_another_story_is_taken_over_where_the_show_did() -> None:
    stage = Stage()
    stage.replay(
        (1000, Did(command=gain(-3.0))),
        (1100, Did(command=ReloadStory())),
        (1150, Did(command=gain(-4.0))),
        (1200, Adopted(story=other_story(), meanwhile=(gain(-4.0),))),
        (1300, Did(command=gain(-5.0))),
        (1400, Did(command=LoadStory(file="third.yaml"))),
        (1500, Adopted(story=replace(small_story(), title="Third"), keeps=False)),
        (1600, None),
    )
    assert stage.done == ["SetStripGain", "SetStripGain", "Other", "SetStripGain", "Third"]
    assert stage.studio.session.story.title == "Third"
    assert stage.studio.session.story.strips()["voice"].gain_db == 0.0


def test_a_story_that_cannot_be_taken_over_is_told_and_the_show_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(refusal="the mix can't be built")
    stage.replay((0, Adopted(story=other_story())), (100, Did(command=gain(-5.0))), (200, None))
    assert stage.done == ["SetStripGain"]
    assert "'Other' was not taken over this time, the one before plays on: the mix can't be built" in caplog.text


@pytest.mark.parametrize(
    "command",
    [
        StartRecording(name="take"),
        StopRecording(),
        OpenInput(),
        StartCapture(name="line"),
        Export(folder="out"),
        ReloadStory(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_beside_the_sound_is_not_done_again(command: Command, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    stage.replay((0, Did(command=command)), (100, None))
    assert (stage.done, stage.studio.told, stage.studio.keeper.reloads, caplog.text) == ([], [], 0, "")


def test_a_command_that_is_refused_is_told_and_the_show_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    nobody = SetStripGain(strip="nobody", gain_db=0.0)
    stage.replay((0, Did(command=nobody)), (100, Did(command=gain(-5.0))), (200, None))
    assert stage.done == ["SetStripGain"]
    assert "SetStripGain was refused this time" in caplog.text
