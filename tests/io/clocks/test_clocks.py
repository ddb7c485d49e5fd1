"""Two clocks that drift apart: the buffer between them stays filled, and a sine stays a sine."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.io.clocks.drift import Drift
from engine.io.clocks.elastic import Elastic, State
from engine.io.clocks.variable_rate import VariableRate

RATE = 48_000
TONE_HZ = 997.0
AIM = 0.02


def sine(start: int, frames: int, hz: float = TONE_HZ, rate: int = RATE) -> NDArray[np.float32]:
    mono = 0.5 * np.sin(2.0 * np.pi * hz / rate * np.arange(start, start + frames))
    return np.repeat(mono.astype(np.float32)[:, np.newaxis], 2, axis=1)


def rest_db(sound: NDArray[np.float32], hz: float, rate: int) -> float:
    """Return THD+N: all that is further than 10 Hz from the tone, beside the tone."""
    heard = sound[:, 0].astype(np.float64) * np.kaiser(len(sound), 20.0)
    power = np.abs(np.fft.rfft(heard, 4 * len(sound))) ** 2
    far = np.abs(np.fft.rfftfreq(4 * len(sound), 1.0 / rate) - hz) > max(10.0, 8.0 * rate / len(sound))
    return float(10.0 * np.log10(power[far].sum() / power[~far].sum()))


@pytest.mark.parametrize(("rate", "hz"), [(1.0, 997.0), (1.0002, 15_000.0), (48 / 44.1, 9_000.0), (0.5, 5_000.0)])
def test_another_rate_keeps_a_sine_a_sine(rate: float, hz: float) -> None:
    sound = VariableRate(rate, 40_000)
    sound.put(sine(0, 30_000, hz))
    out = np.zeros((int(20_000 / rate), 2), np.float32)
    for begin in range(0, len(out), 333):
        sound.give(out[begin : begin + 333], rate)
    assert rest_db(out[1000:], hz, round(RATE / rate)) < -95.0
    steady = out[2000:-2000, 0]
    assert math.isclose(float(np.sqrt(2.0) * steady.std()), 0.5, rel_tol=2e-3)


def test_at_rate_one_every_frame_comes_through_as_it_was() -> None:
    sound, noise = VariableRate(1.0, 4000), np.random.default_rng(3).standard_normal((3000, 2)).astype(np.float32)
    sound.put(noise)
    out = np.zeros((2000, 2), np.float32)
    sound.give(out[:700], 1.0)
    sound.give(out[700:], 1.0)
    np.testing.assert_allclose(out, noise[:2000], atol=1e-6)
    assert sound.frames == 1000


def test_the_loop_learns_what_the_clocks_differ_by() -> None:
    """The plant alone: what is in the buffer grows by the drift and shrinks by the correction."""
    jitter = np.random.default_rng(1).normal(0.0, 0.001, 100 * 187)
    for ppm in (200.0, -200.0):
        drift, over, worst = Drift(), 0.0, 0.0
        for noise in jitter:
            over += (ppm * 1e-6 - drift.correction) * 256 / RATE
            worst = max(worst, abs(over))
            drift.update(over + float(noise), 256 / RATE)
        assert worst < 0.001
        assert abs(drift.ppm - ppm) < 10.0


class Pair:
    """A source and a device, each with a clock of its own, and what is between them. ppm: the source is faster."""

    def __init__(self, ppm: float, *, rates: tuple[int, int] = (RATE, RATE), blocks: tuple[int, int] = (256, 256)):
        self.elastic = Elastic(*rates, AIM)
        self._rates, self._blocks = rates, blocks
        self._faster = 1.0 + 1e-6 * ppm
        self._jitter = np.random.default_rng(5)
        self._made = self._taken = 0
        self.heard: list[NDArray[np.float32]] = []
        self.fills: list[float] = []
        self.skip_puts = 0

    def run(self, seconds: float, keep: bool = True) -> None:
        (in_rate, out_rate), (in_block, out_block) = self._rates, self._blocks
        begun = self._taken
        while (self._taken - begun) * out_block < seconds * out_rate:
            now = self._taken * out_block / out_rate
            while (due := (self._made + 1) * in_block / in_rate / self._faster) <= now:
                late = min(now, due + abs(float(self._jitter.normal(0.0, 0.0005))))
                if self.skip_puts:
                    self.skip_puts -= 1
                else:
                    self.elastic.put(sine(self._made * in_block, in_block, rate=in_rate), late)
                self._made += 1
            out = np.zeros((out_block, 2), np.float32)
            self.elastic.give(out, now + abs(float(self._jitter.normal(0.0, 0.0003))))
            self._taken += 1
            self.fills.append(self.elastic.fill_seconds)
            if keep:
                self.heard.append(out)

    def sound(self) -> NDArray[np.float32]:
        return np.concatenate(self.heard)


@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_a_sine_stays_a_sine_between_clocks_that_drift(ppm: float) -> None:
    pair = Pair(ppm)
    pair.elastic.drift = Drift()
    pair.run(10.0)
    assert (pair.elastic.dry, pair.elastic.over, pair.elastic.lost_frames) == (0, 0, 0)
    assert min(pair.fills[50:]) > AIM - 0.0125 and max(pair.fills[50:]) < AIM + 0.002, "less the blocks in work"
    assert rest_db(pair.sound()[-2 * RATE :], TONE_HZ * (1.0 + 1e-6 * ppm), RATE) < -80.0


@pytest.mark.extra
@pytest.mark.parametrize(
    ("ppm", "rates", "blocks"), [(200.0, (48_000, 48_000), (256, 512)), (-200.0, (48_000, 44_100), (512, 441))]
)
def test_for_minutes_the_fill_stays_bounded(ppm: float, rates: tuple[int, int], blocks: tuple[int, int]) -> None:
    aim, both_blocks = 0.03, blocks[0] / rates[0] + blocks[1] / rates[1]
    pair = Pair(ppm, rates=rates, blocks=blocks)
    pair.elastic.aim_seconds = aim
    pair.run(120.0, keep=False)
    pair.run(4.0)
    assert (pair.elastic.dry, pair.elastic.over, pair.elastic.lost_frames) == (0, 0, 0)
    assert aim - both_blocks - 0.002 < min(pair.fills[50:]) and max(pair.fills[50:]) < aim + 0.002
    assert abs(pair.elastic.drift.ppm - ppm) < 20.0
    assert rest_db(pair.sound()[-2 * rates[1] :], TONE_HZ * (1.0 + 1e-6 * ppm), rates[1]) < -80.0


def test_what_runs_dry_fades_and_comes_back_with_more_in_hand() -> None:
    pair = Pair(0.0)
    pair.run(0.3)
    pair.skip_puts = 20
    pair.run(0.5)
    assert pair.elastic.dry == 1 and pair.elastic.state is State.PLAYING
    assert pair.elastic.aim_seconds > AIM
    heard = pair.sound()[:, 0]
    silent = np.flatnonzero(np.abs(heard[RATE // 5 :]) == 0.0)
    assert len(silent) > 10 * 256
    steepest = 0.5 * 2.0 * np.pi * TONE_HZ / RATE
    assert np.abs(np.diff(heard)).max() < 1.1 * steepest, "nothing clicks"


def test_a_source_that_runs_away_is_silence_until_it_is_steady_again() -> None:
    elastic, out, now = Elastic(RATE, RATE, AIM), np.zeros((256, 2), np.float32), 0.0
    for _ in range(100):  # a DAW that bounces ten times as fast
        for _ in range(10):
            elastic.put(sine(0, 256), now)
        elastic.give(out, now)
        now += 256 / RATE
    assert not out.any() and elastic.state is State.WAITING and elastic.over == 1
    for place in range(100):
        elastic.put(sine(256 * place, 256), now)
        elastic.give(out, now)
        now += 256 / RATE
    assert elastic.state is State.PLAYING and np.abs(out).max() > 0.4


@pytest.mark.parametrize("seed", range(8))
def test_whatever_stalls_and_however_little_is_there_nothing_steps(seed: int) -> None:
    """Blocks of any size, on either side, with pauses in which the other side goes on; packets get lost."""
    chance, elastic = random.Random(seed), Elastic(RATE, RATE, AIM)
    heard, made, taken = [], 0, 0
    while taken < 2 * RATE:
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 4))):
            frames, now = chance.randrange(1, 400), taken / RATE
            if chance.random() < 0.1:
                elastic.gap(chance.choice((0, frames)), now)
            else:
                elastic.put(sine(made, frames, hz=200.0), now)
            made += frames
        elastic.aim_seconds = AIM  # however often that is too little
        out = np.zeros((chance.choice((16, 64, 256, 700)), 2), np.float32)
        elastic.give(out, taken / RATE)
        taken += len(out)
        heard.append(out[:, 0])
    sound = np.concatenate(heard)
    assert elastic.dry > 3 and np.abs(sound).max() > 0.4
    assert np.abs(np.diff(sound)).max() < 0.03, "of a wave that rises by 0.013, and two fades of 64 frames"


def test_a_gap_is_silence_of_the_same_length_with_a_fade_on_both_sides() -> None:
    elastic, heard = Elastic(RATE, RATE, AIM), []
    for place in range(60):
        if place == 30:
            elastic.gap(256, place * 256 / RATE)
        else:
            elastic.put(sine(256 * place, 256), place * 256 / RATE)
        out = np.zeros((256, 2), np.float32)
        elastic.give(out, place * 256 / RATE)
        heard.append(out[:, 0])
    sound = np.concatenate(heard)
    assert elastic.lost_frames == 256 and elastic.dry == 0
    begun = int(np.flatnonzero(sound)[0])
    assert 250 <= (np.abs(sound[begun + 480 :]) < 1e-5).sum() <= 270
    assert np.abs(np.diff(sound)).max() < 1.3 * 0.5 * 2.0 * np.pi * TONE_HZ / RATE
