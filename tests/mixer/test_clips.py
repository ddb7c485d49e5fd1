"""Clips: on their exact frame, exactly as loud as they should be, with exact trims and fades."""

import numpy as np
import pytest
from mixer_rig import BLOCKS, Rig, bare

from engine.realtime.records import Kind, Report
from tests.signals import gain_of, noise, ones


@pytest.mark.parametrize("block", [*BLOCKS, 1])
@pytest.mark.parametrize("frame", [0, 1, 63, 64, 700])
def test_a_clip_lands_on_its_exact_frame_and_is_the_same_to_the_bit(frame, block):
    clip = noise(1000)
    rig = Rig(bare(), clip)
    rig.start(0, frame)
    heard = rig.play(2048, block).out
    expected = np.zeros((2048, 2), np.float32)
    expected[frame : frame + 1000] = clip[:, None]
    np.testing.assert_array_equal(heard, expected)
    started, ended = rig.reports(Report.STARTED), rig.reports(Report.ENDED)
    assert started[["player", "requested_frame", "actual_frame"]].tolist() == [(1, frame, frame)]
    assert ended[["player", "requested_frame", "actual_frame"]].tolist() == [(1, frame, frame + 1000)]


def test_a_stereo_clip_is_the_same_to_the_bit():
    clip = noise(5000, channels=2)
    rig = Rig(bare(), noise(77), clip)
    rig.start(1, 100)
    np.testing.assert_array_equal(rig.play(6000, 333).out[100:5100], clip)


def test_starts_in_one_block_keep_their_distances():
    clips = ones(1)
    rig = Rig(bare(), clips)
    frames = [3, 4, 5, 99, 255, 256, 257, 1000]
    for player, frame in enumerate(frames, 1):
        rig.start(0, frame, player=player)
    assert np.flatnonzero(rig.play(1024, 512).out[:, 0]).tolist() == frames


def test_a_clip_for_now_begins_with_the_next_block():
    rig = Rig(bare(), ones(10))
    rig.play(300, 300)
    rig.start(0)
    assert rig.play(20).out[:, 0].tolist() == [1.0] * 10 + [0.0] * 10
    assert rig.reports(Report.STARTED)["requested_frame"].tolist() == [300]


def test_a_clip_that_comes_late_plays_at_once_and_is_reported():
    rig = Rig(bare(), ones(10))
    rig.play(300, 300)
    rig.start(0, 250, player=7)
    assert rig.play(20).out[:, 0].tolist() == [1.0] * 10 + [0.0] * 10
    late = rig.reports(Report.LATE)
    assert late[["player", "serial", "requested_frame", "actual_frame"]].tolist() == [(7, 7, 250, 300)]
    assert rig.reports(Report.STARTED)[["requested_frame", "actual_frame"]].tolist() == [(250, 300)]


def test_minus_6_db_halves():
    clip = noise(5000)
    rig = Rig(bare(gain_db=20 * np.log10(0.5)), clip)
    rig.start(0, 0)
    np.testing.assert_allclose(rig.play(5000).out[:, 0], clip / 2, atol=1e-7, rtol=0)
    rig = Rig(bare(), clip)
    rig.start(0, 0, gain=gain_of(-6.0205999))
    np.testing.assert_allclose(rig.play(5000).out[:, 0], clip / 2, atol=1e-7, rtol=0)


@pytest.mark.parametrize("pan", [-1.0, -0.75, -0.25, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_clips_pan_lowers_the_far_side_and_raises_nothing(pan, channels):
    clip = noise(500, channels=channels)
    rig = Rig(bare(), clip)
    rig.start(0, 0, pan=pan)
    heard, both = rig.play(500).out, clip.reshape(500, channels) * np.ones((1, 2))
    np.testing.assert_allclose(heard[:, 0], both[:, 0] * min(1.0, 1.0 - pan), atol=1e-7)
    np.testing.assert_allclose(heard[:, 1], both[:, 1] * min(1.0, 1.0 + pan), atol=1e-7)


@pytest.mark.parametrize("block", BLOCKS)
def test_fades_are_straight_lines_to_the_frame(block):
    rig = Rig(bare(), ones(3000))
    rig.start(0, 100, fade_in_frames=500, fade_out_frames=1000)
    heard = rig.play(4096, block).out[100:3100, 0]
    frames = np.arange(3000)
    line = np.minimum(1.0, frames / 500) * np.minimum(1.0, (3000 - frames) / 1000)
    np.testing.assert_allclose(heard, line, atol=1e-7)
    assert heard[0] == 0.0
    assert (heard[500:2001] == 1.0).all()


def test_fades_that_overlap_are_multiplied():
    rig = Rig(bare(), ones(1000))
    rig.start(0, 0, fade_in_frames=800, fade_out_frames=900)
    frames = np.arange(1000)
    line = np.minimum(1.0, frames / 800) * np.minimum(1.0, (1000 - frames) / 900)
    np.testing.assert_allclose(rig.play(1000).out[:, 0], line, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 2])
def test_trims_are_exact(channels):
    clip = noise(3000, channels=channels)
    rig = Rig(bare(), noise(11), clip)
    rig.start(1, 50, trim=123, length=1000)
    heard = rig.play(2000, 480).out
    np.testing.assert_array_equal(heard[50:1050], clip.reshape(3000, channels)[123:1123] * np.ones((1, 2), np.float32))
    assert not heard[:50].any()
    assert not heard[1050:].any()


@pytest.mark.parametrize("fade_in", [0, 600])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_sound_in_a_clip_is_silence(wrong, fade_in):
    clip = noise(1000)
    expected = clip.copy()
    clip[200:300] = wrong
    expected[200:300] = 0.0
    rig = Rig(bare(), clip)
    rig.start(0, 0, fade_in_frames=fade_in)
    line = np.minimum(1.0, np.arange(1000) / fade_in) if fade_in else 1.0
    np.testing.assert_allclose(rig.play(1000).out[:, 0], expected * line, atol=1e-7)
    assert not len(rig.reports(Report.STRIP_FAILED))


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset": -1},
        {"offset": 1 << 40},
        {"length": 0},
        {"length": -5},
        {"length": 1001},
        {"length": 1 << 62},
        {"channels": 0},
        {"channels": 3},
        {"strip": -1},
        {"strip": 2},
        {"gain": np.nan},
        {"gain": np.inf},
        {"pan": np.nan},
    ],
)
def test_a_clip_that_is_none_is_refused_and_reported(wrong):
    rig = Rig(bare(), ones(1000))
    fields = {"player": 5, "length": 1000, "channels": 1, "gain": 1.0, **wrong}
    rig.send(Kind.START_PLAYER, 10, **fields)
    assert not rig.play(2000).out.any()
    assert rig.reports(Report.NO_PLAYER)[["player", "value"]].tolist() == [(5, 1.0)]
    rig.start(0)
    assert (rig.play(1000).out == 1.0).all()


def test_when_the_timeline_has_taken_all_players_a_live_start_is_refused_and_reported():
    rig = Rig(bare(), ones(1000), max_players=4)
    rig.timeline(*({"clip": 0, "start": 0, "player": player} for player in range(1, 5)))
    rig.send(Kind.PLAY)
    rig.start(0, 50, player=5)
    assert rig.play(100).out.max() == 4.0
    refused = rig.reports(Report.NO_PLAYER)
    assert refused[["player", "requested_frame", "value"]].tolist() == [(5, 50, 0.0)]
    rig.play(2000)
    assert rig.mixer.active_players == 0
    rig.start(0)
    assert (rig.play(1000).out == 1.0).all()


def test_a_stop_fades_from_its_exact_frame():
    rig = Rig(bare(), ones(5000))
    rig.start(0, 0)
    rig.send(Kind.STOP_PLAYER, 1111, player=1, ramp_frames=1000)
    heard = rig.play(5000, 512).out[:, 0]
    assert (heard[:1112] == 1.0).all()
    np.testing.assert_allclose(heard[1111:2111], 1.0 - np.arange(1000) / 1000, atol=1e-6)
    assert not heard[2111:].any()
    assert rig.reports(Report.ENDED)["actual_frame"].tolist() == [2111]


def test_a_second_stop_can_hasten_a_fade_but_not_slow_it():
    rig = Rig(bare(), ones(9000))
    rig.start(0, 0)
    rig.send(Kind.STOP_PLAYER, 0, player=1, ramp_frames=4000)
    rig.send(Kind.STOP_PLAYER, 1000, player=1, ramp_frames=8000)
    rig.send(Kind.STOP_PLAYER, 2000, player=1, ramp_frames=500)
    heard = rig.play(4000, 512).out[:, 0]
    np.testing.assert_allclose(heard[2000:2500], 0.5 * (1 - np.arange(500) / 500), atol=1e-6)
    np.testing.assert_allclose(heard[1000:2000], 0.75 - np.arange(1000) / 4000, atol=1e-6)
    assert not heard[2500:].any()


def test_stop_of_one_player_leaves_the_others_and_zero_means_all():
    rig = Rig(bare("a", "b"), ones(20000))
    rig.start(0, 0, "a", player=1)
    rig.start(0, 0, "a", player=2, gain=0.25)
    rig.start(0, 0, "b", player=3, gain=0.125)
    rig.send(Kind.STOP_PLAYER, 1000, player=1)
    rig.send(Kind.STOP_PLAYER, 5000, player=0)
    heard = rig.play(10000, 1024).out[:, 0]
    assert (heard[:1000] == 1.375).all()
    assert (heard[1240:5000] == 0.375).all()
    assert not heard[5240:].any()
    assert sorted(rig.reports(Report.ENDED)["player"].tolist()) == [1, 2, 3]
