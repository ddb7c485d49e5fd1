"""Playheads, several lists, GO's debounce, prompts and auditions."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.commands import (
    AuditionCue,
    AuditionSlot,
    GoBack,
    GoCue,
    Panic,
    Prompt,
    StandBy,
    StopAudition,
    StopCue,
    StopList,
)
from engine.errors import BadRange, Busy, NotReady, UnknownThing
from engine.events import CueEnded, CueStarted, Dropped, PlayheadMoved, Prompted
from engine.realtime.records import STREAMED, Kind, Report
from engine.story.model import Bus, Cue, CueList, PlayClip, PlaySection, Prompter, SpeakLine, Story
from tests.session.studio import Studio, line, small_story


def two_lists() -> Story:
    sounds = CueList(
        id="sounds", cues=(Cue(id="1", target=PlayClip(clip="boo")), Cue(id="9", target=PlayClip(clip="boo")))
    )
    return replace(small_story(), cuelists=(sounds,))


def prompted(**fields: Any) -> Story:
    story = small_story()
    cues = (replace(story.cues[0], prompt="Thirty seconds."), *story.cues[1:])
    prompter = Prompter(voice="narrator", **fields)
    return replace(story, cues=cues, buses=(*story.buses, Bus(id="desk", private=True)), prompter=prompter)


def test_each_list_has_its_own_playhead_and_its_own_numbers() -> None:
    studio = Studio(two_lists())
    assert studio.do(GoCue(cuelist="sounds")) == (PlayheadMoved(next_cue="9", cuelist="sounds"),)
    (order,) = studio.stage.take(Kind.START_PLAYER)
    assert order["strip"] == 1
    assert studio.session.cues.next_cue == "1"
    events = studio.report(Report.STARTED, player=order["player"], requested_frame=5, actual_frame=5)
    assert events == [CueStarted(cue="1", cuelist="sounds", requested_frame=5, actual_frame=5)]
    assert (studio.session.cues.state("1", "sounds"), studio.session.cues.state("1")) == ("playing", "ready")
    studio.do(StopCue(cue="1", cuelist="sounds"))
    assert studio.report(Report.ENDED, player=order["player"]) == [CueEnded(cue="1", cuelist="sounds")]


def test_a_list_is_stopped_as_one_and_other_lists_play_on() -> None:
    studio = Studio(two_lists())
    players = [studio.do(GoCue(cuelist=name)) and studio.stage.take(Kind.START_PLAYER)[0]["player"]
               for name in ("sounds", "sounds", "main")]  # fmt: skip
    studio.do(StopList(cuelist="sounds"))
    assert {order["player"] for order in studio.stage.take(Kind.STOP_PLAYER)} == set(players[:2])
    with pytest.raises(UnknownThing, match="no cue list named 'x'"):
        studio.do(StopList(cuelist="x"))


def test_an_unknown_list_names_those_that_there_are() -> None:
    with pytest.raises(UnknownThing, match="no cue list named 'lights'; there is: main, sounds"):
        Studio(two_lists()).do(GoCue(cuelist="lights"))


def test_without_cues_the_first_of_the_lists_is_the_first() -> None:
    studio = Studio(replace(two_lists(), cues=()))
    studio.do(GoCue())
    assert studio.session.cues.next_cue == "9"


def test_standby_and_back_move_the_playhead_and_fire_nothing() -> None:
    studio = Studio()
    assert studio.do(StandBy(cue="3")) == (PlayheadMoved(next_cue="3"),)
    assert studio.session.cues.following(None) is None
    assert studio.do(GoBack()) == (PlayheadMoved(next_cue="2"),)
    assert studio.session.cues.following(None) == "3"
    studio.do(GoBack())
    with pytest.raises(NotReady, match="at its beginning"):
        studio.do(GoBack())
    assert studio.stage.orders == []
    with pytest.raises(UnknownThing):
        studio.do(StandBy(cue="7"))


def test_back_from_the_end_stands_by_the_last_cue() -> None:
    studio = Studio()
    studio.do(GoCue(cue="3"))
    assert studio.session.cues.next_cue is None
    assert studio.do(GoBack()) == (PlayheadMoved(next_cue="3"),)


def test_go_does_not_bounce_but_named_cues_may() -> None:
    studio = Studio()
    studio.do(GoCue(), 10_000)
    with pytest.raises(Busy, match=r"GO came 50 ms after the last one; go_debounce is 100 ms"):
        studio.do(GoCue(), 12_400)
    assert studio.session.cues.next_cue == "2"
    studio.do(GoCue(cue="2"), 12_400)
    studio.do(GoCue(), 14_800)
    assert studio.session.cues.next_cue is None


def test_the_story_says_how_long_go_is_deaf() -> None:
    studio = Studio(replace(small_story(), go_debounce_seconds=0.0))
    studio.do(GoCue(), 1)
    studio.do(GoCue(), 1)
    assert studio.session.cues.next_cue == "3"


def test_a_go_that_failed_does_not_deafen() -> None:
    studio = Studio(load=False)
    for _ in range(2):
        with pytest.raises(NotReady):
            studio.do(GoCue(), 5)


def test_a_section_tells_when_it_starts_and_ends() -> None:
    studio = Studio()
    assert CueStarted(cue="3", requested_frame=600, actual_frame=600) in studio.do(GoCue(cue="3"), 600)
    assert studio.session.cues.state("3") == "playing"
    studio.now = 600 + 3_500
    studio.session.advance()
    assert studio.told[-1] == CueEnded(cue="3")
    studio.do(GoCue(cue="3"), 50_000)
    told = studio.report(Report.TRANSPORT, value=0.0, requested_frame=900, actual_frame=51_000)
    assert CueEnded(cue="3") in told


def test_a_prompt_is_spoken_on_the_private_bus_when_its_cue_stands_by() -> None:
    studio = Studio(prompted())
    assert Prompted(cue="1", text="Thirty seconds.") in studio.do(StandBy(cue="1"))
    (order,) = studio.stage.take(Kind.START_PLAYER)
    assert order["strip"] == studio.session.context.graph.index("desk")
    assert studio.do(StandBy(cue="2")) == (PlayheadMoved(next_cue="2"),)


def test_a_new_prompt_cuts_off_the_last() -> None:
    studio = Studio(prompted())
    studio.do(StandBy(cue="1"))
    studio.do(StandBy(cue="1"))
    assert studio.stage.kinds() == [Kind.START_PLAYER, Kind.STOP_PLAYER, Kind.START_PLAYER]


def test_the_prompter_reads_the_next_line_ahead() -> None:
    studio = Studio(prompted(read_ahead=True))
    assert Prompted(cue="2", text="curtain") in studio.do(StandBy(cue="2"))
    assert line("curtain") in [source for source, _ in studio.loader.asked]


def test_a_prompt_is_told_without_a_prompter_too() -> None:
    studio = Studio(replace(prompted(), prompter=None))
    assert Prompted(cue="1", text="Thirty seconds.") in studio.do(StandBy(cue="1"))
    assert studio.stage.orders == []


def test_a_prompt_said_live_is_spoken_as_soon_as_it_is_there() -> None:
    studio = Studio(prompted())
    studio.do(Prompt(text="Beginners, please."))
    assert studio.stage.orders == []
    assert (line("Beginners, please."), True) in studio.loader.asked
    studio.deliver(line("Beginners, please."))
    assert studio.stage.kinds() == [Kind.START_PLAYER]


def test_a_prompt_said_live_sounds_while_it_is_made() -> None:
    studio = Studio(prompted())
    studio.loader.room_floats = 48_000
    studio.do(Prompt(text="Beginners, please."))
    (start,) = studio.stage.orders
    assert (start["flags"], start["strip"]) == (STREAMED, studio.session.context.graph.index("desk"))
    studio.deliver(line("Beginners, please."))
    assert studio.stage.kinds() == [Kind.START_PLAYER]


def test_panic_forgets_a_prompt_that_waits_for_its_take() -> None:
    studio = Studio(prompted())
    studio.do(Prompt(text="Beginners, please."))
    studio.do(Panic())
    studio.stage.orders.clear()
    studio.deliver(line("Beginners, please."))
    assert studio.stage.orders == []


def test_a_prompt_that_can_not_be_spoken_is_told() -> None:
    studio = Studio(prompted())
    studio.do(Prompt(text="Beginners, please."))
    studio.session.failed(line("Beginners, please."), NotReady("no voice"))
    assert Dropped(what="prompt", code="not_ready", text="no voice") in studio.told


def test_prompts_need_a_prompter_and_words() -> None:
    with pytest.raises(NotReady, match="no prompter"):
        Studio().do(Prompt(text="hello"))
    with pytest.raises(BadRange, match="no text"):
        Studio(prompted()).do(Prompt(text=" "))
    with pytest.raises(BadRange, match="5001 characters; at most 5000"):
        Studio(prompted()).do(Prompt(text="x" * 5001))


def test_an_audition_sounds_on_the_private_bus_only_and_moves_nothing() -> None:
    studio = Studio(prompted())
    desk = studio.session.context.graph.index("desk")
    studio.do(AuditionCue(cue="2"))
    studio.do(AuditionSlot(bank="a", index=1))
    first, stop, second = studio.stage.orders
    assert (first["strip"], stop["player"], second["strip"]) == (desk, first["player"], desk)
    assert studio.session.cues.next_cue == "1"
    assert studio.session.cues.state("2") == studio.session.slots.state("a", 1) == "ready"
    studio.do(StopAudition())
    assert studio.stage.orders[-1]["player"] == second["player"]


def test_an_audition_needs_a_private_bus_and_a_sound() -> None:
    with pytest.raises(NotReady, match="no private bus"):
        Studio().do(AuditionCue(cue="1"))
    with pytest.raises(BadRange, match="sections and groups"):
        Studio(prompted()).do(AuditionCue(cue="3"))


def test_a_cues_times_are_known_before_it_sounds() -> None:
    studio = Studio()
    assert studio.session.cues.times("1", None) == (0, 0, Studio.FRAMES)
    assert studio.session.cues.times("3", None) == (0, 0, -48_000)
    assert isinstance(studio.session.story.cues[2].target, PlaySection)
    assert isinstance(studio.session.story.cues[1].target, SpeakLine)
