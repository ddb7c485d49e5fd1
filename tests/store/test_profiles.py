"""Profiles of cloned voices: samples checked with advice, kept whole or not at all, exported and imported."""

import io
import json
import zipfile

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from engine.errors import BadRange, Busy, EngineError, MediaError, UnknownThing, VoiceError
from engine.store.archive import FACTS, export_profile, import_profile
from engine.store.database import Database
from engine.store.kept_profile import Profile
from engine.store.profile_keys import effects_of, effects_text, settings_text, with_key, with_text
from engine.store.profiles import Profiles
from engine.store.samples import prepare
from engine.voices.catalog import load_catalog
from tests.store.stores import fresh

RATE = 24_000


def speech(seconds=6.0, level=0.2, noise=0.0005, rate=RATE, silence=1.0):
    """Bursts that come and go as words do, between silences."""
    chance = np.random.default_rng(1)
    time = np.arange(round(seconds * rate)) / rate
    voice = level * np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 2 * time) > -0.5)
    rest = np.zeros(round(silence * rate))
    whole = np.concatenate([rest, voice, rest])
    return (whole + noise * chance.standard_normal(len(whole))).astype(np.float32)[:, np.newaxis]


def advice(**manner):
    rate = manner.get("rate", RATE)
    return {f.what: f.advice for f in prepare(speech(**manner), rate, "s").findings if f.advice}


@pytest.fixture
def folder(tmp_path):
    soundfile.write(tmp_path / "one.wav", speech(), RATE)
    soundfile.write(tmp_path / "two.wav", np.repeat(speech(4.0, rate=48_000), 2, axis=1), 48_000)
    return tmp_path


@pytest.fixture
def profiles(folder):
    fresh(folder / "data")
    database = Database(folder / "data")
    yield Profiles(database, folder / "data")
    database.close()


ANNA = Profile(
    id="anna", name="Anna", backend="pocket", language="en", consent="Anna agreed, 1 May 2026",
    settings={"temperature": 0.6}, effects=[{"highpass": {"cutoff_hz": 80.0}}], samples=(),
)  # fmt: skip


@pytest.fixture
def anna(profiles, folder):
    return profiles.make(ANNA, [folder / "one.wav", folder / "two.wav"], ["Hello.", ""])


def test_a_good_sample_is_trimmed_and_made_evenly_loud():
    loud, quiet = (prepare(speech(level=level), RATE, "s") for level in (0.8, 0.1))
    for sample in (loud, quiet):
        assert abs(len(sample.audio) / RATE - 6.2) < 0.3
        assert np.abs(sample.audio).max() <= 10 ** (-1 / 20) + 1e-6
    assert abs(20 * np.log10(np.abs(loud.audio).max() / np.abs(quiet.audio).max())) < 0.5
    assert advice() == {}


@pytest.mark.parametrize(
    ("manner", "what", "said"),
    [
        ({"seconds": 3.0}, "speech", "short"),
        ({"seconds": 40.0}, "speech", "long"),
        ({"rate": 11_025}, "sample rate", "telephone"),
        ({"level": 0.005, "noise": 0.00001}, "level", "closer"),
        ({"noise": 0.05}, "speech above noise", "quieter room"),
    ],
)
def test_what_is_wrong_is_said_with_advice(manner, what, said):
    found = advice(**manner)
    assert list(found) == [what] and said in found[what]


def test_clipping_is_found_where_it_lasts():
    clipped = np.clip(3 * speech(level=0.8), -1, 1)
    assert [f.advice for f in prepare(clipped, RATE, "s").findings if f.what == "clipped"] == [
        "clipped: record it again with less gain"
    ]


@pytest.mark.parametrize(
    ("audio", "rate", "said"),
    [
        (speech(1.0), RATE, "1.2 s of speech|at least 2 s"),
        (np.zeros((RATE * 5, 1), np.float32), RATE, "no sound"),
        (np.full((RATE * 5, 1), np.nan, np.float32), RATE, "no sound"),
        (np.zeros((0, 1), np.float32), RATE, "no sound"),
        (speech(), 4000, "at least 8000"),
    ],
)
def test_what_is_of_no_use_is_refused(audio, rate, said):
    with pytest.raises(MediaError, match=said):
        prepare(audio, rate, "s")


def test_a_profile_is_a_voice(profiles, anna, folder):
    assert profiles.all() == (anna,) and profiles.get("anna") == anna
    preset = load_catalog([folder / "data" / "voices"]).get("anna")
    assert (preset.name, preset.backend, preset.language) == ("Anna", "pocket", "en")
    assert preset.settings["temperature"] == 0.6 and preset.effects[0].params == {"cutoff_hz": 80.0}
    reference = soundfile.info(str(preset.settings["sample"]))
    assert reference.samplerate == RATE and reference.channels == 1
    assert abs(reference.duration - sum(s.frames / s.sample_rate for s in anna.samples) - 0.25) < 0.01
    profiles.remove("anna")
    assert profiles.all() == () and "anna" not in load_catalog([folder / "data" / "voices"]).presets
    with pytest.raises(UnknownThing, match="no profile named 'anna'"):
        profiles.remove("anna")


def test_what_a_profile_speaks_with_can_be_changed(profiles, anna, folder):
    changed = with_key(with_key(anna, "effects", "highpass: {cutoff_hz: 120}, reverb"), "settings.temperature", "0.4")
    profiles.change(with_text(with_key(changed, "name", "Anna II"), 2, "Good night."))
    kept = profiles.get("anna")
    assert (kept.name, kept.effects, kept.settings) == (
        "Anna II", [{"highpass": {"cutoff_hz": 120.0}}, {"reverb": {}}], {"temperature": 0.4},
    )  # fmt: skip
    assert [sample.text for sample in kept.samples] == ["Hello.", "Good night."]
    preset = load_catalog([folder / "data" / "voices"]).get("anna")
    assert [effect.effect for effect in preset.effects] == ["highpass", "reverb"]
    assert preset.settings["temperature"] == 0.4 and preset.name == "Anna II"
    export_profile(profiles, "anna", folder / "anna.zip")
    assert import_profile(profiles, folder / "anna.zip", "berta") == replace(kept, id="berta")
    profiles.change(with_key(with_key(kept, "effects", ""), "settings.temperature", ""))
    assert (profiles.get("anna").effects, profiles.get("anna").settings) == ([], {})


WRONG = (
    ("colour", "red", "no key of a profile named 'colour'; there is: backend, effects, language, name, settings"),
    ("settings.sample", "a.wav", "no key of a profile"),
    ("settings.temperature", "warm", "expected a number, got 'warm'"),
    ("settings.temperature", "9", "outside 0 to 2"),
    ("effects", "highpass: {colour: 1}", "no parameter of highpass named 'colour'"),
    ("effects", "highpass: {", "effects:"),
    ("effects", "{gain: {}, bypass: on}", "leave its bypass out"),
    ("backend", "espeak", "clones no voice"),
)


def test_a_wrong_change_is_refused_and_changes_nothing(profiles, anna):
    for key, value, said in WRONG:
        with pytest.raises(EngineError, match=said):
            profiles.change(with_key(anna, key, value))
    assert profiles.get("anna") == anna


def test_effects_are_told_as_they_are_read(anna):
    told = "highpass: {cutoff_hz: 80.5}, reverb"
    assert effects_text(effects_of(told)) == told and effects_of(" ") == []
    assert settings_text(anna) == "temperature: 0.6"
    with pytest.raises(UnknownThing, match="no sample of anna named '3'; there is: 1, 2"):
        with_text(anna, 3, "")


def test_the_id_of_another_voice_is_not_free(profiles, anna, folder):
    careful = Profiles(profiles._database, folder / "data", voice_folders=[folder / "data" / "voices"])
    with pytest.raises(Busy, match="there is a voice 'narrator' already"):
        careful.make(replace(ANNA, id="narrator"), [folder / "one.wav"], [""])
    careful.make(replace(ANNA, id="berta"), [folder / "one.wav"], [""])


def test_export_and_import_lose_nothing(profiles, anna, folder):
    export_profile(profiles, "anna", folder / "anna.zip")
    again = import_profile(profiles, folder / "anna.zip", "berta")
    assert again == replace(anna, id="berta")
    for sample in anna.samples:
        ours, theirs = (profiles.sample_file(id_, sample).read_bytes() for id_ in ("anna", "berta"))
        assert ours == theirs
    assert (folder / "data" / "profiles" / "berta" / "reference.wav").read_bytes() == (
        folder / "data" / "profiles" / "anna" / "reference.wav"
    ).read_bytes()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"id": "../evil"}, BadRange),
        ({"id": "Anna"}, BadRange),
        ({"consent": " "}, BadRange),
        ({"backend": "espeak"}, BadRange),
        ({"backend": "nobody"}, UnknownThing),
        ({"settings": {"colour": 1.0}}, UnknownThing),
        ({"settings": {"temperature": 9.0}}, BadRange),
        ({"effects": [{"nobody": {}}]}, VoiceError),
        ({"effects": [{"highpass": {"cutoff_hz": 1e9}}]}, VoiceError),
    ],
)
def test_a_wrong_profile_leaves_nothing(profiles, folder, change, error):
    with pytest.raises(error):
        profiles.make(replace(ANNA, **change), [folder / "one.wav"], [""])
    assert profiles.all() == () and not list((folder / "data").glob("profiles/*"))


def rewritten(path, facts=None, files=None):
    """Return another archive: its facts changed by a function, files put in place of others."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == FACTS and facts is not None:
                inner = json.loads(data)
                facts(inner)
                data = json.dumps(inner)
            data = (files or {}).get(name, data)
            if data is not None:
                new.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("facts", "files", "said"),
    [
        (lambda f: f["profile"].update(id="../../evil"), None, "id is made of"),
        (lambda f: f["profile"]["samples"][0].update(number=7), None, "numbered"),
        (lambda f: f["profile"].update(samples=[]), None, "numbered"),
        (lambda f: f["profile"]["samples"][0].update(frames=1), None, "not as profile.json says"),
        (lambda f: f.update(version=2), None, "version 2"),
        (lambda f: f["profile"].update(effects=[{"nobody": {}}]), None, "no effect named 'nobody'"),
        (None, {"001.wav": b"other"}, "damaged"),
        (None, {"001.wav": None}, "has no 001.wav"),
        (None, {FACTS: b"{"}, "can't be read"),
        (None, {FACTS: b" " * (1 << 21)}, "more than"),
    ],
)
def test_a_bad_archive_is_refused_and_leaves_nothing(profiles, anna, folder, facts, files, said):
    export_profile(profiles, "anna", folder / "anna.zip")
    profiles.remove("anna")
    (folder / "bad.zip").write_bytes(rewritten(folder / "anna.zip", facts, files))
    with pytest.raises(EngineError, match=said):
        import_profile(profiles, folder / "bad.zip")
    assert profiles.all() == () and not list((folder / "data").glob("profiles/*"))


def test_what_is_no_archive_is_named(profiles, folder):
    with pytest.raises(MediaError, match=r"one\.wav is no archive"):
        import_profile(profiles, folder / "one.wav")
