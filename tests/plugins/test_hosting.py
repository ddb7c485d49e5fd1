"""Real VST3 plug-ins, built here: tried, loaded, in a mix, with their state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from builder import lay_out

from engine.mixer.graph import compile_graph
from engine.mixer.hosting import HostedPlugin, PluginRefused
from engine.mixer.mixer import Mixer
from engine.plugins.catalog import Catalog
from engine.plugins.facts import PluginFacts
from engine.plugins.prober import TRY_SECONDS, Prober
from engine.plugins.rack import Rack
from engine.realtime.records import NOW, Kind, records
from engine.story.equip import equip
from engine.story.model import Bus, Effect, Master, Send, Story, Strip, Track
from tests.cli.shell import cuevox

pytestmark = [pytest.mark.extra, pytest.mark.timeout(240)]

RATE = 48000


class Impatient(Prober):
    """Gives the one that hangs three seconds; all others have their time, on a slow machine too."""

    def probe(self, path: Path) -> tuple[PluginFacts, ...]:
        self._patience = 3.0 if path.stem == "HangLoading" else TRY_SECONDS
        return super().probe(path)


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """A rack of all test plug-ins, each tried once; one that hangs is given three seconds."""
    home = tmp_path_factory.mktemp("plugins")
    names = ("Gain", "Late", "Mono", "CrashLoading", "CrashProcessing", "HangLoading")
    rack = Rack([lay_out(home / "vst3", *names)], Catalog(home / "plugins.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.plugins.rack.Prober", Impatient)
        rack.scan()
    yield rack


def known(rack: Rack, name: str) -> PluginFacts:
    return next(facts for facts in rack.known() if facts.name == name)


def test_what_crashes_or_hangs_is_quarantined_and_the_rest_is_found(rack: Rack) -> None:
    faults = {facts.name: facts.fault for facts in rack.known()}
    assert faults == {
        "Test Gain": "",
        "Test Late": "",
        "Test Mono": "",
        "Test Crash Processing": "",
        "CrashLoading": "quarantined: it crashed while loading (SIGSEGV)",
        "HangLoading": "quarantined: it gave no answer for 3 s while loading",
    }


def test_quarantine_holds_until_it_is_forgotten(rack: Rack, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []

    class Counting(Prober):
        def probe(self, path: Path) -> tuple[PluginFacts, ...]:
            tried.append(path)
            return super().probe(path)

    monkeypatch.setattr("engine.plugins.rack.Prober", Counting)
    rack.scan()
    assert "crashed" in rack.find("CrashLoading").fault
    assert tried == []
    assert rack.catalog.forget("CrashLoading")
    assert "quarantined: it crashed" in rack.find("CrashLoading").fault
    assert [path.stem for path in tried] == ["CrashLoading"]


def test_facts_tell_ranges_latency_and_channels(rack: Rack) -> None:
    late, mono = known(rack, "Test Late"), known(rack, "Test Mono")
    assert (late.vendor, late.version, late.latency_frames, late.channels) == ("Cuevox", "1.0.0", 300, 2)
    assert mono.channels == 1
    gain, length, fuse = late.params
    assert (gain.name, gain.spec.low, gain.spec.high, gain.spec.default, gain.spec.unit) == (
        "gain_db",
        -60,
        24,
        0,
        "dB",
    )
    assert (length.name, length.spec.high, length.spec.default) == ("length_frames", 4800, 300)
    assert (fuse.name, fuse.spec.low, fuse.spec.high) == ("fuse", 0.0, 1.0)


def test_a_state_is_restored_and_parameters_come_on_top(rack: Rack) -> None:
    facts = known(rack, "Test Late")
    gain, length, _ = facts.params
    with Prober() as prober:
        told = [(gain.index, gain.spec.to_norm(-12.0)), (length.index, length.spec.to_norm(960.0))]
        state = prober.state(facts, told)
    plugin = HostedPlugin(facts, RATE, 512, state, {})
    assert plugin.latency_frames == 960
    assert gain.spec.from_norm(plugin.raw(gain.index)) == pytest.approx(-12.0, abs=1e-3)
    louder = HostedPlugin(facts, RATE, 512, state, {gain.index: gain.spec.to_norm(6.0)})
    assert gain.spec.from_norm(louder.raw(gain.index)) == pytest.approx(6.0, abs=1e-3)
    assert louder.latency_frames == 960


def test_what_is_no_state_is_refused_by_name(rack: Rack) -> None:
    with pytest.raises(PluginRefused, match="Test Late does not take its state"):
        HostedPlugin(known(rack, "Test Late"), RATE, 512, "!", {})


def test_clearing_forgets_every_sound(rack: Rack) -> None:
    plugin = HostedPlugin(known(rack, "Test Late"), RATE, 512, "", {})
    plugin.process(np.ones((2, 512), np.float32), RATE, 512, False)
    plugin.clear()
    assert not plugin.process(np.zeros((2, 512), np.float32), RATE, 512, False).any()
    assert plugin.process(np.ones((2, 512), np.float32), RATE, 512, False)[0, 300:].all()


def story_of(rack: Rack) -> Story:
    def plugin(name: str, **params: float) -> Effect:
        return Effect(effect=f"plugin:{name}", params=params)

    tracks = (
        Track(id="a", strip=Strip(inserts=(plugin("Test Late", gain_db=-6.0),))),
        Track(id="b", strip=Strip(inserts=(plugin("Test Mono"),), sends=(Send(to="hall"),))),
    )
    hall = Bus(id="hall", strip=Strip(inserts=(plugin("Test Late", length_frames=1000.0), plugin("Test Gain"))))
    return equip(Story(title="t", tracks=tracks, buses=(hall,), master=Master(limiter_db=None)), rack.find)


def heard(story: Story, sound: np.ndarray, block: int, frames: int = 12000) -> np.ndarray:
    mixer = Mixer(compile_graph(story), sample_rate=RATE, arena=sound, max_block_frames=8192, max_players=8)
    assert mixer.faults == {}
    start = records(2)
    start["kind"], start["strip"], start["player"], start["frame"] = Kind.START_PLAYER, (0, 1), (1, 2), NOW
    start["length"], start["channels"], start["gain"] = len(sound), 1, 1.0
    turn = records(1)
    turn["kind"], turn["strip"], turn["param"], turn["value"] = Kind.SET_INSERT, 0, 0, 0.0
    turn["frame"], turn["ramp_frames"] = 3000, 2000
    mixer.dispatch(start)
    mixer.dispatch(turn)
    return np.concatenate([mixer.process(min(block, frames - done)).copy() for done in range(0, frames, block)])


def test_paths_arrive_together(rack: Rack) -> None:
    click = np.zeros(100, np.float32)
    click[0] = 1.0
    out = heard(story_of(rack), click, 256)
    assert np.flatnonzero(np.abs(out[:, 0]) > 1e-6).tolist() == [1000]
    assert out[1000, 0] == pytest.approx(10 ** (-6 / 20) + 2.0, rel=1e-4)


def test_playback_is_export_at_every_block_size(rack: Rack) -> None:
    noise = (0.1 * np.random.default_rng(5).standard_normal(10000)).astype(np.float32)
    story = story_of(rack)
    whole = heard(story, noise, 8192)
    for block in (64, 256, 333):
        np.testing.assert_allclose(heard(story, noise, block), whole, atol=1e-6)


STORY = """\
kind: story
version: 1
title: t
tracks:
  - id: a
    inserts: [{plugin: Test Late, params: {gain_db: -6}}]
    clips: [{id: c, audio: click.wav, start: 0.5}]
  - id: b
    sends: {hall: 0}
    clips: [{id: d, audio: click.wav, start: 0.5}]
  - id: gone
    inserts: [plugin: Nowhere]
    clips: [{id: e, audio: click.wav, start: 0.5}]
buses: [{id: hall, inserts: [{plugin: Test Late, params: {length_frames: 2000}}]}]
master: {limiter_db: off, gain_db: -20, inserts: [plugin: Test Late]}
export: [stems]
"""


def test_stems_and_mix_of_an_export_are_aligned(rack: Rack, tmp_path: Path) -> None:
    click = np.zeros(4800, np.float32)
    click[0] = 0.9
    soundfile.write(tmp_path / "click.wav", click, RATE, subtype="FLOAT")
    (tmp_path / "story.yaml").write_text(STORY)
    (tmp_path / "cache").mkdir()
    shutil.copy(rack.catalog.file, tmp_path / "cache" / "plugins.json")
    folders = str(rack.folders[0])
    done = cuevox(tmp_path, "export", "story.yaml", CUEVOX_PLUGIN_FOLDERS=folders)
    assert done.returncode == 0, done.stderr
    assert "plug-in Nowhere is left out of the sound" in done.stderr
    for file, level in {"01_a": 0.9 * 10 ** (-6 / 20), "02_b": 0.9, "03_gone": 0.9, "04_hall": 0.9}.items():
        stem, _ = soundfile.read(tmp_path / "out" / "stems" / f"{file}.wav")
        assert np.flatnonzero(np.abs(stem[:, 0]) > 1e-4).tolist() == [24000], file
        assert np.abs(stem).max() == pytest.approx(level, abs=1e-3)
    mix, _ = soundfile.read(tmp_path / "out" / "mix.wav")
    assert np.flatnonzero(np.abs(mix[:, 0]) > 1e-4).tolist() == [24000]
