"""A knob that is set to where it rests: nothing moves, and nothing is worked out twice."""

import numpy as np
import pytest
from mixer_rig import Rig, with_effect

from engine.mixer.effects import EFFECTS
from engine.mixer.plugins import Caller
from engine.realtime.records import Kind
from engine.story.model import Effect
from tests.signals import noise

LIVE = [name for name, row in EFFECTS.items() if row.live and row.params]


@pytest.fixture
def runs(monkeypatch):
    """Every plug-in that is run."""
    seen: list[object] = []
    run = Caller.run
    monkeypatch.setattr(Caller, "run", lambda self, plugin, block: seen.append(plugin) or run(self, plugin, block))
    return seen


def sounding(effect: str) -> Rig:
    rig = Rig(with_effect(Effect(effect=effect)), noise(40000))
    rig.start(0, 0)
    rig.play(4000)
    return rig


@pytest.mark.parametrize("effect", LIVE)
def test_what_is_there_already_costs_nothing_and_changes_no_bit(effect, runs):
    rig, untouched = sounding(effect), sounding(effect)
    runs.clear()
    expected = untouched.play(6000).out
    quiet, _ = len(runs), runs.clear()
    for name, knob in EFFECTS[effect].params.items():
        rig.move(0, 0, name, knob.spec.default, ramp=480)
    rig.send(Kind.SET_BYPASS, index=0, value=0.0, ramp_frames=480)
    np.testing.assert_array_equal(rig.play(6000).out, expected)
    assert len(runs) == quiet


def test_a_knob_on_its_way_is_turned_back(runs):
    rig, untouched = sounding("gain"), sounding("gain")
    for each in (rig, untouched):
        each.move(0, 0, "gain_db", -30.0, ramp=4800)
        each.play(640)
    rig.move(0, 0, "gain_db", 0.0, ramp=64)
    assert np.abs(rig.play(4800).out[-1000:]).mean() > 10.0 * np.abs(untouched.play(4800).out[-1000:]).mean()
