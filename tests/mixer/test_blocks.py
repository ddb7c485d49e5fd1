"""The size of blocks changes nothing beyond rounding, whatever moves."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mixer_rig import BLOCKS, Rig

from engine.mixer import pace
from engine.mixer.effects import EFFECTS
from engine.realtime.records import Kind
from engine.story.model import Bus, Effect, Master, Send, Story, Strip, Track
from tests.signals import noise, sine

ROUNDING = 2e-6
"""The bound: -114 dBFS. Plug-ins round differently at the ends of blocks, and feedback carries that on."""

FRAMES = 30000


def everything() -> Story:
    """Tracks, chains with every kind of memory, sends, a bus into a bus, a chain on the master, the limiter."""
    return Story(
        title="everything",
        tracks=(
            Track(
                id="a",
                strip=Strip(
                    gain_db=-2.0,
                    pan=-0.3,
                    inserts=(Effect(effect="highpass"), Effect(effect="compressor"), Effect(effect="delay")),
                    sends=(Send(to="room", gain_db=-6.0), Send(to="echo", gain_db=-9.0)),
                ),
            ),
            Track(
                id="b",
                strip=Strip(
                    inserts=(Effect(effect="distortion"), Effect(effect="peak"), Effect(effect="phaser")),
                    sends=(Send(to="room", gain_db=-3.0),),
                ),
            ),
            Track(id="c"),
        ),
        buses=(
            Bus(id="room", strip=Strip(inserts=(Effect(effect="reverb", params={"dry_level": 0.0}),))),
            Bus(
                id="echo",
                strip=Strip(
                    inserts=(
                        Effect(effect="delay", params={"mix": 1.0, "delay_seconds": 0.05}),
                        Effect(effect="chorus"),
                    ),
                    sends=(Send(to="room", gain_db=-6.0),),
                ),
            ),
        ),
        master=Master(strip=Strip(gain_db=3.0, inserts=(Effect(effect="highshelf"),)), limiter_db=-3.0),
    )


def playing() -> Rig:
    """Return a mixer of everything: three clips by hand at odd frames, three by the timeline with a loop."""
    rig = Rig(everything(), noise(15000, 1), noise(12345, 2, channels=2), sine(20000, 440.0, 0.7))
    rig.timeline(
        {"clip": 0, "start": 500, "strip": "c", "fade_in_frames": 800, "fade_out_frames": 1500, "gain": 0.6},
        {"clip": 2, "start": 3001, "strip": "b", "pan": 0.5, "gain": 0.5},
        {"clip": 1, "start": 9000, "strip": "a", "length": 4000, "player": 8},
    )
    rig.start(0, 101, "a", player=11, fade_in_frames=300)
    rig.start(1, 4097, "b", player=12, pan=-0.7, fade_out_frames=5000)
    rig.start(2, 7777, "c", player=13, gain=0.5)
    rig.send(Kind.SET_LOOP, 100, offset=2000, length=12001)
    rig.send(Kind.PLAY, 333)
    return rig


def at_rest(rig: Rig) -> None:
    pass


def faders(rig: Rig) -> None:
    for number, strip in enumerate(("a", "b", "c", "room", "echo", "master")):
        rig.send(Kind.SET_GAIN, 1003 + 517 * number, strip, value=0.4, ramp_frames=3000)
        rig.send(Kind.SET_GAIN, 3005 + 517 * number, strip, value=1.2, ramp_frames=100)
        rig.send(Kind.SET_PAN, 2001 + 333 * number, strip, value=0.8, ramp_frames=9000)
    for index in range(2):
        rig.send(Kind.SET_SEND, 5003 + index, "a", index=index, value=1.0, ramp_frames=4001)
    rig.send(Kind.SET_SEND, 6007, "echo", index=0, value=0.0, ramp_frames=1)


def knobs(rig: Rig) -> None:
    rig.move("a", 0, "cutoff_hz", 2000.0, 1003, ramp=3000)
    rig.move("a", 0, "cutoff_hz", 200.0, 2500, ramp=100)
    rig.move("a", 1, "threshold_db", -40.0, 1503, ramp=5000)
    rig.move("a", 2, "delay_seconds", 0.1, 2001, ramp=700)
    rig.move("a", 2, "feedback", 0.6, 2001, ramp=9000)
    rig.move("b", 0, "drive_db", 3.0, 1777, ramp=1000)
    rig.move("b", 1, "gain_db", 9.0, 5001, ramp=1000)
    rig.move("b", 1, "q", 3.0, 5501, ramp=2000)
    rig.move("b", 2, "rate_hz", 4.0, 7001, ramp=1000)
    rig.move("b", 2, "depth", 0.9, 7001, ramp=1000)
    rig.move("room", 0, "room_size", 0.9, 4001, ramp=1000)
    rig.move("room", 0, "wet_level", 0.7, 4001, ramp=1)
    rig.move("echo", 1, "depth", 0.8, 6001, ramp=2000)
    rig.move("master", 0, "gain_db", -12.0, 9001, ramp=2500)


def switches(rig: Rig) -> None:
    for frame, kind, strip, value in (
        (1001, Kind.SET_MUTE, "a", 1), (3003, Kind.SET_MUTE, "a", 0), (5005, Kind.SET_SOLO, "b", 1),
        (5105, Kind.SET_SOLO, "c", 1), (8007, Kind.SET_SOLO, "b", 0), (9009, Kind.SET_SOLO, "room", 1),
        (11011, Kind.SET_SOLO, "room", 0), (12013, Kind.SET_SOLO, "c", 0), (15015, Kind.SET_MUTE, "master", 1),
        (17017, Kind.SET_MUTE, "master", 0),
    ):  # fmt: skip
        rig.send(kind, frame, strip, value=value)
    for frame, strip, index, value in (
        (2001, "a", 0, 1), (4003, "a", 2, 1), (4103, "a", 0, 0), (6005, "echo", 0, 1), (9007, "a", 2, 0),
        (9107, "room", 0, 1), (13009, "room", 0, 0), (13011, "master", 0, 1), (14000, "echo", 0, 0),
    ):  # fmt: skip
        rig.send(Kind.SET_BYPASS, frame, strip, index=index, value=value, ramp_frames=400)


def ceilings(rig: Rig) -> None:
    for frame, value in ((2001, -20.0), (4003, np.nan), (6005, -6.0), (6105, np.nan), (9009, -1.0), (9010, -12.0)):
        rig.send(Kind.SET_LIMITER, frame, value=value)


def transport(rig: Rig) -> None:
    rig.send(Kind.STOP_PLAYER, 5003, player=11, ramp_frames=4000)
    rig.send(Kind.STOP_PLAYER, 5103, player=11, ramp_frames=300)
    rig.send(Kind.LOCATE, 7007, value=4321)
    rig.send(Kind.STOP_PLAYER, 8205, player=0)
    rig.send(Kind.STOP, 12011)
    rig.send(Kind.PLAY, 14013)
    rig.send(Kind.STOP_AT, 14013, value=9700)
    rig.send(Kind.PANIC, 20021, ramp_frames=500)
    rig.start(0, 20300, "a", player=21)
    rig.start(2, 24001, "b", player=22)


def all_at_once(rig: Rig) -> None:
    for move in (faders, knobs, switches, ceilings, transport):
        move(rig)


MOVES = (at_rest, faders, knobs, switches, ceilings, transport, all_at_once)
_largest: dict[str, np.ndarray] = {}


def heard(move, block: int) -> np.ndarray:
    """Return everything that comes out, side by side: out, premaster, every strip."""
    rig = playing()
    move(rig)
    result = rig.play(FRAMES, block)
    return np.concatenate([result.out, result.premaster, *result.strips], axis=1)


@pytest.mark.parametrize("block", BLOCKS[:-1])
@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_the_size_of_blocks_changes_nothing(move, block):
    if move.__name__ not in _largest:
        _largest[move.__name__] = heard(move, BLOCKS[-1])
    expected = _largest[move.__name__]
    assert abs(expected[:, :2]).max() > 0.3
    np.testing.assert_allclose(heard(move, block), expected, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("block", [64, 333, 1024])
def test_knobs_that_move_in_a_crowd_do_not_depend_on_blocks_either(monkeypatch, block):
    monkeypatch.setattr(pace, "FEW", 2)
    monkeypatch.setattr(pace, "MANY", 4)

    def snapshot(rig: Rig) -> None:
        """Turn something of every insert at once, and of some again while others still wait for their turn."""
        for strip, spec in zip(("a", "b", "c", "room", "echo", "master"), rig.graph.strips, strict=True):
            for number in range(len(spec.inserts)):
                for param, norm, frame in ((0, 0.4, 1003), (1, 0.7, 1003), (0, 0.6, 1303), (0, 0.3, 4005)):
                    rows = EFFECTS[spec.inserts[number].effect].params
                    name = list(rows)[param % len(rows)]
                    rig.move(strip, number, name, rows[name].spec.from_norm(norm), frame, ramp=2000)
        switches(rig)

    if "snapshot" not in _largest:
        _largest["snapshot"] = heard(snapshot, BLOCKS[-1])
    np.testing.assert_allclose(heard(snapshot, block), _largest["snapshot"], atol=ROUNDING, rtol=0)


FRAME = st.integers(0, 5900)
STRIP = st.sampled_from(("a", "b", "c", "room", "echo", "master"))
MOVE = st.one_of(
    st.tuples(st.just(Kind.SET_GAIN), FRAME, STRIP, st.floats(0, 1.5), st.integers(0, 2000)),
    st.tuples(st.just(Kind.SET_PAN), FRAME, STRIP, st.floats(-1, 1), st.integers(0, 2000)),
    st.tuples(st.sampled_from((Kind.SET_MUTE, Kind.SET_SOLO)), FRAME, STRIP, st.integers(0, 1), st.just(0)),
    st.tuples(st.just(Kind.SET_BYPASS), FRAME, STRIP, st.integers(0, 1), st.integers(0, 500)),
    st.tuples(st.just(Kind.SET_INSERT), FRAME, STRIP, st.floats(0.01, 30.0), st.integers(0, 2000)),
    st.tuples(st.just(Kind.SET_LIMITER), FRAME, STRIP, st.sampled_from((np.nan, -1.0, -9.0)), st.just(0)),
    st.tuples(st.just(Kind.LOCATE), FRAME, STRIP, st.integers(0, 9000), st.just(0)),
    st.tuples(st.sampled_from((Kind.PLAY, Kind.STOP)), FRAME, STRIP, st.just(0), st.just(0)),
    st.tuples(st.just(Kind.STOP_PLAYER), FRAME, STRIP, st.just(0), st.integers(0, 900)),
)
BLOCK_SIZES = st.lists(st.integers(1, 1500), min_size=3, max_size=12).filter(lambda sizes: sum(sizes) > 60 * len(sizes))


@settings(
    max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.lists(MOVE, max_size=12), BLOCK_SIZES, st.integers(0, 2))
def test_any_moves_in_any_blocks_sound_the_same(moves, blocks, index):
    results = []
    for sizes in (blocks * (6000 // sum(blocks) + 1), [8000]):
        rig = playing()
        for kind, frame, strip, value, ramp in moves:
            rig.send(kind, frame, strip, value=value, ramp_frames=ramp, index=index, player=11 + index)
        result = rig.play_blocks(sizes)
        results.append(np.concatenate([result.out, *result.strips], axis=1)[:6000])
    np.testing.assert_allclose(results[0], results[1], atol=ROUNDING, rtol=0)
