"""The timeline inside the mixer: transport, loop, section, and a table that changes while it plays."""

import numpy as np
import pytest
from mixer_rig import BLOCKS, FADE, Rig, bare

from engine.realtime.records import Kind, Report
from tests.signals import noise, ones, roughest_fade, roughness, sine


@pytest.mark.parametrize("block", BLOCKS)
def test_clips_start_on_their_exact_frames(block):
    rig = Rig(bare(), ones(1))
    starts = [0, 1, 255, 256, 257, 700, 4095]
    rig.timeline(*({"clip": 0, "start": start, "player": n} for n, start in enumerate(starts, 1)))
    rig.send(Kind.PLAY, 333)
    assert np.flatnonzero(rig.play(8192, block).out[:, 0]).tolist() == [333 + start for start in starts]
    assert rig.mixer.timeline_frame == rig.mixer.frame - 333


def test_what_plays_is_the_clip_with_its_gain_pan_trim_and_fades():
    clip = noise(3000, channels=2)
    rig = Rig(bare(), clip)
    rig.timeline({"clip": 0, "start": 100, "trim": 50, "length": 2000, "gain": 0.5, "pan": 0.25, "fade_in_frames": 400})
    rig.send(Kind.PLAY)
    expected = clip[50:2050] * 0.5 * [0.75, 1.0] * np.minimum(1.0, np.arange(2000) / 400)[:, None]
    np.testing.assert_allclose(rig.play(3000).out[100:2100], expected, atol=1e-7)


def test_a_locate_into_the_middle_of_a_clip_fades_in_there():
    clip = sine(20000)
    rig = Rig(bare(), clip)
    rig.timeline({"clip": 0, "start": 1000})
    rig.send(Kind.LOCATE, value=6000)
    rig.send(Kind.PLAY)
    heard = rig.play(4000).out[:, 0]
    np.testing.assert_array_equal(heard[FADE:], clip[5000 + FADE : 9000])
    np.testing.assert_allclose(heard[:FADE], clip[5000 : 5000 + FADE] * np.arange(FADE) / FADE, atol=1e-6)


def test_a_locate_to_a_clips_first_frame_does_not_fade_it():
    rig = Rig(bare(), noise(1000))
    rig.timeline({"clip": 0, "start": 5000})
    rig.send(Kind.LOCATE, value=5000)
    rig.send(Kind.PLAY)
    np.testing.assert_array_equal(rig.play(1000).out[:, 0], rig.clips[0])


def test_a_locate_while_playing_crosses_over():
    rig = Rig(bare(), sine(40000))
    rig.timeline({"clip": 0, "start": 0})
    rig.send(Kind.PLAY)
    rig.send(Kind.LOCATE, 5005, value=20000)
    heard = rig.play(9000, 333).out
    np.testing.assert_array_equal(heard[5005 + FADE :, 0], rig.clips[0][20000 + FADE :][: 9000 - 5005 - FADE])
    assert roughness(heard) <= 2 * roughest_fade(997.0, 0.5, FADE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 1e300])
def test_a_locate_to_nowhere_is_not_taken(value):
    rig = Rig(bare(), ones(10))
    rig.send(Kind.LOCATE, value=value)
    assert rig.mixer.timeline_frame == 0


@pytest.mark.parametrize("block", BLOCKS)
def test_a_loop_is_exact_to_the_frame(block):
    rig = Rig(bare(), ones(1))
    rig.timeline({"clip": 0, "start": 1000}, {"clip": 0, "start": 1500, "player": 2}, {"clip": 0, "start": 2001})
    rig.send(Kind.SET_LOOP, offset=1000, length=1001)
    rig.send(Kind.PLAY)
    heard = np.flatnonzero(rig.play(8192, block).out[:, 0])
    assert heard.tolist() == [frame for n in range(8) for frame in (1000 + 1001 * n, 1500 + 1001 * n) if frame < 8192]
    looped = rig.reports(Report.LOOPED)["actual_frame"]
    assert looped.tolist() == [2001 + 1001 * n for n in range(7) if 2001 + 1001 * n <= 8192]


def test_a_loop_in_the_middle_of_a_clip_makes_no_step():
    rig = Rig(bare(), sine(40000))
    rig.timeline({"clip": 0, "start": 0})
    rig.send(Kind.SET_LOOP, offset=3000, length=2777)
    rig.send(Kind.PLAY)
    heard = rig.play(20000, 333).out
    assert roughness(heard) <= 2 * roughest_fade(997.0, 0.5, FADE)
    assert abs(heard[-3000:]).max() > 0.4


def test_a_section_stops_by_itself_on_its_frame():
    rig = Rig(bare(), ones(20000))
    rig.timeline({"clip": 0, "start": 0})
    rig.send(Kind.PLAY)
    rig.send(Kind.STOP_AT, value=3333)
    heard = rig.play(9000).out[:, 0]
    assert (heard[:3334] == 1.0).all()
    assert not heard[3333 + FADE :].any()
    assert not rig.mixer.playing
    assert rig.mixer.timeline_frame == 3333
    last = rig.reports(Report.TRANSPORT)[-1]
    assert (last["requested_frame"], last["actual_frame"], last["value"]) == (3333, 3333, 0.0)


def test_stop_and_play_go_on_where_they_stopped():
    rig = Rig(bare(), sine(40000))
    rig.timeline({"clip": 0, "start": 0})
    rig.send(Kind.PLAY)
    rig.send(Kind.STOP, 2000)
    rig.send(Kind.PLAY, 5000)
    heard = rig.play(9000).out
    np.testing.assert_array_equal(heard[5000 + FADE :, 0], rig.clips[0][2000 + FADE : 6000])
    assert not heard[2000 + FADE : 5000].any()
    assert roughness(heard) <= 1.05 * roughest_fade(997.0, 0.5, FADE)


def test_a_swapped_table_leaves_clips_that_are_the_same_sounding_to_the_bit():
    rig = Rig(bare(), noise(9000), noise(9000, 2))
    rig.timeline({"clip": 0, "start": 100})
    rig.send(Kind.PLAY)
    before = rig.play(3000).out
    rig.timeline({"clip": 0, "start": 100}, {"clip": 1, "start": 20000}, generation=2)
    heard = np.concatenate([before, rig.play(7000).out])
    np.testing.assert_array_equal(heard[100:9100, 0], rig.clips[0])
    assert rig.reports(Report.TIMELINE)["serial"].tolist() == [1, 2]
    assert len(rig.reports(Report.STARTED)) == 1


@pytest.mark.parametrize("change", [{"gain": 0.25}, {"start": 400}, {"pan": 1.0}, {"trim": 7}, None])
def test_a_swapped_table_crosses_over_where_clips_changed(change):
    rig = Rig(bare(), sine(20000))
    rig.timeline({"clip": 0, "start": 100})
    rig.send(Kind.PLAY)
    before = rig.play(3000).out
    rig.timeline(*([{"clip": 0, "start": 100, **change}] if change else []), generation=2)
    after = rig.play(3000).out
    assert roughness(np.concatenate([before[500:], after])) <= 2 * roughest_fade(997.0, 0.5, FADE)
    change = change or {"gain": 0.0}
    first = 3000 - change.get("start", 100) + change.get("trim", 0)
    expected = rig.clips[0][first : first + 3000] * change.get("gain", 1.0)
    np.testing.assert_allclose(after[FADE:, 1], expected[FADE:], atol=1e-6)


@pytest.mark.parametrize("block", BLOCKS)
def test_stop_of_all_reaches_clips_that_the_timeline_started_in_the_same_block(block):
    rig = Rig(bare(), ones(4000))
    rig.timeline({"clip": 0, "start": 100}, {"clip": 0, "start": 6000, "player": 2})
    rig.send(Kind.PLAY)
    rig.send(Kind.STOP_PLAYER, 200, player=0)
    heard = rig.play(10000, block).out[:, 0]
    assert not heard[200 + FADE : 6000].any()
    assert (heard[6000:10000] == 1.0).all()
