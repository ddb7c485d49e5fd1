"""A running engine with plug-ins that crash: the show goes on without them, everybody is told, nothing is forgotten."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.builder import lay_out
from tests.whole.rig import Rig, running, write_story
from tests.whole.test_trust import AUDIO, CONTROL, playing_and_standby, wait

pytestmark = [
    pytest.mark.extra,
    pytest.mark.whole,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]

FUSE = "Test Crash Processing"


def story_with(folder: Path, inserts: str) -> Path:
    """Write the story of the bench with inserts on its strip ``clicks``."""
    story = write_story(folder)
    text = story.read_text()
    story.write_text(text.replace("  - id: clicks\n", f"  - id: clicks\n    inserts:\n{inserts}"))
    return story


def environment(folder: Path, *names: str) -> dict[str, str]:
    plugins = lay_out(folder / "vst3", *names)
    return {"CUEVOX_STANDBY": "on", "CUEVOX_PLUGIN_FOLDERS": str(plugins), "CUEVOX_MIDI": "off"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    story = story_with(tmp_path, f"      - plugin: Test Late\n      - plugin: {FUSE}\n")
    with running(story, "--device", "null", env=environment(tmp_path, "Late", "CrashProcessing")) as rig:
        rig.wait_ready()
        rig.client.send("/subscribe", "/event//*")
        yield rig


def plugin_state(rig: Rig, name: str) -> tuple[str, str]:
    rows = rig.client.ask("/plugins")
    at = rows.index(name)
    return rows[at + 1], rows[at + 2]


def test_one_that_crashes_while_processing_is_left_out_by_the_standby(rig: Rig) -> None:
    client = rig.client
    assert client.ask("/strip/clicks/inserts") == ["plugin:Test Late", f"plugin:{FUSE}"]
    _, standby = playing_and_standby(rig)
    client.send("/transport/play")
    client.send("/strip/clicks/insert/1/gain_db", -6.0)
    client.send("/strip/clicks/insert/2/fuse", 1.0)
    assert client.wait("/event/process/replaced")[0] == "audio"
    told = client.wait("/event/plugin", FUSE)
    assert told[1] == "quarantined"
    assert told[2] == "it ended the audio process while processing (SIGSEGV)"
    assert plugin_state(rig, FUSE) == ("quarantined", told[2])
    assert plugin_state(rig, "Test Late") == ("ready", "")
    assert rig.children(AUDIO)[0].pid == standby.pid
    assert client.ask("/transport/playing") == [1]
    assert client.ask("/strip/clicks/insert/1/gain_db") == [-6.0]

    client.send("/strip/clicks/insert/2/fuse", 0.0)  # what it would do can still be told
    wait(lambda: client.ask("/strip/clicks/insert/2/fuse") == [0.0], "the story keeps its parameters")
    client.send("/plugins/retry", FUSE)
    assert client.wait("/event/plugin", FUSE)[1] == "ready"
    playing_and_standby(rig)
    client.send("/session/save")
    client.wait("/event/story/saved")
    assert f"- plugin: {FUSE}\n        params: {{fuse: 0}}" in (rig.log.parent / "story.yaml").read_text()


def test_one_that_crashes_is_left_out_of_every_insert_whatever_it_is_called_there(tmp_path: Path) -> None:
    story = story_with(tmp_path, f"      - plugin: {FUSE}\n      - plugin: vst3/CrashProcessing.vst3\n")
    with running(story, "--device", "null", env=environment(tmp_path, "CrashProcessing")) as rig:
        rig.wait_ready()
        client = rig.client
        client.send("/subscribe", "/event//*")
        playing_and_standby(rig)
        client.send("/strip/clicks/insert/2/fuse", 1.0)
        assert client.wait("/event/process/replaced")[0] == "audio"
        wait(lambda: plugin_state(rig, FUSE)[0] == "quarantined", "it is left out by its name")
        (playing, *_) = rig.children(AUDIO)
        client.send("/strip/clicks/insert/1/fuse", 1.0)
        wait(lambda: client.ask("/strip/clicks/insert/1/fuse") == [1.0], "it answers")
        client.send("/cue/3/go")
        client.wait("/event/cue/started", "3")
        wait(lambda: max(client.ask("/strip/clicks/meter")) > -60.0, "the strip is heard")
        assert rig.children(AUDIO)[0].pid == playing.pid


def test_the_quarantine_of_a_session_outlives_its_control_process(rig: Rig) -> None:
    playing_and_standby(rig)
    rig.client.send("/strip/clicks/insert/2/fuse", 1.0)
    rig.client.wait("/event/plugin", FUSE)
    wait(lambda: rig.client.ask("/strip/clicks/insert/2/fuse") == [1.0], "it answers")
    rig.children(CONTROL)[0].kill()
    rig.client.wait("/event/process/replaced", "control")
    assert plugin_state(rig, FUSE)[0] == "quarantined"
    wait(lambda: len(rig.children(AUDIO)) == 2, "both audio processes live")


def test_a_story_with_plug_ins_that_crash_or_are_not_there_plays_and_is_kept(tmp_path: Path) -> None:
    inserts = """\
      - plugin: CrashLoading   # mine
        state: aGVsbG8=
      - plugin: Nowhere
        params: {x: 1}
"""
    story = story_with(tmp_path, inserts)
    with running(story, "--device", "null", env=environment(tmp_path, "CrashLoading")) as rig:
        rig.wait_ready()
        client = rig.client
        client.send("/subscribe", "/event//*")
        assert plugin_state(rig, "CrashLoading") == ("quarantined", "it crashed while loading (SIGSEGV)")
        assert plugin_state(rig, "Nowhere")[0] == "missing"
        client.send("/cue/3/go")
        client.wait("/event/cue/started", "3")
        wait(lambda: max(client.ask("/strip/clicks/meter")) > -60.0, "the strip is heard")
        client.send("/strip/clicks/gain", -3.0)
        client.send("/session/save")
        client.wait("/event/story/saved")
    assert inserts in story.read_text()


def test_one_that_crashes_when_it_is_loaded_with_its_state_is_blamed(tmp_path: Path) -> None:
    """It was sound when it was tried, and crashes as the story has it: the engine starts without it."""
    story = story_with(tmp_path, f"      - plugin: {FUSE}\n        params: {{fuse: 1}}\n")
    with running(story, "--device", "null", env=environment(tmp_path, "CrashProcessing")) as rig:
        rig.wait_ready()
        state, reason = plugin_state(rig, FUSE)
        assert (state, reason) == ("quarantined", "it ended the audio process while loading (SIGSEGV)")
