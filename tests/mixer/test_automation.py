"""Automation: the timeline turns knobs, to the frame, at every block size, and lets go of what somebody turns."""

from __future__ import annotations

import numpy as np
import pytest
from mixer_rig import Rig
from msgspec.structs import replace

from engine.mixer.automation import Moves, compile_automation
from engine.realtime.records import AUTOMATION, Kind
from engine.story.checks import check_story
from engine.story.dump import dump
from engine.story.model import At, Beat, Bus, Effect, Lane, Master, Point, Send, Story, Strip, Track
from engine.story.nodes import compose
from engine.story.reader import Reader
from engine.story.tree import Planter
from tests.signals import RATE, noise, ones, roughness

FADE = 240


def lane(target: str, *points: tuple[object, ...]) -> Lane:
    placed = ((At(frame=p[0]) if isinstance(p[0], int) else p[0], *p[1:]) for p in points)
    return Lane(target=target, points=tuple(Point(at=p[0], value=p[1], curve=(*p[2:], "linear")[0]) for p in placed))


def story(*lanes: Lane, inserts: tuple[Effect, ...] = ()) -> Story:
    strip = Strip(automation=lanes, inserts=inserts, sends=(Send(to="hall", gain_db=-90.0),))
    return Story(
        title="a", tracks=(Track(id="voice", strip=strip),), buses=(Bus(id="hall"),), master=Master(limiter_db=None)
    )


def playing(story: Story, sound: np.ndarray, start: int = 0) -> Rig:
    rig = Rig(story, sound)
    rig.mixer.set_automation(compile_automation(story, rig.graph, FADE), 1)
    rig.start(0)
    if start:
        rig.send(Kind.LOCATE, value=start)
    rig.send(Kind.PLAY)
    return rig


def level_db(signal: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(signal, 1e-9))


FADES = lane("gain_db", (4800, 0.0), (28800, -40.0), (38400, -40.0, "hold"), (43200, -6.0, "smooth"), (62400, 0.0))


def test_a_fader_follows_its_points_in_decibels() -> None:
    heard = level_db(playing(story(FADES), ones(2 * RATE)).play(70000).strips[0][:, 0])
    frames = np.arange(5000, 28000)
    np.testing.assert_allclose(heard[frames], -40.0 * (frames - 4800) / 24000, atol=0.1)
    np.testing.assert_allclose(heard[28900:43200], -40.0, atol=0.01)
    np.testing.assert_allclose(heard[43200 + FADE], -6.0, atol=0.05)
    np.testing.assert_allclose(heard[52800], -3.0, atol=0.05)
    np.testing.assert_allclose(heard[62400:], 0.0, atol=0.01)


def test_nothing_steps_not_even_a_step() -> None:
    assert roughness(playing(story(FADES), ones(2 * RATE)).play(70000).out) < 1.0 / FADE


@pytest.mark.parametrize("block", [64, 333, 8192])
def test_the_size_of_a_block_changes_nothing(block: int) -> None:
    cutoff = lane("insert.1.cutoff_hz", (1000, 100.0), (30000, 4000.0, "smooth"), (44000, 300.0))
    every = story(
        FADES,
        lane("pan", (0, -1.0), (40000, 1.0)),
        lane("send.hall", (2000, -90.0), (20000, 0.0)),
        cutoff,
        inserts=(Effect(effect="highpass"),),
    )
    heard = playing(every, noise(RATE)).play(RATE, block)
    reference = playing(every, noise(RATE)).play(RATE, 256)
    np.testing.assert_array_equal(heard.out, reference.out)
    assert np.abs(heard.strips[1]).max() > 0.1  # the send came up


def test_locating_brings_every_knob_to_its_place() -> None:
    whole = playing(story(FADES), ones(2 * RATE)).play(40000).strips[0]
    middle = playing(story(FADES), ones(2 * RATE), start=16000).play(20000).strips[0]
    np.testing.assert_allclose(middle[2000:], whole[18000:36000], rtol=0.02)
    np.testing.assert_allclose(level_db(middle[FADE : FADE + 1, 0]), -40.0 * (16240 - 4800) / 24000, atol=0.2)


def test_who_turns_a_knob_has_it_until_the_timeline_starts_again() -> None:
    rig = playing(story(FADES), ones(4 * RATE))
    rig.play(9600)
    rig.send(Kind.SET_GAIN, strip="voice", value=0.5)
    held = rig.play(20000).strips[0][FADE:]
    np.testing.assert_allclose(held, 0.5)
    rig.send(Kind.LOCATE, value=30000)
    np.testing.assert_allclose(level_db(rig.play(4800).strips[0][1000:, 0]), -40.0, atol=0.01)


@pytest.mark.parametrize("runs", [True, False])
def test_a_changed_mix_leaves_what_the_timeline_has_turned(runs: bool) -> None:
    cutoff = lane("insert.1.cutoff_hz", (1000, 100.0), (9000, 400.0), (70000, 9000.0))
    lanes = (FADES, lane("pan", (0, -1.0), (60000, 1.0)), lane("send.hall", (2000, -90.0), (8000, 0.0)), cutoff)
    before = story(*lanes, inserts=(Effect(effect="highpass"),))

    def heard(changed: Story | None) -> np.ndarray:
        rig = playing(before, noise(2 * RATE))
        rig.play(10240)
        if not runs:
            rig.send(Kind.STOP)
        rig.play(1024)
        if changed is not None:
            rig.becomes(changed)
        return rig.play(20480).out

    again = heard(replace(before, tracks=(*before.tracks, Track(id="new"))))
    assert np.abs(again).max() > 0.01
    np.testing.assert_array_equal(again, heard(None))


def test_moves_of_many_knobs_are_found_as_by_looking_at_each() -> None:
    chance, rows = np.random.default_rng(2), np.zeros(400, AUTOMATION)
    rows["frame"], rows["lane"] = np.sort(chance.integers(0, 5000, 400)), 2 * chance.integers(0, 30, 400)
    rows["kind"], rows["strip"] = Kind.SET_GAIN, rows["lane"]
    moves = Moves(rows)
    for frame in (0, 17, 2500, 6000):
        expected = []
        for number in np.unique(rows["lane"]).tolist():
            mine = np.flatnonzero(rows["lane"] == number)
            expected.append((number, int(mine[max(0, int((rows["frame"][mine] <= frame).sum()) - 1)])))
        assert list(moves.at(frame)) == expected
    assert moves.lanes_of(Kind.SET_GAIN, 4, 0, 0) == [4] and moves.lanes_of(Kind.SET_PAN, 4, 0, 0) == []


def test_bars_and_beats_are_places_too() -> None:
    beats = story(lane("gain_db", (Beat(bar=1), 0.0, "hold"), (Beat(bar=2), -20.0)))
    heard = playing(beats, ones(4 * RATE)).play(100000).strips[0][:, 0]
    np.testing.assert_allclose(heard[95999], 1.0)
    np.testing.assert_allclose(heard[96000 + FADE :], 0.1, atol=1e-6)


def test_a_story_file_holds_it() -> None:
    written = story(
        FADES, lane("insert.1.cutoff_hz", (Beat(bar=3, beat=1.5), 300.0)), inserts=(Effect(effect="highpass"),)
    )
    text = dump(Planter().story(written))
    assert "- [0.8, -40, hold]" in text
    reader = Reader(compose(text, "story"))
    assert reader.notes.problems == []
    assert reader.story == written


def test_what_is_wrong_is_told() -> None:
    wrong = story(lane("insert.2.cutoff_hz", (0, 100.0)), lane("pan", (0, 3.0)))
    told = [f"{p.path} {p.text}" for p in check_story(wrong)]
    assert any("moves nothing" in text for text in told)
    assert any("pan" in text and "3" in text for text in told)
    reader = Reader(compose("kind: story\nversion: 1\ntitle: x\ntracks: [{id: a, automation: {pan: [[0]]}}]", "s"))
    assert any("[place, value]" in problem.text for problem in reader.notes.problems)
