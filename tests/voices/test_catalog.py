"""The catalog: shipped and own presets, and mistakes told all at once with file and line."""

import pytest

from engine.errors import UnknownThing, VoiceError
from engine.story.model import Effect
from engine.voices.catalog import load_catalog, read_preset, user_folder
from engine.voices.models.known import KNOWN
from engine.voices.preset import complete_settings
from engine.voices.registry import BACKENDS, LISTENERS, backend, listener

MINE = """\
# the neighbour
kind: voice
version: 1
name: Neighbour
backend: espeak
settings:
  language: en-us
  rate_wpm: 140
effects:
  - reverb: {room_size: 0.3}
  - invert
  - pitchshift: {semitones: -3}
    bypass: true
gain_db: -2.5
"""


@pytest.fixture(autouse=True)
def nobody_s_home(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *a, **k: str(tmp_path / "config"))


def test_a_preset_says_everything_that_shapes_a_voice():
    preset = read_preset(MINE, "neighbour", "neighbour.yaml")
    assert (preset.id, preset.name, preset.backend, preset.gain_db) == ("neighbour", "Neighbour", "espeak", -2.5)
    assert preset.settings == {
        "language": "en-us", "variant": "", "rate_wpm": 140.0, "pitch": 50.0, "pitch_range": 50.0, "volume": 80.0,
        "word_gap_ms": 0.0,
    }  # fmt: skip
    assert preset.effects == (
        Effect(effect="reverb", params={"room_size": 0.3}),
        Effect(effect="invert"),
        Effect(effect="pitchshift", params={"semitones": -3.0}, bypass=True),
    )


def test_every_mistake_is_told_with_its_line():
    text = """\
kind: choir
version: 1
speed: 3
settings:
  language: en-uk
  rate_wpm: 999
  loudness: 3
effects:
  - reverb: {room_size: 3}
  - reverb: {size: 0.3}
  - flanger
  - [1]
gain_db: 99
"""
    with pytest.raises(VoiceError) as error:
        read_preset(text, "x", "x.yaml")
    told = str(error.value).splitlines()
    for line, says in [
        (1, 'kind: expected voice, got "choir"'),
        (3, "speed: unknown key; allowed are kind, version, name"),
        (5, "settings.language: no language named 'en-uk'"),
        (6, "settings.rate_wpm: rate_wpm: 999 is outside 80 to 450"),
        (7, "settings.loudness: unknown key; allowed are language, variant"),
        (9, "effects[0]: room_size: 3 is outside 0 to 1"),
        (10, "effects[1]: no parameter of reverb named 'size'; there is: damping"),
        (11, "effects[2]: no effect named 'flanger'; there is: bitcrush"),
        (12, "effects[3]: expected one effect"),
        (13, "gain_db: gain_db: 99 is outside -60 to 36 dB"),
    ]:
        assert any(t.startswith(f"x.yaml:{line}: {says}") for t in told), (line, says, told)
    assert len(told) == 10


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "x.yaml: the file is empty; a preset begins with kind: voice"),
        ("kind: [voice", "x.yaml:"),
        ("kind: voice\nversion: 2\n", "x.yaml:2: version: expected 1"),
        ("kind: voice\nversion: 1\nbackend: siri\n", "x.yaml:3: backend: expected one of espeak, "),
        ("- a\n", "x.yaml:1: expected a mapping"),
    ],
)
def test_what_is_no_preset_is_told(text, says):
    with pytest.raises(VoiceError) as error:
        read_preset(text, "x", "x.yaml")
    assert str(error.value).startswith(says)


def test_an_unknown_voice_names_all_voices():
    with pytest.raises(UnknownThing, match=r"no voice named 'nobody'; there is: .*narrator.*whisper"):
        load_catalog().get("nobody")


def test_one_voice_may_speak_for_all_with_their_effects():
    plain, spoken = load_catalog(), load_catalog(speak_with="pocket")
    assert {preset.backend for preset in spoken.presets.values()} == {"pocket"}
    assert spoken.get("ghost").settings == plain.get("pocket").settings
    assert spoken.get("ghost").effects == plain.get("ghost").effects
    with pytest.raises(UnknownThing, match="no voice named 'nobody'"):
        load_catalog(speak_with="nobody")


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_tells_of_its_model_before_anything_is_loaded(name):
    one, settings = backend(name), complete_settings(name, {})
    assert isinstance(one.model(settings), str) and one.batch(settings) >= 1 and one.version()
    assert isinstance(one.fingerprint(settings), str)


def test_weights_that_are_not_for_commercial_use_are_nobody_s_unless_they_are_named():
    usual = {str(backend(name).settings["model"].default) for name in BACKENDS if "model" in backend(name).settings}
    usual |= {str(preset.settings.get("model", "")) for preset in load_catalog().presets.values()}
    usual |= {str(listener(name).settings["model"].default) for name in LISTENERS}
    assert {model for model in usual if model in KNOWN and not KNOWN[model].commercial} == set()
    assert any(not known.commercial for known in KNOWN.values())


def test_own_presets_come_last_and_count(tmp_path):
    user_folder().mkdir(parents=True)
    (user_folder() / "narrator.yaml").write_text(MINE)
    (user_folder() / "neighbour.yaml").write_text(MINE)
    (tmp_path / "neighbour.yml").write_text(MINE.replace("-2.5", "1.5"))
    (tmp_path / "notes.txt").write_text("no preset")
    catalog = load_catalog([tmp_path, tmp_path / "missing"])
    assert catalog.get("narrator").name == "Neighbour"
    assert catalog.get("neighbour").gain_db == 1.5
    assert catalog.origins["neighbour"] == str(tmp_path / "neighbour.yml")


def test_broken_files_are_told_together(tmp_path):
    (tmp_path / "a.yaml").write_text("kind: voice\npich: 1\n")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "My Voice.yaml").write_text(MINE)
    with pytest.raises(VoiceError) as error:
        load_catalog([tmp_path])
    told = str(error.value)
    assert f"{tmp_path / 'a.yaml'}:2: pich: unknown key" in told
    assert f"{tmp_path / 'b.yaml'} can't be read" in told
    assert "My Voice.yaml: the file's name is the voice's id: use a-z, 0-9, _ and -" in told
