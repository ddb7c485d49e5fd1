"""The command line as a shell sees it: exit codes, streams, messages that name the thing."""

import json
import re
import subprocess
import sys

import pytest
import soundfile
from shell import COMMAND, ROOT, cuevox, world
from typer.testing import CliRunner

from bridge.cli.main import app
from engine.settings import NAMES

STORY = """\
kind: story
version: 1
title: Small
tracks:
  - id: voice
    voice: narrator
    clips: [{say: "Hello."}]
"""
COMMANDS = sorted(str(command.name) for command in app.registered_commands)


def refused(done, code: int, *words: str) -> None:
    """Check that a command ended with ``code``, one message on stderr, nothing on stdout and no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_ends_its_first_sentence(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert shown.exit_code == 0
    text = shown.output.split("Usage:")[1]
    assert command in text
    assert "." in text


def test_help_is_data_and_says_the_exit_codes(tmp_path):
    done = cuevox(tmp_path, "--help")
    assert done.returncode == 0
    assert "130 interrupted" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("fly",), ("say",), ("run",), ("export", "--bits", "12", "x.yaml"), ("--fast",)])
def test_wrong_usage_ends_with_2(tmp_path, arguments):
    refused(cuevox(tmp_path, *arguments), 2, "Usage")


def test_a_surface_that_is_not_there_is_named_with_those_there_are(tmp_path):
    (tmp_path / "small.yaml").write_text(STORY)
    arguments = ("run", "small.yaml", "--midi", "off", "--device", "null", "--osc-port", "0")
    refused(cuevox(tmp_path, *arguments, "--surfaces", "generic, nosuch"), 2, "surfaces:", "'nosuch'", "apc-mini, ")


def test_a_story_of_more_strips_than_play_live_is_refused(tmp_path):
    tracks = "".join(f"  - {{id: t{number}, voice: narrator, clips: [{{say: Hello.}}]}}\n" for number in range(256))
    (tmp_path / "wide.yaml").write_text(f"kind: story\nversion: 1\ntitle: Wide\ntracks:\n{tracks}")
    refused(
        cuevox(tmp_path, "run", "wide.yaml", "--device", "null", "--midi", "off", "--osc-port", "0"),
        2, "at most 256 strips", "would have 257",
    )  # fmt: skip


def test_a_missing_story_is_named(tmp_path):
    for command in ("export", "render", "run"):
        refused(cuevox(tmp_path, command, "nowhere.yaml"), 2, "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tracks: [", "story.yaml:2"),
        (STORY.replace("narrator", "nobody"), "no voice 'nobody'"),
        (STORY.replace("{say:", "{gain_db: loud, say:"), "tracks[0].clips[0].gain_db"),
    ],
)
def test_a_wrong_story_is_refused_before_anything_is_written(tmp_path, text, says):
    (tmp_path / "story.yaml").write_text(text)
    refused(cuevox(tmp_path, "export", "story.yaml"), 2, says)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_can_t_be_made_is_named(tmp_path):
    (tmp_path / "story.yaml").write_text(STORY)
    (tmp_path / "file").write_text("in the way")
    refused(cuevox(tmp_path, "export", "story.yaml", "--to", "file/out"), 1, "file")


def test_an_unknown_voice_names_those_there_are(tmp_path):
    refused(cuevox(tmp_path, "say", "Hello.", "--voice", "nobody"), 2, "nobody", "narrator")


def test_no_such_device_names_those_there_are(tmp_path):
    (tmp_path / "story.yaml").write_text(STORY)
    refused(cuevox(tmp_path, "run", "story.yaml", "--device", "Moon"), 1, "Moon")


def test_a_bad_setting_names_its_variable_in_every_command(tmp_path):
    for command in ("voices", "settings"):
        refused(cuevox(tmp_path, command, CUEVOX_BLOCK="tiny"), 2, "CUEVOX_BLOCK", "16 to 8192")


def test_debug_shows_the_traceback(tmp_path):
    done = cuevox(tmp_path, "--debug", "render", "nowhere.yaml")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_send_without_an_engine_fails_at_once(tmp_path):
    refused(cuevox(tmp_path, "send", "/ping", CUEVOX_OSC_PORT="9"), 1, "cuevox run")


def test_settings_tell_value_and_origin(tmp_path):
    (tmp_path / "settings.yaml").write_text("block: 128\n")
    told = json.loads(cuevox(tmp_path, "settings", "--json", CUEVOX_PLAYERS="99").stdout)
    assert set(told) == set(NAMES)
    assert told["block"] == {"value": 128, "origin": f"{tmp_path / 'settings.yaml'}:1"}
    assert told["players"] == {"value": 99, "origin": "CUEVOX_PLAYERS"}
    assert told["osc_port"] == {"value": 7400, "origin": "default"}


def test_voices_as_json_and_as_lines(tmp_path):
    told = json.loads(cuevox(tmp_path, "voices", "--json").stdout)
    assert len(told) >= 8
    lines = cuevox(tmp_path, "voices").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [voice["id"] for voice in told]


def test_devices_always_list_the_null_output(tmp_path):
    assert cuevox(tmp_path, "devices").stdout.splitlines()[-1].startswith("null\t")
    assert isinstance(json.loads(cuevox(tmp_path, "devices", "--json").stdout), list)


def test_doctor_reports_everything_and_speaks(tmp_path):
    done = cuevox(tmp_path, "doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode == any(check["state"] == "problem" for check in found.values())
    assert {"python", "packages", "settings", "devices", "voices", "osc port", "cache", "memory", "real time"} <= set(
        found
    )
    assert "narrator" in found["voices"]["text"]
    assert found["voices"]["state"] == "ok"


def test_doctor_names_a_broken_setting_and_goes_on(tmp_path):
    done = cuevox(tmp_path, "doctor", "--json", CUEVOX_BLOCK="tiny")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 1
    assert "CUEVOX_BLOCK" in found["settings"]["text"]
    assert found["voices"]["state"] == "ok"


def test_say_writes_a_file(tmp_path):
    done = cuevox(tmp_path, "say", "Was that an option?", "--voice", "ghost", "--to", "option.wav")
    assert done.returncode == 0, done.stderr
    info = soundfile.info(tmp_path / "option.wav")
    assert (info.samplerate, info.format) == (48000, "WAV")
    assert 1.0 < info.duration < 5.0
    assert done.stdout.startswith("option.wav\t")
    refused(cuevox(tmp_path, "say", "Hello.", "--to", "nowhere/x.wav"), 2, "nowhere/x.wav")
    assert [p.name for p in tmp_path.glob("*.part")] == []


def test_import_render_export(tmp_path):
    script = (ROOT / "examples/lighthouse/script.txt").read_text()
    (tmp_path / "script.txt").write_text(script)
    done = cuevox(tmp_path, "import", "script.txt", "--voice", "GHOST=ghost")
    assert done.stdout == "story.yaml\t4 tracks, 8 lines\n", done.stderr
    voices = re.findall(r"voice: (\S+)", (tmp_path / "story.yaml").read_text())
    assert set(voices) == {"ghost", "narrator", "keeper", "grandmother"}  # people are dealt out first
    refused(cuevox(tmp_path, "import", "script.txt"), 2, "story.yaml")
    refused(cuevox(tmp_path, "import", "script.txt", "--to", "b.yaml", "--voice", "GHOST=nobody"), 2, "GHOST=nobody")
    assert cuevox(tmp_path, "render", "story.yaml").stdout.startswith("8 takes")
    done = cuevox(tmp_path, "export", "story.yaml", "--to", "stems", "--bits", "32f", "--json")
    manifest = json.loads(done.stdout)
    stems = [tmp_path / "stems" / file["path"] for file in manifest["files"] if file["role"] in ("track", "mix")]
    assert len(stems) == 5
    assert {soundfile.info(stem).frames for stem in stems} == {manifest["frames"]}
    assert {soundfile.info(stem).subtype for stem in stems} == {"FLOAT"}


def test_a_reader_that_leaves_early_is_no_error_to_speak_of(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "voices"],
        cwd=tmp_path,
        env=world(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read()
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_no_color_is_respected(tmp_path):
    code = "from bridge.cli import screen; screen.print_finding('voices', 'ok', 'fine')"
    for variables, coloured in (({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)):
        done = subprocess.run(
            [sys.executable, "-c", code], env=world(tmp_path, TERM="xterm", **variables), capture_output=True, text=True
        )
        assert ("\x1b[32m" in done.stdout) is coloured


@pytest.mark.extra
def test_a_story_is_shown_in_the_terminal_and_drawn_into_files(tmp_path):
    (tmp_path / "story.yaml").write_text(STORY)
    shown = cuevox(tmp_path, "show", "story.yaml", "--render")
    assert shown.returncode == 0, shown.stderr
    assert "voice" in shown.stdout and "Hello" in shown.stdout
    assert cuevox(tmp_path, "show", "story.yaml", "--to", "a.svg").returncode == 0
    assert "Hello." in (tmp_path / "a.svg").read_text() and "<svg" in (tmp_path / "a.svg").read_text()
    assert cuevox(tmp_path, "show", "story.yaml", "--to", "a.png").returncode == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    refused(cuevox(tmp_path, "show", "story.yaml", "--to", "a.gif"), 2, "a.gif", ".png or .svg")
    refused(cuevox(tmp_path, "show", "none.yaml"), 2, "none.yaml")
