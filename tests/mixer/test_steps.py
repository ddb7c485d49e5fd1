"""Nothing clicks: no change, start or stop makes a larger step than the signal itself and a straight fade make."""

import numpy as np
import pytest
from mixer_rig import FADE, Rig, bare, with_effect

from engine.mixer import pace
from engine.mixer.effects import EFFECTS
from engine.realtime.records import Kind, Report
from engine.story.model import Bus, Effect, Master, Send, Story, Strip, Track
from tests.signals import roughest_fade, roughness, sine

HZ = 997.0
LIMIT = 1.02 * roughest_fade(HZ, 0.5, FADE)
AT = 3003


def sounding(story: Story | None = None, block: int = 256) -> Rig:
    rig = Rig(story or bare("a", "b"), sine(60000, HZ), sine(60000, HZ, phase=1.0))
    rig.start(0, 0)
    rig.play(2000, block)
    return rig


def test_the_measure_finds_a_step_of_a_tenth_of_the_signal():
    signal = sine(9000, HZ)
    assert roughness(signal) < LIMIT
    signal[5000:] += 0.05
    assert roughness(signal) > 1.5 * LIMIT


CHANGES = {
    "gain to zero": {"kind": Kind.SET_GAIN, "value": 0.0},
    "pan": {"kind": Kind.SET_PAN, "value": 1.0},
    "mute": {"kind": Kind.SET_MUTE, "value": 1.0},
    "solo of another": {"kind": Kind.SET_SOLO, "strip": 1, "value": 1.0},
    "master gain": {"kind": Kind.SET_GAIN, "strip": "master", "value": 0.0},
    "stop of the player": {"kind": Kind.STOP_PLAYER, "player": 1},
    "stop of all": {"kind": Kind.STOP_PLAYER, "player": 0, "ramp_frames": 1},
    "panic": {"kind": Kind.PANIC},
}


@pytest.mark.parametrize("block", [64, 333, 8192])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_makes_no_step(name, block):
    rig = sounding(block=block)
    rig.send(frame=AT, **CHANGES[name])
    heard = rig.play(9000, block).out
    assert roughness(heard) <= (3 * LIMIT if name == "panic" else LIMIT)
    assert min(abs(heard[-500:]).max(axis=0)) < 1e-6


def test_a_fader_turned_back_and_forth_makes_no_step():
    rig = sounding()
    for number, value in enumerate((0.2, 0.9, 0.0, 1.0, 0.5)):
        rig.send(Kind.SET_GAIN, AT + 100 * number, value=value)
        rig.send(Kind.SET_MUTE, AT + 77 * number, value=number % 2)
    assert roughness(rig.play(6000).out) <= 2 * LIMIT


@pytest.mark.parametrize("block", [64, 8192])
def test_a_player_that_is_stopped_twice_or_starts_again_makes_no_step(block):
    rig = Rig(bare(), sine(60000, HZ))
    rig.start(0, 0)
    rig.send(Kind.STOP_PLAYER, AT, player=1, ramp_frames=4000)
    rig.send(Kind.STOP_PLAYER, AT + 1000, player=1, ramp_frames=300)
    rig.send(Kind.STOP_PLAYER, 9000, player=1)
    rig.start(0, 9000)
    heard = rig.play(20000, block).out
    assert roughness(heard) <= LIMIT


def test_panic_silences_tails_too_and_what_is_started_after_it_is_heard():
    echo = Effect(effect="delay", params={"feedback": 0.9, "mix": 0.5, "delay_seconds": 0.05})
    hall = Effect(effect="reverb", params={"room_size": 1.0})
    story = Story(
        title="tails",
        tracks=(Track(id="a", strip=Strip(inserts=(echo,), sends=(Send(to="hall"),))),),
        buses=(Bus(id="hall", strip=Strip(inserts=(hall,))),),
        master=Master(limiter_db=-1.0),
    )
    rig = sounding(story)
    rig.play(20000)
    rig.send(Kind.STOP_PLAYER, player=1)
    assert abs(rig.play(4000).out[2000:]).max() > 0.05
    rig.send(Kind.PANIC, 27000)
    heard = rig.play(9000).out[1000 + FADE + 64 :]
    assert not heard.any()
    assert rig.reports(Report.PANICKED)["actual_frame"].tolist() == [27000 + FADE]
    rig.start(0)
    assert abs(rig.play(4000).out).max() > 0.3


# Twins cross within 64 frames; between two settings of these the sound itself may differ that much.
ROUGHER = {"delay": 8.0, "chorus": 4.0, "reverb": 3.0, "phaser": 3.0, "bitcrush": 8.0, "distortion": 3.0}
MOVABLE = [
    (effect, param)
    for effect, row in EFFECTS.items() if row.live
    for param in row.params
]  # fmt: skip


@pytest.mark.parametrize("few", [pace.FEW, 0], ids=["alone", "in a crowd"])
@pytest.mark.parametrize(("effect", "param"), MOVABLE)
def test_turning_a_knob_makes_no_step(monkeypatch, effect, param, few):
    monkeypatch.setattr(pace, "FEW", few)
    spec = EFFECTS[effect].params[param].spec
    low, high = (spec.from_norm(norm) for norm in (0.35, 0.65))
    rig = sounding(with_effect(Effect(effect=effect, params={param: low})))
    still = roughness(rig.play(9000).out)
    rig.move("a", 0, param, high, rig.mixer.frame + 1003)
    moving = rig.play(9000).out
    after = roughness(rig.play(9000).out)
    level = max(0.5, abs(moving).max())
    assert roughness(moving) <= max(still, after, roughest_fade(HZ, level, FADE)) * ROUGHER.get(effect, 1.5)


LIVE = [name for name, row in EFFECTS.items() if row.live]


@pytest.mark.parametrize("effect", LIVE)
def test_bypassing_makes_no_step_and_leaves_the_signal_as_it_is(effect):
    rig = sounding(with_effect(Effect(effect=effect)))
    still = rig.play(4000).out
    rig.send(Kind.SET_BYPASS, 7001, index=0, value=1.0)
    rig.send(Kind.SET_BYPASS, 9003, index=0, value=0.0)
    heard = rig.play(12000).out
    level = max(0.5, abs(still).max(), abs(heard).max())
    assert roughness(heard) <= max(2 * roughness(still), 2 * roughest_fade(HZ, level, FADE))
    clip = rig.clips[0][6000 + 1001 + FADE : 6000 + 3003]
    np.testing.assert_array_equal(heard[1001 + FADE : 3003, 0], clip)
