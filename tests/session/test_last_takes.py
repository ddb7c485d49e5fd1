"""Pads that would rather play the take before than wait: which take that is, and how it is played."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.commands import SetSlotCold, TriggerSlot
from engine.edits import SetLine
from engine.errors import UnknownThing
from engine.events import PlayedCold
from engine.realtime.records import Kind
from engine.story.model import ColdPolicy, PlayClip, Slot, Story
from tests.session.studio import Studio, line, small_story


def story(cold: ColdPolicy = "last") -> Story:
    return replace(
        small_story(), slots=(Slot(bank="a", index=1, target=PlayClip(clip="hello"), mode="layer", cold=cold),)
    )


def say(studio: Studio, text: str) -> None:
    """Have the pad's clip say something else, whose take is still to be made."""
    studio.do(SetLine(clip="hello", text=text))


def offset(studio: Studio, text: str) -> int:
    """Return where the take of a line lies."""
    return 100_000 * (1 + [source for source, _ in studio.loader.asked].index(line(text)))


def press(studio: Studio, **fields: Any) -> dict[str, Any] | None:
    """Press the pad; return the order that starts it, None: nothing sounds."""
    studio.do(TriggerSlot(bank="a", index=1, **fields))
    started = studio.stage.take(Kind.START_PLAYER)
    return started[-1] if started else None


def told(studio: Studio) -> list[str]:
    return [event.did for event in studio.told if isinstance(event, PlayedCold)]


def test_the_take_before_is_played_as_the_press_asks_not_as_the_one_before_it() -> None:
    studio = Studio(story())
    before = press(studio, semitones=7.0)
    assert before is not None and before["rate"] == pytest.approx(2 ** (7 / 12))
    say(studio, "something else")
    plain = press(studio)
    assert plain is not None and (plain["offset"], plain["rate"]) == (before["offset"], 1.0)
    high = press(studio, semitones=12.0)
    assert high is not None and high["rate"] == 2.0
    from_there = press(studio, from_word="there")
    assert from_there is not None and from_there["offset"] == before["offset"] + 400
    assert told(studio) == ["last"] * 3
    with pytest.raises(UnknownThing, match="else"):
        press(studio, from_word="else")


def test_a_take_that_was_never_pressed_is_played_too() -> None:
    studio = Studio(story())
    say(studio, "something else")
    start = press(studio)
    assert start is not None and start["offset"] == offset(studio, "hello there")
    studio.deliver(line("something else"))
    say(studio, "once more")
    start = press(studio)
    assert start is not None and start["offset"] == offset(studio, "something else")
    assert told(studio) == ["last", "last"]


def test_a_pad_that_was_told_so_only_now_has_the_take_that_is_there() -> None:
    studio = Studio(story("wait"))
    studio.do(SetSlotCold(bank="a", index=1, cold="last"))
    say(studio, "something else")
    start = press(studio)
    assert start is not None and start["offset"] == offset(studio, "hello there")


def test_a_take_that_was_replaced_stays_one_that_is_there_and_was_not_pressed_may_go() -> None:
    studio = Studio(story())
    assert not studio.session.cold.sources()
    say(studio, "something else")
    assert studio.session.cold.sources() == {line("hello there")}


def test_the_take_outlives_a_reload_and_is_played_on_the_strip_where_its_track_is_then() -> None:
    studio = Studio(story())
    press(studio)
    clip = replace(small_story().tracks[0].clips[0], line=line("something else"))
    spook, voice = small_story().tracks[1], replace(small_story().tracks[0], clips=(clip,))
    studio.session.adopt(replace(story(), tracks=(spook, voice), cues=()))
    start = press(studio)
    assert start is not None and start["strip"] == studio.session.context.strip("voice")
    assert start["offset"] == offset(studio, "hello there")


def test_another_story_does_not_play_the_takes_of_the_one_before() -> None:
    studio = Studio(story())
    press(studio)
    clip = replace(small_story().tracks[0].clips[0], line=line("something else"))
    voice = replace(small_story().tracks[0], clips=(clip,))
    studio.session.adopt(replace(story(), tracks=(voice,), cues=()), keeps=False)
    assert press(studio) is None
    assert told(studio) == ["skip"]
