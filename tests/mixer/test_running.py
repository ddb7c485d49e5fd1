"""Effects on a take while it is made: the sound of the whole take's, however the line comes in."""

import numpy as np
import pytest

from engine.mixer.effects import EFFECTS
from engine.mixer.offline import render_offline
from engine.mixer.running import RunningEffects, can_run
from engine.story.model import Effect
from tests.signals import RATE

LIVE = sorted(name for name, spec in EFFECTS.items() if spec.live)


def voice(channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(5)
    loud = np.interp(np.arange(RATE), np.linspace(0, RATE, 25), rng.uniform(0.0, 0.5, 25))
    noise = rng.uniform(-1.0, 1.0, (RATE, channels))
    return (noise * loud[:, np.newaxis]).astype(np.float32)


def running(effects: tuple[Effect, ...], sound: np.ndarray, *, seed: int) -> np.ndarray:
    rng, stream, parts, at = np.random.default_rng(seed), RunningEffects(effects, RATE), [], 0
    while at < len(sound):
        step = int(rng.choice([1, 100, 441, 960, 7000]))
        parts.append(stream.feed(sound[at : at + step]))
        at += step
    assert sum(map(len, parts)) == len(sound)
    return np.concatenate([*parts, stream.finish()])


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("channels", [1, 2])
def test_each_effect_is_the_same_part_by_part(name, channels):
    effects, sound = (Effect(effect=name),), voice(channels)
    whole, parts = render_offline(effects, sound, RATE), running(effects, sound, seed=1)
    assert whole.shape == parts.shape
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_a_chain_is_the_same_part_by_part_with_all_its_tails():
    effects = (
        Effect(effect="lowshelf", params={"gain_db": 3.0}),
        Effect(effect="delay", params={"delay_seconds": 0.3, "feedback": 0.4}),
        Effect(effect="reverb", bypass=True),
        Effect(effect="compressor", params={"ratio": 2.5}),
    )
    sound = voice()
    whole = render_offline(effects, sound, RATE)
    assert len(whole) > len(sound) + RATE // 2
    for seed in range(3):
        np.testing.assert_allclose(running(effects, sound, seed=seed), whole, atol=1e-6)


def test_what_can_not_run_live_needs_the_whole_take():
    assert can_run((Effect(effect="highpass"), Effect(effect="pitchshift", bypass=True)))
    assert not can_run((Effect(effect="highpass"), Effect(effect="pitchshift")))
