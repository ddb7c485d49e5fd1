"""Settings: defaults < file < environment < flags, with origins and complete error messages."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.settings import NAMES, Settings, describe, load_settings, settings_path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return path


def test_defaults_when_nothing_is_set(tmp_path):
    loaded = load_settings({}, environ={"CUEVOX_SETTINGS": ""}, path=write(tmp_path, ""))
    assert loaded.settings == Settings()
    assert set(loaded.origins) == set(NAMES)
    assert set(loaded.origins.values()) == {"default"}


def test_file_beats_default_environment_beats_file_flag_beats_environment(tmp_path):
    path = write(tmp_path, "block: 64\nosc_port: 7001\nplayers: 64\n")
    environ = {"CUEVOX_OSC_PORT": "7002", "CUEVOX_PLAYERS": "128"}
    loaded = load_settings({"players": 256, "device": None}, environ=environ, path=path)
    assert (loaded.settings.block, loaded.settings.osc_port, loaded.settings.players) == (64, 7002, 256)
    assert loaded.origins["block"] == f"{path}:1"
    assert loaded.origins["osc_port"] == "CUEVOX_OSC_PORT"
    assert loaded.origins["players"] == "--players"
    assert loaded.origins["device"] == "default"


def test_every_problem_is_named_at_once_with_its_place(tmp_path):
    path = write(tmp_path, "# mine\nblock: loud\n\ncolour: red\nosc_port: 99999\n")
    with pytest.raises(SettingsError) as caught:
        environ = {"CUEVOX_LOG_LEVEL": "shout", "CUEVOX_FOO": "1", "CUEVOX_DAW_LINK": "a/b"}
        load_settings({"workers": 0}, environ=environ, path=path)
    message = str(caught.value)
    assert f"{path}:2: block: expected a whole number, 16 to 8192, got 'loud'" in message
    assert f"{path}:4: no setting named 'colour'; there is: device, block" in message
    assert f"{path}:5: osc_port: expected a whole number, 0 to 65535, got 99999" in message
    assert "CUEVOX_LOG_LEVEL: log_level: expected one of debug, info, warning, error, got 'shout'" in message
    assert "CUEVOX_DAW_LINK: daw_link: expected 1 to 64 letters, digits, _ . -, got 'a/b'" in message
    assert "CUEVOX_FOO: no setting named 'foo'" in message
    assert "--workers: workers: expected a whole number, 1 to 64, got 0" in message
    assert len(message.splitlines()) == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("block: [", "not valid YAML"),
        ("- block", ":1: expected `name: value` lines"),
        ("block: 64\nblock: 128\n", ":2: block is set twice"),
        ("block: '64'", "expected a whole number"),
        ("block: true", "expected a whole number"),
        ("block:", "expected a whole number, 16 to 8192, got None"),
        ("? [a, b]\n: 1\n", "not valid YAML"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, says):
    with pytest.raises(SettingsError, match=r"settings\.yaml") as caught:
        load_settings({}, environ={}, path=write(tmp_path, text))
    assert says in str(caught.value)


def test_a_file_that_was_named_must_exist(tmp_path):
    missing = tmp_path / "none.yaml"
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings({}, environ={"CUEVOX_SETTINGS": str(missing)})


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings({}, environ={}, path=tmp_path)


def test_the_file_can_be_moved_by_a_variable(tmp_path):
    assert settings_path({"CUEVOX_SETTINGS": str(tmp_path / "x.yaml")}) == tmp_path / "x.yaml"
    assert settings_path({}).name == "settings.yaml"


def test_folders_follow_the_settings(tmp_path):
    settings = Settings(cache_dir=str(tmp_path), voices_dir=str(tmp_path / "own"), data_dir=str(tmp_path / "d"))
    assert settings.takes_folder == tmp_path / "takes"
    assert settings.voice_folders == (tmp_path / "d" / "voices", tmp_path / "own")
    assert len(Settings().voice_folders) == 1
    assert Settings().cache_folder.name == "cuevox"


def test_every_setting_says_what_it_means_and_allows():
    for name in NAMES:
        meaning, allowed = describe(name)
        assert meaning
        assert allowed


@given(st.text(max_size=60))
def test_any_text_in_the_environment_is_a_setting_or_a_settings_error(text):
    try:
        loaded = load_settings({}, environ={"CUEVOX_BLOCK": text})
    except SettingsError as error:
        assert "CUEVOX_BLOCK" in str(error)
    else:
        assert 16 <= loaded.settings.block <= 8192
