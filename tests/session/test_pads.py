"""Pads that are played like an instrument: words, notes, velocity curves, quantised presses."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.commands import GoCue, Play, ReleaseSlot, SetLoop, StopSlot, TriggerSlot
from engine.control.disk import heads
from engine.errors import BadRange, Busy, UnknownThing
from engine.events import Dropped
from engine.realtime.records import NOW, PAGED, Kind, Report
from engine.session.library import Loaded, Stretched
from engine.session.slots import velocity_db
from engine.story.model import (
    At,
    Clip,
    Line,
    Manner,
    PlayClip,
    PlaySection,
    Slot,
    SpeakLine,
    Story,
    TempoPoint,
    Track,
)
from tests.session.studio import Studio, line, small_story

BEAT = 24000
"""Frames, at 120 bpm and 48 kHz."""


def studio(mode: str = "layer", manner: Manner | None = None, **fields: Any) -> Studio:
    target = SpeakLine(line=line("the dragon and the knight"), track="voice", manner=manner or Manner())
    story: Story = small_story()
    return Studio(replace(story, slots=(Slot(bank="a", index=1, target=target, mode=mode, **fields),)))


def press(each: Studio, at_frame: int | None = None, **fields: Any) -> dict[str, Any]:
    each.do(TriggerSlot(bank="a", index=1, **fields), at_frame)
    return each.stage.take(Kind.START_PLAYER)[-1]


def offset_of(each: Studio, text: str, seed: int) -> int:
    """Return where the take of a line lies."""
    return next(
        100_000 * number
        for number, (source, _) in enumerate(each.loader.asked, 1)
        if isinstance(source, Line) and (source.text, source.delivery.seed) == (text, seed)
    )


def first_float(each: Studio) -> int:
    return 100_000 * len(each.loader.asked)


def test_a_press_from_a_word_starts_there() -> None:
    each = studio()
    order = press(each, from_word="knight")
    assert order["offset"] == first_float(each) + 4 * 400
    assert order["length"] == Studio.FRAMES - 1600
    assert order["attack_frames"] == 96


def test_a_press_from_a_frame_starts_there_whatever_the_pad_says() -> None:
    each = studio(manner=Manner(from_word="knight", semitones=12.0))
    order = press(each, from_frame=123)
    assert (order["offset"] - first_float(each), order["length"]) == (123, Studio.FRAMES - 123)
    assert order["rate"] == 2.0
    assert press(each, from_frame=0)["length"] == Studio.FRAMES
    with pytest.raises(BadRange, match="can't be started"):
        press(each, from_frame=Studio.FRAMES)


def test_a_clip_on_the_disk_is_there_where_a_pad_starts_in_it() -> None:
    slot = Slot(bank="a", index=1, target=PlayClip(clip="music", manner=Manner(from_frame=48000)), mode="layer")
    music = Clip(id="music", audio="music.wav", start=At(frame=0), trim_start_frames=100)
    each = Studio(Story(title="t", tracks=(Track(id="a", clips=(music,)),), slots=(slot,)), load=False)
    ((source, _),) = each.loader.asked
    assert each.session.context.is_plain(source)
    each.session.loaded(source, Loaded(offset=64, frames=4_800_000, channels=2, digest="", paged=True))
    assert (64, 48100) in heads(each.session)
    assert [(o["flags"], o["value"], o["offset"]) for o in (press(each), press(each, from_frame=7))] == [
        (PAGED, 64.0, 48100), (PAGED, 64.0, 107)
    ]  # fmt: skip


@pytest.mark.parametrize("where", [{"from_word": "x"}, {"word": "x"}, {"from_frame": 1}])
def test_a_pad_of_a_section_starts_at_its_beginning_only(where: dict[str, Any]) -> None:
    section = Slot(bank="a", index=1, target=PlaySection(from_marker="begin", to_marker="end"), mode="layer")
    with pytest.raises(BadRange, match="slot a/1 starts at its beginning only: it plays a section"):
        press(Studio(replace(small_story(), slots=(section,))), **where)


def test_a_press_for_some_words_plays_from_the_first_to_the_last() -> None:
    order = press(studio(), word="dragon", to_word="the#2")
    alone = press(studio(manner=Manner(from_word="dragon", to_word="the#2")))
    assert {**order, "player": 0, "serial": 0} == {**alone, "player": 0, "serial": 0}
    assert order["length"] > press(studio(), word="dragon")["length"]
    with pytest.raises(BadRange, match="comes before"):
        press(studio(), word="knight", to_word="the#1")
    with pytest.raises(BadRange, match="names no word"):
        press(studio(), word="knight", to_word="")


def test_a_press_for_one_word_plays_that_word() -> None:
    order = press(studio(), word="the#2")
    assert (order["offset"] % 100_000, order["length"], order["fade_out_frames"]) == (1200, 640, 240)


def test_an_unknown_word_names_those_that_there_are() -> None:
    each = studio()
    with pytest.raises(UnknownThing, match=r"named 'cat'; there is: and, dragon, knight, the, the#2"):
        press(each, word="cat")
    assert each.stage.orders == []


def test_a_cue_can_be_fired_from_a_word_or_a_frame() -> None:
    each = Studio()
    each.do(GoCue(cue="1", from_word="there"), 5000)
    (order,) = each.stage.take(Kind.START_PLAYER)
    assert (order["offset"] % 100_000, order["frame"]) == (400, 5000)
    each.do(GoCue(cue="1", from_frame=77), 6000)
    (order,) = each.stage.take(Kind.START_PLAYER)
    assert (order["offset"] % 100_000, order["frame"]) == (77, 6000)
    with pytest.raises(BadRange, match="cue 3 starts at its beginning only"):
        each.do(GoCue(cue="3", from_frame=77))


def test_the_slots_manner_is_what_a_plain_press_plays() -> None:
    order = press(studio(manner=Manner(from_word="dragon", to_word="dragon", loop=True, semitones=12.0)))
    assert order["rate"] == 2.0
    assert (order["loop_start"], order["loop_frames"], order["loop_fade_frames"], order["index"]) == (100, 400, 100, 0)


def test_notes_are_pitches_on_top_of_the_slots_own() -> None:
    each = studio(manner=Manner(semitones=5.0))
    assert press(each, semitones=7.0)["rate"] == 2.0
    with pytest.raises(BadRange, match="semitones"):
        press(each, semitones=20.0)


def test_each_note_has_the_mode_for_itself() -> None:
    each = studio("gate")
    low, high = press(each, semitones=0.0)["player"], press(each, semitones=7.0)["player"]
    each.do(ReleaseSlot(bank="a", index=1, semitones=0.0))
    (stop,) = each.stage.take(Kind.STOP_PLAYER)
    assert stop["player"] == low != high
    once = studio("oneshot")
    press(once, semitones=3.0)
    press(once, semitones=4.0)
    with pytest.raises(Busy):
        press(once, semitones=4.0)


def test_a_retrigger_blends_the_old_into_the_new() -> None:
    each = studio("retrigger")
    assert press(each)["attack_frames"] == 0
    each.do(TriggerSlot(bank="a", index=1))
    stop, start = each.stage.orders
    assert (stop["ramp_frames"], start["attack_frames"]) == (240, 240)


@pytest.mark.parametrize(("curve", "half"), [("gm", -12.04), ("linear", -6.02), ("soft", -3.01), ("off", 0.0)])
def test_velocity_curves(curve: Any, half: float) -> None:
    assert velocity_db(curve, 0.5) == pytest.approx(half, abs=0.01)
    assert velocity_db(curve, 1.0) == 0.0
    assert velocity_db(curve, 1e-9) >= -40.0


@pytest.mark.parametrize(("velocity", "word"), [(0.01, 0), (0.3, 1), (0.5, 2), (0.99, 4), (1.0, 4)])
def test_velocity_picks_the_word(velocity: float, word: int) -> None:
    order = press(studio(velocity_word=True), velocity=velocity)
    assert (order["offset"] % 100_000, order["gain"]) == (400 * word, 1.0)


SOFT_TO_HARD = [(0.01, 3), (0.33, 3), (0.34, 0), (0.66, 0), (0.67, 7), (1.0, 7)]


@pytest.mark.parametrize(("velocity", "seed"), SOFT_TO_HARD)
def test_velocity_picks_the_take(velocity: float, seed: int) -> None:
    each = studio(velocity_take=(3, 0, 7), velocity="off")
    seeds = [source.delivery.seed for source, _ in each.loader.asked if source.text.startswith("the dragon")]
    assert sorted(seeds) == [0, 3, 7], "all of them are made ahead"
    order = press(each, velocity=velocity)
    assert order["offset"] == offset_of(each, "the dragon and the knight", seed)
    assert press(each, velocity=velocity)["offset"] == order["offset"], "and again the same"
    other = 1.0 if seed == 3 else 0.01
    assert press(each, velocity=other)["offset"] == offset_of(each, "the dragon and the knight", 7 if seed == 3 else 3)


def test_the_take_of_a_clip_is_played_as_the_clip_is() -> None:
    story = small_story()
    slot = Slot(bank="a", index=1, target=PlayClip(clip="after"), mode="layer", velocity="off", velocity_take=(5, 6))
    each = Studio(replace(story, slots=(slot,)))
    assert press(each, velocity=1.0)["offset"] == offset_of(each, "and then", 6) + 10, "trimmed as it is"


def test_a_slot_is_ready_when_all_its_takes_are() -> None:
    story = small_story()
    slot = Slot(bank="a", index=1, target=PlayClip(clip="hello"), velocity_take=(0, 1))
    each = Studio(replace(story, slots=(slot,)), load=False)
    states = []
    for number in (0, 1):
        states.append(each.session.slots.state("a", 1))
        (source,) = [s for s, _ in each.loader.asked if s.text == "hello there" and s.delivery.seed == number]
        each.deliver(source)
    assert "ready" not in states and each.session.slots.state("a", 1) == "ready"


def running(each: Studio, timeline_frame: int, engine_frame: int) -> None:
    each.do(Play())
    each.report(Report.TRANSPORT, value=1.0, requested_frame=timeline_frame, actual_frame=engine_frame)
    each.stage.orders.clear()


@pytest.mark.parametrize(
    ("quantise", "grid", "asked", "expected"),
    [
        ("beat", 0.25, 10_001, 10_000 + BEAT),
        ("beat", 0.25, 10_000 + BEAT, 10_000 + BEAT),
        ("bar", 0.25, 10_000 + BEAT, 10_000 + 4 * BEAT),
        ("grid", 0.5, 10_000 + BEAT + 1, 10_000 + BEAT + BEAT // 2),
        ("grid", 3.0, 10_000 + 3 * BEAT + 1, 10_000 + 4 * BEAT),
        ("none", 0.25, 12_345, 12_345),
    ],
)
def test_a_press_waits_for_its_place(quantise: Any, grid: float, asked: int, expected: int) -> None:
    each = studio(quantise=quantise, grid_beats=grid)
    running(each, 0, 10_000)
    assert press(each, asked)["frame"] == expected


def test_a_press_now_waits_from_what_can_still_be_met() -> None:
    each = studio(quantise="beat")
    running(each, 4800, 10_000)
    each.now = 10_000 + BEAT
    assert press(each)["frame"] == 10_000 + 2 * BEAT - 4800


@pytest.mark.parametrize("mode", ["toggle", "retrigger", "gate"])
def test_a_pad_that_waits_for_its_bar_is_taken_back_without_a_sound(mode: str) -> None:
    """The mixer would let it begin and fade it out: a blip on the bar."""
    each = studio(mode, quantise="bar")
    running(each, 0, 10_000)
    first = press(each, 10_001)
    assert first["frame"] == 10_000 + 4 * BEAT
    each.do(TriggerSlot(bank="a", index=1), 10_000 + BEAT)
    stop, *again = each.stage.orders
    assert (stop["kind"], stop["player"], stop["frame"]) == (Kind.STOP_PLAYER, first["player"], NOW)
    assert [(o["frame"], o["attack_frames"]) for o in again] == ([] if mode == "toggle" else [(first["frame"], 0)])


def test_a_pad_of_a_choke_group_takes_back_one_that_waits_for_the_same_bar() -> None:
    target = SpeakLine(line=line("boo", "ghost"), track="spook")
    pads = [Slot(bank="a", index=n, target=target, mode="layer", quantise="bar", choke="g") for n in (1, 2)]
    each = Studio(replace(small_story(), slots=tuple(pads)))
    running(each, 0, 10_000)
    first = press(each, 10_001)
    each.do(TriggerSlot(bank="a", index=2), 10_000 + BEAT)
    stop, start = each.stage.orders
    assert (stop["player"], stop["frame"]) == (first["player"], NOW)
    assert start["frame"] == first["frame"]


def test_a_pad_that_sounds_is_stopped_at_its_bar() -> None:
    each = studio("toggle", quantise="bar")
    running(each, 0, 10_000)
    press(each, 10_001)
    each.do(TriggerSlot(bank="a", index=1), 10_001 + 4 * BEAT)
    assert each.stage.take(Kind.STOP_PLAYER)[0]["frame"] == 10_000 + 8 * BEAT


def test_stopping_the_pad_of_a_section_stops_the_timeline_inside_it_only() -> None:
    section = Slot(bank="a", index=1, target=PlaySection(from_marker="begin", to_marker="end"))
    each = Studio(replace(small_story(), slots=(section,)))
    stop = StopSlot(bank="a", index=1)
    for timeline_frame, kinds in ((499, []), (500, [Kind.STOP]), (3999, [Kind.STOP]), (4000, [])):
        running(each, timeline_frame, 10_000)
        each.now = 10_000
        each.do(stop)
        assert each.stage.kinds() == kinds
    each.report(Report.TRANSPORT, value=0.0, requested_frame=600, actual_frame=20_000)
    each.stage.orders.clear()
    each.do(stop)
    assert each.stage.kinds() == []


def test_a_press_does_not_wait_while_the_timeline_rests() -> None:
    assert press(studio(quantise="bar"))["frame"] == NOW


def test_a_press_in_a_loop_goes_round_with_it() -> None:
    each = studio(quantise="bar")
    each.do(SetLoop(start_frame=BEAT, end_frame=3 * BEAT))
    running(each, BEAT, 0)
    # at engine frame 2 BEAT the loop wraps to beat 2 of bar 1; no bar begins inside it, so the next one lies behind
    assert press(each, 100)["frame"] == 2 * BEAT + 3 * BEAT
    each.report(Report.LOOPED, requested_frame=BEAT, actual_frame=2 * BEAT)
    each.do(SetLoop())
    assert press(each, 2 * BEAT + 1)["frame"] == 5 * BEAT


def test_a_tempo_of_three_beats_has_its_own_bars() -> None:
    story = replace(studio(quantise="bar").session.story, tempo=(TempoPoint(tempo_bpm=60.0, beats_per_bar=3),))
    each = Studio(story)
    running(each, 0, 0)
    assert press(each, 1)["frame"] == 3 * 48000


def test_a_press_goes_by_the_daw_s_beats_while_it_tells_them() -> None:
    each = studio(quantise="bar")
    running(each, 4 * BEAT, 0)
    each.report(Report.BEATS, value=60.0, serial=3, requested_frame=1000)
    assert press(each, 1)["frame"] == 1000 + 3 * 48000 - 4 * BEAT
    each.report(Report.BEATS)
    assert press(each, 1)["frame"] == 4 * BEAT


def test_another_speed_is_another_source() -> None:
    each = studio(manner=Manner(speed=0.5))
    sources = [source for source, _ in each.loader.asked]
    assert Stretched(source=line("the dragon and the knight"), speed=0.5) in sources
    assert line("the dragon and the knight") not in sources


def test_a_stretched_clips_trim_is_stretched_with_it() -> None:
    story = replace(
        small_story(), slots=(Slot(bank="a", index=1, target=PlayClip(clip="boo", manner=Manner(speed=2.0))),)
    )
    assert press(Studio(story))["length"] == 250


def test_a_player_that_gives_way_is_told() -> None:
    each = studio()
    player = press(each)["player"]
    (told,) = each.report(Report.STOLEN, player=player)
    assert isinstance(told, Dropped)
    assert (told.what, told.code) == ("slot a/1", "stolen")


def test_a_slots_words_can_be_read() -> None:
    each = studio()
    assert each.session.slots.words("a", 1)[:4] == (("the", 0), ("dragon", 400), ("and", 800), ("the#2", 1200))
