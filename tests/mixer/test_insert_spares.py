"""Forgetting what sounded: at once, the same with a spare as without, and then without work in the callback."""

import numpy as np
import pytest
from mixer_rig import Rig, with_effect

from engine.mixer.effects import EFFECTS
from engine.mixer.plugins import Caller
from engine.realtime.records import Kind
from engine.story.model import Effect
from tests.signals import noise

LIVE = [name for name, row in EFFECTS.items() if row.live]


def sounding(effect: str) -> Rig:
    rig = Rig(with_effect(Effect(effect=effect)), noise(40000))
    rig.start(0, 0)
    rig.play(4000)
    return rig


def forgotten_three_times(rig: Rig, *, tidy: bool) -> np.ndarray:
    """Panic thrice, starting the clip again after each; tidied up in between, or not."""
    heard = []
    for _ in range(3):
        rig.send(Kind.PANIC)
        rig.play(4000)
        if tidy:
            rig.mixer.tidy()
        rig.start(0, 0)
        heard.append(rig.play(6000).out)
    return np.concatenate(heard)


@pytest.fixture
def clears(monkeypatch):
    """How often a plug-in is cleared."""
    counted: list[object] = []
    clear = Caller.clear
    monkeypatch.setattr(Caller, "clear", lambda self, plugin: counted.append(plugin) or clear(self, plugin))
    return counted


@pytest.mark.parametrize("effect", LIVE)
def test_a_spare_forgets_as_well_as_a_cleared_one(effect):
    tidied = forgotten_three_times(sounding(effect), tidy=True)
    cleared = forgotten_three_times(sounding(effect), tidy=False)
    np.testing.assert_allclose(tidied, cleared, atol=1e-6)


def test_what_has_forgotten_is_as_new_however_long_its_blocks_are():
    effects = [Effect(effect=name) for name in ("chorus", "phaser", "compressor", "delay", "reverb")]
    clip = noise(12000)
    new, used = Rig(with_effect(*effects), clip), Rig(with_effect(*effects), clip, max_block_frames=1024)
    used.start(0, 0)
    used.play(5000)
    used.send(Kind.PANIC)
    used.play(3001)
    used.send(Kind.FORGET)
    new.start(0), used.start(0)
    np.testing.assert_allclose(used.play(12000).out, new.play(12000).out, atol=1e-6)


def test_panic_and_bypass_clear_nothing_in_the_callback(clears):
    rig = sounding("reverb")
    clears.clear()
    for _ in range(3):
        rig.send(Kind.PANIC)
        rig.play(4000)
        assert clears == []
        rig.mixer.tidy()
        clears.clear()
        rig.send(Kind.SET_BYPASS, index=0, value=1.0)
        rig.play(4000)
        rig.send(Kind.SET_BYPASS, index=0, value=0.0)
        rig.play(4000)
        assert clears == []
        rig.mixer.tidy()
        assert len(clears) == 2
        clears.clear()


def test_a_spare_takes_over_what_was_turned():
    rig = sounding("gain")
    rig.move("a", 0, "gain_db", -6.0)
    rig.play(8000)
    rig.send(Kind.PANIC)
    rig.play(4000)
    rig.start(0, 0)
    heard = rig.play(4000).out
    np.testing.assert_allclose(heard[:, 0], rig.clips[0][:4000] * 10 ** (-6 / 20), atol=1e-6)
