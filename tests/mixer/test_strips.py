"""Strips: faders, pan, mute, solo, sends, sums and meters, in figures."""

import numpy as np
import pytest
from mixer_rig import BLOCKS, FADE, Rig, bare

from engine.mixer.graph import compile_graph
from engine.realtime.records import Kind, Report
from engine.story.model import Bus, Effect, Master, Send, Story, Strip, Track
from engine.units import pan_gains
from tests.signals import gain_of, noise, ones, sine


def with_bus(**bus) -> Story:
    """Two tracks, the first sends to a bus at -6 dB."""
    return Story(
        title="bus",
        tracks=(Track(id="a", strip=Strip(sends=(Send(to="bus", gain_db=-6.0),))), Track(id="b")),
        buses=(Bus(id="bus", strip=Strip(**bus)),),
        master=Master(limiter_db=None),
    )


@pytest.mark.parametrize("pan", [-1.0, -0.5, 0.0, 0.3, 1.0])
def test_a_strips_pan_is_the_balance_law_that_units_documents(pan):
    left, right = pan_gains(pan)
    assert (left, right) == (min(1.0, 1.0 - pan), min(1.0, 1.0 + pan))
    rig = Rig(bare(pan=pan), noise(100, channels=2))
    rig.start(0, 0)
    heard = rig.play(100).out
    np.testing.assert_allclose(heard, rig.clips[0] * np.array([left, right]), atol=1e-7)


def test_a_fader_glides_in_a_straight_line_from_its_frame():
    rig = Rig(bare(), ones(9000))
    rig.start(0, 0)
    rig.send(Kind.SET_GAIN, 1001, value=0.25, ramp_frames=2000)
    rig.send(Kind.SET_GAIN, 2001, value=1.0, ramp_frames=400)
    heard = rig.play(4000, 480).out[:, 0]
    expected = np.interp(np.arange(4000), [1001, 2001, 2401], [1.0, 0.625, 1.0])
    np.testing.assert_allclose(heard, expected, atol=1e-6)


def test_no_ramp_is_shorter_than_five_milliseconds():
    rig = Rig(bare(), ones(9000))
    rig.start(0, 0)
    rig.send(Kind.SET_GAIN, 1000, value=0.0, ramp_frames=0)
    expected = np.interp(np.arange(2000), [1000, 1000 + FADE], [1.0, 0.0])
    np.testing.assert_allclose(rig.play(2000, 333).out[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [Kind.SET_GAIN, Kind.SET_PAN, Kind.SET_SEND, Kind.SET_MUTE, Kind.SET_INSERT])
def test_a_value_that_is_no_number_is_not_taken(kind, value):
    rig = Rig(with_bus(inserts=(Effect(effect="gain"),)), ones(1000))
    rig.start(0)
    for strip in range(rig.mixer.strips):
        rig.send(kind, strip=strip, value=value)
    np.testing.assert_allclose(rig.play(1000).out, 1.0 + gain_of(-6.0), atol=1e-6)


@pytest.mark.parametrize(("strip", "index"), [(-1, 0), (4, 0), (0, 1), (0, -1), (1, 0), (2**31 - 1, 0)])
def test_records_for_strips_and_sends_that_are_not_there_do_nothing(strip, index):
    rig = Rig(with_bus(inserts=(Effect(effect="gain"),)), ones(1000))
    rig.start(0)
    for kind in (Kind.SET_SEND, Kind.SET_INSERT, Kind.SET_BYPASS):
        rig.send(kind, strip=strip, index=index, value=0.0)
    if not 0 <= strip < 4:
        rig.send(Kind.SET_GAIN, strip=strip, value=0.0)
        rig.send(Kind.SET_MUTE, strip=strip, value=1.0)
    np.testing.assert_allclose(rig.play(1000).out, 1.0 + gain_of(-6.0), atol=1e-6)


def test_sends_are_behind_the_fader_and_the_pan():
    rig = Rig(with_bus(), ones(5000))
    rig.start(0, 0)
    rig.send(Kind.SET_GAIN, value=0.5)
    rig.send(Kind.SET_PAN, value=-1.0)
    bus = rig.play(1000).strips[2]
    np.testing.assert_allclose(bus[FADE:], [[0.5 * gain_of(-6.0), 0.0]] * (1000 - FADE), atol=1e-6)


def test_a_send_glides():
    rig = Rig(with_bus(), ones(5000))
    rig.start(0, 0)
    rig.send(Kind.SET_SEND, 500, index=0, value=1.0, ramp_frames=1000)
    bus = rig.play(2000, 128).strips[2][:, 0]
    np.testing.assert_allclose(bus, np.interp(np.arange(2000), [500, 1500], [gain_of(-6.0), 1.0]), atol=1e-6)


# What sounds of a (to the master), a's send (through the bus) and b: 1, 2 and 4 when all do.
GATES = {
    "nothing": ((), 7),
    "mute a": ((("a", Kind.SET_MUTE),), 4),
    "mute bus": ((("bus", Kind.SET_MUTE),), 5),
    "solo a": ((("a", Kind.SET_SOLO),), 3),
    "solo b": ((("b", Kind.SET_SOLO),), 4),
    "solo both": ((("a", Kind.SET_SOLO), ("b", Kind.SET_SOLO)), 7),
    "solo bus": ((("bus", Kind.SET_SOLO),), 2),
    "solo bus and b": ((("bus", Kind.SET_SOLO), ("b", Kind.SET_SOLO)), 4),
    "solo bus and a": ((("bus", Kind.SET_SOLO), ("a", Kind.SET_SOLO)), 3),
    "solo a, mute a": ((("a", Kind.SET_SOLO), ("a", Kind.SET_MUTE)), 0),
    "mute master": ((("master", Kind.SET_MUTE),), 0),
}


@pytest.mark.parametrize("name", GATES)
def test_mute_and_solo_close_what_they_should_and_open_it_again(name):
    turned, expected = GATES[name]
    rig = Rig(with_bus(), ones(30000))
    rig.start(0, 0, "a", gain=1.0)
    rig.start(0, 0, "b", gain=4.0)
    rig.send(Kind.SET_SEND, value=2.0)
    rig.play(1000)
    for strip, kind in turned:
        rig.send(kind, strip=strip, value=1.0)
    heard = rig.play(2000).out[:, 0]
    np.testing.assert_allclose(heard[FADE:], expected, atol=1e-5)
    assert abs(np.diff(heard)).max() <= 7.0 / FADE + 1e-5
    for strip, kind in turned:
        rig.send(kind, strip=strip, value=0.0)
    np.testing.assert_allclose(rig.play(2000).out[FADE:, 0], 7.0, atol=1e-5)


def test_mute_and_solo_of_the_story_hold_from_the_first_frame():
    tracks = (
        Track(id="a", strip=Strip(mute=True)), Track(id="b", strip=Strip(solo=True)), Track(id="c")
    )  # fmt: skip
    rig = Rig(Story(title="s", tracks=tracks, master=Master(limiter_db=None)), ones(100))
    for strip, gain in (("a", 1.0), ("b", 2.0), ("c", 4.0)):
        rig.start(0, 0, strip, gain=gain)
    assert (rig.play(100).out == 2.0).all()


def cascade() -> Story:
    """Tracks with inserts and pans into two buses, one of which feeds the other."""
    return Story(
        title="cascade",
        tracks=(
            Track(id="a", strip=Strip(gain_db=-2.0, pan=-0.4, sends=(Send(to="room", gain_db=-3.0), Send(to="echo")))),
            Track(id="b", strip=Strip(inserts=(Effect(effect="compressor"),), sends=(Send(to="room"),))),
            Track(id="c", strip=Strip(gain_db=3.0, pan=0.9)),
        ),
        buses=(
            Bus(id="room", strip=Strip(inserts=(Effect(effect="reverb", params={"dry_level": 0.0}),))),
            Bus(id="echo", strip=Strip(inserts=(Effect(effect="delay"),), sends=(Send(to="room", gain_db=-4.0),))),
        ),
        master=Master(strip=Strip(gain_db=-4.0, inserts=(Effect(effect="lowpass"),))),
    )


@pytest.mark.parametrize("block", BLOCKS)
def test_stems_of_tracks_and_returns_sum_to_the_premaster(block):
    rig = Rig(cascade(), noise(20000, 1), noise(20000, 2, channels=2), sine(20000))
    for clip, strip in enumerate("abc"):
        rig.start(clip, 100 * clip, strip)
        rig.send(Kind.SET_GAIN, 3000 + clip, strip, value=0.5, ramp_frames=3000)
    rig.send(Kind.SET_MUTE, 9001, "b", value=1.0)
    heard = rig.play(24000, block)
    total = heard.strips[:-1].astype(np.float64).sum(axis=0)
    assert abs(heard.strips[3]).max() > 0.01
    np.testing.assert_allclose(heard.premaster, total, atol=1e-6, rtol=0)


def test_levels_put_every_bus_behind_what_feeds_it():
    graph = compile_graph(cascade())
    assert [strip.id for strip in graph.strips] == ["a", "b", "c", "room", "echo", "master"]
    assert graph.levels == ((0, 1, 2), (4,), (3,))


def test_meters_tell_peak_and_rms_of_the_whole_block():
    rig = Rig(bare("a", "b"), sine(48000, 480.0, 0.5), ones(300, -0.25))
    rig.start(0, 0, "a", pan=-0.5)
    rig.start(1, 0, "b")
    heard = rig.play(1000, 1000)
    meters = rig.mixer.meters
    assert meters.shape == (3, 2, 2)
    np.testing.assert_allclose(meters[0, :, 0], [0.5, 0.25], atol=1e-6)
    np.testing.assert_allclose(meters[0, :, 1], np.array([0.5, 0.25]) / np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(meters[1, :, 0], 0.25)
    np.testing.assert_allclose(meters[1, :, 1], 0.25 * np.sqrt(0.3), rtol=1e-5)
    np.testing.assert_allclose(meters[2, :, 0], abs(heard.out).max(axis=0), rtol=1e-6)


def test_meters_do_not_depend_on_where_records_cut_the_block_and_fall_back():
    plain, cut = (Rig(bare(), noise(1000)) for _ in range(2))
    for rig in (plain, cut):
        rig.start(0, 0)
    for frame in (1, 77, 500):
        cut.send(Kind.SET_GAIN, frame, value=1.0)
    plain.play(1000, 1000)
    cut.play(1000, 1000)
    np.testing.assert_allclose(cut.mixer.meters, plain.mixer.meters, rtol=1e-6)
    cut.play(1000, 1000)
    assert not cut.mixer.meters.any()


def test_a_strip_that_plays_infinities_is_silenced_alone_and_reported():
    rig = Rig(bare("a", "b"), ones(4000), ones(4000, 9e7))
    rig.start(0, 0, "b")
    rig.start(1, 100, "a", player=2, gain=1e6)
    heard = rig.play(4000, 256)
    assert not heard.strips[0][256:].any()
    assert np.isfinite(heard.out).all()
    assert (heard.out[256:] == 1.0).all()
    failed = rig.reports(Report.STRIP_FAILED)
    assert failed["strip"].tolist() == [0]


@pytest.mark.parametrize("block", [64, 3000])
def test_a_fader_that_is_still_gives_the_bits_of_one_that_moves_to_where_it_is(block):
    heard = []
    for glides in (False, True):
        rig = Rig(with_bus(gain_db=-3.3, pan=0.2), noise(9000, channels=2))
        rig.send(Kind.SET_PAN, strip=0, value=-0.35)
        rig.play(2000, block)
        rig.start(0, 2000)
        if glides:  # from where they are to where they are: every frame has its place on a curve
            gain = gain_of(0.0)
            for strip in range(rig.mixer.strips):
                rig.send(
                    Kind.SET_GAIN, 2000, strip=strip, value=gain_of(-3.3) if strip == 2 else gain, ramp_frames=50000
                )
        heard.append(rig.play(9000, block))
    still, moving = heard
    np.testing.assert_array_equal(still.out, moving.out)
    np.testing.assert_array_equal(still.premaster, moving.premaster)
    for one, other in zip(still.strips, moving.strips, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(still.out).max() > 0.01
