"""Relays: mixers that share a graph give, together, to the last bit what one gives."""

from __future__ import annotations

import numpy as np
import pytest
from mixer_rig import Rig

from engine.mixer.graph import Graph, compile_graph
from engine.mixer.mixer import Mixer
from engine.mixer.relay import divide
from engine.realtime.records import Kind, records
from engine.story.model import At, Bus, Duck, Effect, Lane, Master, Point, Send, Story, Strip, Track
from tests.signals import RATE, noise

BLOCK = 1024
BLOCKS = 40
CHAIN = (Effect(effect="highpass"), Effect(effect="compressor", params={"threshold_db": -30.0}))


def whole() -> Story:
    """Two voices with chains, music that they duck, a room that sends on to an echo."""
    duck = Duck(by=("a", "c"), depth_db=-20.0, attack_ms=5.0, look_ahead_ms=10.0)
    fall = Lane(target="gain_db", points=(Point(at=At(frame=3000), value=0.0), Point(at=At(frame=9000), value=-12.0)))
    sends = (Send(to="room", gain_db=-6.0), Send(to="echo", gain_db=-9.0))
    return Story(
        title="relay",
        tracks=(
            Track(id="a", strip=Strip(inserts=CHAIN, sends=sends, pan=-0.3)),
            Track(id="b", strip=Strip(duck=duck, sends=sends[:1])),
            Track(id="c", strip=Strip(inserts=CHAIN, sends=sends[1:], automation=(fall,))),
            Track(id="d", strip=Strip(gain_db=-3.0, sends=sends)),
        ),
        buses=(
            Bus(id="echo", strip=Strip(inserts=(Effect(effect="delay", params={"delay_seconds": 0.05}),))),
            Bus(id="room", strip=Strip(inserts=(Effect(effect="reverb"),), sends=(Send(to="echo", gain_db=-12.0),))),
        ),
        master=Master(strip=Strip(inserts=(Effect(effect="gain", params={"gain_db": 3.0}),)), limiter_db=-1.0),
    )


def starts(rig: Rig) -> np.ndarray:
    """Start one clip on each track."""
    rows = records(4)
    for index in range(4):
        rows[index]["kind"], rows[index]["strip"], rows[index]["frame"] = Kind.START_PLAYER, index, 100 + 777 * index
        rows[index]["player"], rows[index]["offset"] = index + 1, rig.offsets[index]
        rows[index]["length"], rows[index]["channels"], rows[index]["gain"] = len(rig.clips[index]), 1, 1.0
    return rows


def legs_of(graph: Graph, count: int):
    return divide(graph, lambda strip: 1.0 + len(strip.inserts), count)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_legs_give_the_samples_of_one_mixer(count: int) -> None:
    rig = Rig(whole(), *(noise(RATE // 2, seed) * 0.2 for seed in range(4)), max_block_frames=BLOCK)
    rig.mixer.dispatch(starts(rig))
    legs = legs_of(rig.graph, count)
    mixers = [Mixer(rig.graph, **rig.options, leg=leg) for leg in legs]
    for leg, mixer in zip(legs, mixers, strict=True):
        mixer.dispatch(starts(rig)[sorted(index for index in leg.heard if index < 4)])
    loudest = 0.0
    for frames in (BLOCK, 333, 64) * (BLOCKS // 3):
        alone = rig.mixer.process(frames)
        sums = None
        for leg, mixer in zip(legs, mixers, strict=True):
            given = leg.blank(frames)
            leg.join(sums, given)
            together, sums = mixer.process(frames), given
            for strip in leg.strips:
                np.testing.assert_array_equal(mixer.strip_output(strip), rig.mixer.strip_output(strip))
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(mixers[-1].premaster, rig.mixer.premaster)
        loudest = max(loudest, float(np.abs(alone).max()))
    assert loudest > 0.1


def test_every_strip_is_in_one_leg_and_the_order_of_the_sums_is_kept() -> None:
    graph = compile_graph(whole())
    for count in (1, 2, 3, 9):
        legs = legs_of(graph, count)
        assert 1 <= len(legs) <= count
        assert sorted(strip for leg in legs for strip in leg.strips) == list(range(7))
        assert [leg.is_last for leg in legs] == [False] * (len(legs) - 1) + [True]


def test_a_leg_hears_the_keys_of_what_it_ducks() -> None:
    first, *_, last = legs_of(compile_graph(whole()), 7)
    assert first.heard == {0}
    assert last.heard == last.strips
    ducked = next(leg for leg in legs_of(compile_graph(whole()), 7) if 1 in leg.strips)
    assert ducked.heard >= {0, 1, 2}


def test_legs_cost_about_the_same() -> None:
    tracks = tuple(Track(id=f"t{n}", strip=Strip(inserts=CHAIN)) for n in range(8))
    graph = compile_graph(Story(title="even", tracks=tracks))
    assert [len(leg.strips) for leg in legs_of(graph, 2)] == [4, 5]
