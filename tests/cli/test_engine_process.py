"""Commands that start an engine for themselves: it plays, and it never outlives them."""

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image
from shell import COMMAND, world

from bridge.cli import demo

pytestmark = pytest.mark.whole
WAIT_SECONDS = 60.0


def start_saying(folder: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start a long `cuevox say`; return it and every process of its engine, once it plays."""
    command = [*COMMAND, "say", "One two three four five six seven. " * 30, "--device", "null"]
    saying = subprocess.Popen(command, cwd=folder, env=world(folder), stderr=subprocess.PIPE, text=True)
    assert saying.stderr is not None
    for line in saying.stderr:
        if "in silence" in line:
            break
    family = psutil.Process(saying.pid).children(recursive=True)
    assert len(family) >= 3, "supervisor, audio, control"
    return saying, family


def assert_all_gone(family: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(family, timeout=WAIT_SECONDS)
    assert [process.cmdline() for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.parametrize(("number", "code"), [
    pytest.param(signal.SIGINT, 130, marks=pytest.mark.extra), (signal.SIGTERM, 143),
    pytest.param(signal.SIGKILL, -9, marks=pytest.mark.extra),
])  # fmt: skip
def test_an_engine_of_a_command_s_own_goes_with_it(tmp_path, number, code):
    saying, family = start_saying(tmp_path)
    saying.send_signal(number)
    assert saying.wait(WAIT_SECONDS) == code
    assert saying.stderr is not None
    assert "Traceback" not in saying.stderr.read()
    saying.stderr.close()
    assert_all_gone(family)


@pytest.mark.extra
def test_a_script_is_performed_to_its_end(tmp_path):
    script = tmp_path / "door.fountain"
    script.write_text("INT. HALL - NIGHT\n\nANNA\nKnock, knock.\n\nBERT\n(low)\nNobody.\n")
    command = [*COMMAND, "read", str(script), "--device", "null"]
    read = subprocess.run(command, cwd=tmp_path, env=world(tmp_path), capture_output=True, text=True, timeout=180)
    assert read.returncode == 0, read.stderr
    assert "playing in silence" in read.stderr and "Traceback" not in read.stderr
    assert not (tmp_path / "story.yaml").exists()


def test_the_demo_speaks_plays_and_exports(tmp_path, monkeypatch, capsys):
    for name, value in world(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(demo, "EXCERPT_SECONDS", 1.5)
    monkeypatch.setattr(demo, "SHOT_SECONDS", 0.1)
    monkeypatch.setattr(demo, "DIP_SECONDS", (0.2, 0.6))
    before = time.time()
    demo.demo(to=tmp_path / "out", device="null")
    told = capsys.readouterr()
    assert "playing in silence" in told.err
    files = [Path(line.split("\t")[0]) for line in told.out.splitlines()]
    assert all(file.exists() and file.stat().st_mtime >= before - 1 for file in files)
    names = {file.name for file in files}
    assert {"story.yaml", "mix.wav", "The_Complaint.rpp", "overview.png", "manifest.json", "media"} <= names
    assert Image.open(tmp_path / "out" / "overview.png").width > 1000
