"""`cuevox setup` and `cuevox daw` as a shell runs them; the scripts of Reaper with the real command."""

import shutil
import socket
import sys
import time
from pathlib import Path

import pytest
import soundfile
from reaper_stand_in import Reaper

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from shell import COMMAND, cuevox, world

from bridge.cli.engine_process import running_engine
from cuevox import Cuevox

pytestmark = [pytest.mark.extra, pytest.mark.timeout(300)]

STORY = "kind: story\nversion: 1\ntitle: t # mine\ntracks:\n  - id: narrator\n"
STORY += "markers:\n  - {id: storm, at: 1.0, name: Storm}\n"


def test_setup_installs_and_undoes_in_a_home(tmp_path):
    daw = tmp_path / "home" / "REAPER"
    daw.mkdir(parents=True)
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    done = cuevox(tmp_path, "setup", "reaper", **home)
    assert done.returncode == 0, done.stderr
    assert "Cuevox_Register.lua" in done.stderr
    assert "has none of reaper.ini" in " ".join(done.stderr.split())
    assert (daw / "Scripts" / "Cuevox" / "lib_command.lua").exists()
    assert f"{daw}/OSC/Cuevox.ReaperOSC\tnew" in done.stdout
    undone = cuevox(tmp_path, "setup", "reaper", "--undo", **home)
    assert undone.returncode == 0
    assert list(daw.iterdir()) == []


def test_each_version_gets_the_scripts_and_gives_them_back_when_it_is_gone(tmp_path):
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    folders = [tmp_path / "home" / f"ardour{version}" for version in (7, 8)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "recent").touch()
    done = cuevox(tmp_path, "setup", "ardour", **home)
    assert (done.returncode, "has none of" in done.stderr) == (0, False)
    assert [len(list((folder / "scripts").iterdir())) for folder in folders] == [3, 3]
    told = cuevox(tmp_path, "setup", "ardour", "--status", "--osc-port", "7777", **home)
    assert told.stdout.count("of another version") + told.stdout.count("up to date") == 6, told.stderr
    assert "cuevox_follow.lua\tof another version" in told.stdout, "it holds the port"
    shutil.rmtree(folders[0])
    undone = cuevox(tmp_path, "setup", "ardour", "--undo", **home)
    assert (undone.returncode, [file.name for file in folders[1].iterdir()]) == (0, ["recent"])
    assert "gone" in undone.stdout


def test_setup_without_the_daw_says_where_it_looked(tmp_path):
    done = cuevox(tmp_path, "setup", "reaper", XDG_CONFIG_HOME=str(tmp_path / "none"))
    assert done.returncode == 2
    assert f"looked at {tmp_path}/none/REAPER" in done.stderr
    undone = cuevox(tmp_path, "setup", "reaper", "--undo", XDG_CONFIG_HOME=str(tmp_path / "none"))
    assert (undone.returncode, "no scripts for Reaper were put anywhere" in undone.stderr) == (2, True)


def test_notes_are_spoken_by_the_real_command(tmp_path):
    reaper = Reaper(tmp_path, run_commands=COMMAND, environment=world(tmp_path))
    track = reaper.new_track("Narrator")
    reaper.selected = [
        reaper.new_item(track, 2.0, 9.0, "Midnight, at the lighthouse."),
        reaper.new_item(track, 12.0, 9.0, "ROBOT: Name."),
    ]
    reaper.run("Cuevox_Speak selected items.lua")
    while not reaper.undo:
        assert reaper.turn(0.01)
        time.sleep(0.05)
    for child in reaper.children:
        child.wait()
    (first,), (second,) = (item.takes for item in reaper.selected)
    assert second.texts["P_NAME"].startswith("robot: ")
    audio = soundfile.info(first.source.path)
    assert audio.frames / audio.samplerate == pytest.approx(reaper.selected[0].values["D_LENGTH"], abs=1e-6)
    assert [word for _, word in first.markers][:2] == ["Midnight", "at"]
    assert reaper.console == []


def test_markers_go_into_the_story(tmp_path):
    (tmp_path / "story.yaml").write_text(STORY)
    reaper = Reaper(tmp_path, run_commands=COMMAND, environment=world(tmp_path))
    reaper.chosen_file = str(tmp_path / "story.yaml")
    reaper.AddProjectMarker2(0, False, 2.0, 0.0, "Storm", -1, 0)
    reaper.AddProjectMarker2(0, True, 5.0, 8.0, "Beach", -1, 0)
    reaper.run("Cuevox_Markers to story.lua")
    assert "moved: Storm to 2 s\nnew: Beach at 5 s" in reaper.messages[0]
    text = (tmp_path / "story.yaml").read_text()
    assert "title: t # mine" in text
    assert "beach" in text


def test_an_engine_that_comes_later_goes_where_reaper_plays(tmp_path, monkeypatch):
    (tmp_path / "story.yaml").write_text(STORY)
    for name, value in world(tmp_path).items():
        monkeypatch.setenv(name, value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reaper = Reaper(tmp_path, run_commands=COMMAND, environment=world(tmp_path, CUEVOX_OSC_PORT=str(port)))
    reaper.run("Cuevox_Follow play cursor.lua")
    reaper.play_state, reaper.position = 1, 12.5
    while not reaper.console:
        assert reaper.turn(0.05)  # no quicker than it is: the script waits for so long only until `cuevox` runs
        time.sleep(0.05)
    assert "The engine does not run" in reaper.console[0]
    with running_engine(tmp_path / "story.yaml", "--device", "null", "--osc-port", str(port)):
        with Cuevox(port=port) as engine:
            while not engine.get("/transport/playing"):
                reaper.turn(0.2)
                time.sleep(0.05)
            assert engine.get("/transport/position") >= 12.4
        reaper.end()
        for child in reaper.children:
            assert child.wait(20) == 0
    assert not list((tmp_path / "resources" / "Cuevox").iterdir())
