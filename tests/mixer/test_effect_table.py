"""The table of effects, held against Pedalboard; live effects in blocks of any size."""

import numpy as np
import pytest
from mixer_rig import BLOCKS, Rig, with_effect

from engine.errors import BadRange, BadType, UnknownThing
from engine.mixer.effects import EFFECTS, check_effects
from engine.mixer.graph import compile_graph
from engine.mixer.plugins import EffectFailed, make_plugin, run_plugin
from engine.realtime.records import Report
from engine.story.model import Effect
from tests.signals import noise, ones

LIVE = [name for name, row in EFFECTS.items() if row.live]
KNOBS = [(effect, param) for effect, row in EFFECTS.items() for param in row.params]


@pytest.mark.parametrize(("effect", "param"), KNOBS)
def test_pedalboard_has_every_parameter_and_takes_its_whole_range(effect, param):
    row = EFFECTS[effect].params[param]
    for value in (row.spec.low, row.spec.default, row.spec.high):
        plugin = make_plugin(Effect(effect=effect, params={param: value}))
        assert getattr(plugin, row.attribute) == pytest.approx(value, rel=1e-5, abs=1e-6)
        assert row.spec.from_norm(row.spec.to_norm(value)) == pytest.approx(value)


@pytest.mark.parametrize("effect", LIVE)
@pytest.mark.parametrize("end", ["low", "default", "high"])
def test_a_live_effect_returns_every_sample_in_blocks_of_any_size_and_keeps_its_state(effect, end):
    params = {name: getattr(param.spec, end) for name, param in EFFECTS[effect].params.items()}
    story, results = with_effect(Effect(effect=effect, params=params)), []
    for block in (*BLOCKS, 1009):
        rig = Rig(story, noise(12000, channels=2))
        rig.start(0, 17)
        results.append(rig.play(16384, block).out)
        assert not len(rig.reports(Report.STRIP_FAILED))
        assert np.isfinite(results[-1]).all()
    scale = max(1.0, abs(results[-1]).max())
    for result in results[:-1]:
        np.testing.assert_allclose(result, results[-1], atol=2e-6 * scale, rtol=0)


@pytest.mark.parametrize("effect", LIVE)
def test_state_lives_through_blocks_of_one_frame_two_frames_and_the_largest(effect):
    blocks, results = [300, 1, 2, 700, 1, 1, 2, 8192, 2, 1, 3000], []
    for sizes in (blocks, [sum(blocks)]):
        rig = Rig(with_effect(Effect(effect=effect)), noise(9000, channels=2), max_block_frames=16384)
        rig.start(0, 0)
        results.append(rig.play_blocks(sizes).out)
    np.testing.assert_allclose(*results, atol=2e-6, rtol=0)


def test_the_very_first_blocks_may_have_one_or_two_frames():
    for first in (1, 2):
        rig = Rig(with_effect(Effect(effect="invert"), Effect(effect="lowpass")), ones(100))
        rig.start(0, 0)
        assert (rig.play_blocks([first, 1, 2, 90]).out[:, 0] < 0).all()
        assert not len(rig.reports(Report.STRIP_FAILED))


def test_an_unknown_effect_names_the_allowed_ones():
    with pytest.raises(UnknownThing, match=r"reverbb.*reverb") as caught:
        compile_graph(with_effect(Effect(effect="reverbb")))
    assert "strip a" in str(caught.value)


def test_an_unknown_parameter_names_the_allowed_ones():
    with pytest.raises(UnknownThing, match=r"size.*room_size"):
        compile_graph(with_effect(Effect(effect="reverb", params={"size": 1.0})))


@pytest.mark.parametrize("value", [19.0, 20001.0, np.nan, np.inf])
def test_a_value_out_of_range_says_the_range_and_the_unit(value):
    with pytest.raises(BadRange, match=r"strip a.*lowpass\.cutoff_hz.* Hz"):
        compile_graph(with_effect(Effect(effect="lowpass", params={"cutoff_hz": value})))


def test_a_value_that_is_no_number_is_refused():
    with pytest.raises(BadType, match=r"gain\.gain_db"):
        check_effects([Effect(effect="gain", params={"gain_db": True})], "here", live=True)


@pytest.mark.parametrize("effect", [name for name in EFFECTS if name not in LIVE])
def test_what_cannot_run_live_is_refused_with_the_reason(effect):
    with pytest.raises(BadRange, match=EFFECTS[effect].why):
        compile_graph(with_effect(Effect(effect=effect)))
    check_effects([Effect(effect=effect)], "a preset", live=False)


class Broken:
    """A plug-in that fails after its warm-up, in the way it is told."""

    def __init__(self, how: str) -> None:
        self.how = how

    def process(self, block, sample_rate, buffer_size, reset):
        if reset:
            return block
        if self.how == "raises":
            raise RuntimeError("broken")
        return block[:, :-1] if self.how == "short" else block * np.float32(np.nan)


@pytest.mark.parametrize("how", ["raises", "short", "nan"])
def test_an_effect_that_fails_silences_its_strip_alone_and_is_reported(how, monkeypatch):
    monkeypatch.setattr("engine.mixer.chain.make_plugin", lambda effect: Broken(how))
    monkeypatch.setattr("engine.mixer.chain._board", lambda plugins: plugins[0])
    story = with_effect(Effect(effect="gain"))
    rig = Rig(story, ones(1000))
    rig.start(0, 0, "a")
    rig.start(0, 0, "master", gain=0.5, player=2)
    assert (rig.play(1000).out == 0.5).all()
    assert rig.reports(Report.STRIP_FAILED)["strip"].tolist() == [0]


def test_run_plugin_names_what_failed():
    with pytest.raises(EffectFailed, match="Broken"):
        run_plugin(Broken("raises"), np.zeros((2, 10), np.float32), 48000.0, 10)
