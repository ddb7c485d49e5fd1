"""Relays, and mixers that are helped: what shares a graph gives, together, to the last bit what one mixer gives."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from mixer_rig import Rig

from engine.mixer.chain import Chain
from engine.mixer.graph import Graph, compile_graph
from engine.mixer.mixer import Mixer
from engine.mixer.plugins import EffectFailed
from engine.mixer.relay import divide
from engine.mixer.sharing import LONG_FRAMES
from engine.realtime.records import Kind, Report, records
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


@pytest.fixture
def helper():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_mixer_that_is_helped_gives_the_samples_of_one_that_is_not(
    helper: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(whole(), *(noise(RATE // 2, seed) * 0.2 for seed in range(4)), max_block_frames=2 * LONG_FRAMES)
    helped = Mixer(rig.graph, **rig.options)
    helped.helper = helper
    threads, process = set(), Chain.process

    def counted(*given):
        threads.add(threading.get_ident())
        return process(*given)

    for mixer in (rig.mixer, helped):
        mixer.dispatch(starts(rig))
    for frames in (2 * LONG_FRAMES, LONG_FRAMES, 100, 2 * LONG_FRAMES, LONG_FRAMES - 1):
        alone = rig.mixer.process(frames)
        with monkeypatch.context() as patch:
            patch.setattr(Chain, "process", counted)
            together = helped.process(frames)
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(helped.outputs[:, :frames], rig.mixer.outputs[:, :frames])
        assert alone.any()
    helper.submit(lambda: None).result()
    assert threading.get_ident() in threads


def test_of_two_chains_each_thread_takes_one(helper: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(whole(), *(noise(RATE // 2, seed) * 0.2 for seed in range(4)), max_block_frames=LONG_FRAMES)
    rig.mixer.helper = helper
    meet, process, others = threading.Barrier(2, timeout=60.0), Chain.process, list(rig.mixer._rack.chains.values())[2:]

    def met(chain, *given):
        if chain not in others:
            meet.wait()  # one thread alone would wait for ever
        return process(chain, *given)

    monkeypatch.setattr(Chain, "process", met)
    rig.mixer.process(LONG_FRAMES)


def test_an_effect_that_fails_beside_another_silences_its_own_strip(
    helper: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(whole(), *(noise(RATE // 2, seed) * 0.2 for seed in range(4)), max_block_frames=LONG_FRAMES)
    rig.mixer.helper = helper
    rig.mixer.dispatch(starts(rig))
    broken, process = rig.mixer._rack.chains[2], Chain.process

    def fails(chain, *given):
        if chain is broken:
            raise EffectFailed("broken")
        return process(chain, *given)

    monkeypatch.setattr(Chain, "process", fails)
    rig.mixer.process(LONG_FRAMES)
    reports = rig.mixer.take_reports()
    assert reports["strip"][reports["kind"] == Report.STRIP_FAILED].tolist() == [2]
    assert not rig.mixer.strip_output(2).any()
    assert rig.mixer.strip_output(0).any()
