"""Ducking: how deep, how fast, how exactly, at every block size; look-ahead keeps everything in step."""

from __future__ import annotations

import numpy as np
import pytest
from mixer_rig import Rig
from msgspec.structs import replace

from engine.errors import StoryError, UnknownThing
from engine.mixer.graph import compile_graph
from engine.params import DUCK
from engine.realtime.records import Kind
from engine.story.model import Duck, Master, Story, Strip, Track
from tests.signals import RATE, noise, ones, roughness, sine

QUICK = Duck(by=("voice",), depth_db=-20.0, threshold_db=-20.0, attack_ms=10.0, hold_ms=0.0, release_ms=50.0)


def story(duck: Duck = QUICK, **voice: object) -> Story:
    return Story(
        title="duck",
        tracks=(Track(id="voice", strip=Strip(**voice)), Track(id="music", strip=Strip(duck=duck))),
        master=Master(limiter_db=None),
    )


def music(rig: Rig, frames: int, block: int = 256) -> np.ndarray:
    return rig.play(frames, block).strips[1][:, 0]


def test_the_music_goes_down_by_the_depth_and_comes_back_to_exactly_one() -> None:
    rig = Rig(story(), ones(2 * RATE), sine(RATE // 2))
    rig.start(0, strip="music", player=1)
    rig.start(1, 4800, strip="voice", player=2)
    heard = music(rig, RATE + RATE // 2)
    assert (heard[:4800] == 1.0).all()
    np.testing.assert_allclose(heard[12000 : RATE // 2], 0.1, atol=1e-3)
    assert heard[-1] == 1.0
    nine_tenths = 4800 + 480
    assert 0.1 < heard[nine_tenths + 100] < 0.3
    assert roughness(heard) < 0.01


def test_it_follows_what_is_heard_of_the_key() -> None:
    for quiet in ({"gain_db": -60.0}, {"mute": True}):
        rig = Rig(story(**quiet), ones(RATE), sine(RATE))
        rig.start(0, strip="music", player=1)
        rig.start(1, strip="voice", player=2)
        assert (music(rig, RATE // 4) == 1.0).all()


def test_hold_bridges_a_pause() -> None:
    held = replace(QUICK, hold_ms=300.0)
    rig = Rig(story(held), ones(2 * RATE), sine(4800))
    rig.start(0, strip="music", player=1)
    for number in range(4):
        rig.start(1, number * 12000, strip="voice", player=2 + number)
    heard = music(rig, RATE)
    assert heard[4800:].max() < 0.2


@pytest.mark.parametrize("block", [64, 333, 8192])
def test_the_size_of_a_block_changes_nothing(block: int) -> None:
    ahead = replace(QUICK, look_ahead_ms=7.0)

    def play(size: int) -> np.ndarray:
        rig = Rig(story(ahead), noise(RATE), noise(RATE // 4, seed=2))
        rig.start(0, strip="music", player=1)
        rig.start(1, 3000, strip="voice", player=2)
        return rig.play(RATE // 2, size).out

    np.testing.assert_array_equal(play(block), play(256))


def test_look_ahead_is_down_before_the_first_word_and_delays_all_alike() -> None:
    ahead = replace(QUICK, look_ahead_ms=40.0)
    rig = Rig(story(ahead), ones(RATE), sine(RATE // 4))
    late = round(0.04 * RATE)
    assert rig.mixer.latency_frames == rig.mixer.strip_latency_frames == late
    rig.start(0, strip="music", player=1)
    rig.start(1, 4800, strip="voice", player=2)
    heard = rig.play(RATE // 4).strips
    np.testing.assert_array_equal(heard[0][4800 + late :, 0], rig.clips[1][: RATE // 4 - 4800 - late])
    assert not heard[1][:late].any()
    assert (heard[1][late:4800, 0] == 1.0).all()
    assert heard[1][4800 + late, 0] < 0.11


def test_knobs_turn_while_it_sounds() -> None:
    rig = Rig(story(), ones(2 * RATE), sine(2 * RATE))
    rig.start(0, strip="music", player=1)
    rig.start(1, strip="voice", player=2)
    rig.play(RATE // 2)
    rig.send(Kind.SET_DUCK, strip="music", param=list(DUCK).index("depth_db"), value=-6.0206)
    heard = music(rig, RATE // 2)
    np.testing.assert_allclose(heard[-4800:], 0.5, atol=1e-3)
    assert roughness(heard) < 0.01
    lowest = np.zeros(3, np.float32)
    assert rig.mixer.take_reduction(lowest)
    np.testing.assert_allclose(lowest, [1.0, 0.1, 1.0], atol=2e-3)


def test_only_tracks_that_there_are_can_duck() -> None:
    with pytest.raises(UnknownThing, match="choir"):
        compile_graph(story(replace(QUICK, by=("choir",))))
    with pytest.raises(StoryError, match="itself"):
        compile_graph(story(replace(QUICK, by=("music",))))
