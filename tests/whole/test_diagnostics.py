"""What is written down: a show that plays again to the last bit, a black box, and a picture of the engine."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer
from tests.whole.rig import WAIT_SECONDS, Rig, engine_env, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]

CUEVOX = [sys.executable, "-m", "bridge.cli.main"]


def play_at_random(rig: Rig, seed: int) -> None:
    """Do forty things, at whatever moments they come."""
    rng = random.Random(seed)
    client = rig.client
    things = [
        lambda: client.send("/slot/a/1/trigger", rng.uniform(0.2, 1.0)),
        lambda: client.send("/cue/3/go"),
        lambda: client.send("/cue/1/go"),
        lambda: client.send("/strip/clicks/gain", rng.uniform(-20.0, 6.0)),
        lambda: client.send("/strip/voice/pan", rng.uniform(-1.0, 1.0)),
        lambda: client.send("/transport/locate", rng.uniform(0.0, 2.0)),
        lambda: client.send("/transport/play"),
        lambda: client.send("/transport/stop"),
        lambda: client.send("/strip/clicks/mute", rng.randrange(2)),
        lambda: client.send("/at", rng.uniform(0.05, 0.3), "/slot/a/1/trigger"),
        lambda: client.send("/say", "narrator", f"Number {rng.randrange(4)}."),
    ]
    for number in range(40):
        rng.choice(things)()
        client.send("/sync", number)
        client.wait("/synced", number)
        select.select([], [], [], rng.uniform(0.0, 0.05))


def offline(rig_folder: Path, transcript: Path, name: str) -> np.ndarray:
    """Return what `cuevox replay --offline` makes of a transcript."""
    to = rig_folder / name
    command = [*CUEVOX, "replay", str(transcript), "--offline", "--to", str(to)]
    done = subprocess.run(command, env=engine_env(rig_folder, {}), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "note:" not in done.stderr
    audio, _ = soundfile.read(to, dtype="float32")
    return audio


@pytest.mark.extra
def test_a_random_show_plays_again_bit_for_bit(tmp_path: Path, jack_server: JackServer) -> None:
    transcript = tmp_path / "show.jsonl"
    options = ("--device", "JACK", "--transcript", str(transcript))
    with running(write_story(tmp_path), *options, env=jack_server.env) as rig:
        rig.wait_ready()
        with JackRecorder(jack_server) as recorder:
            recorder.listen_to("cuevox")
            recorder.wait_frames(1024)
            missed = rig.client.ask("/engine/xruns")
            play_at_random(rig, seed=3)
            rig.client.send("/panic")
            recorder.wait_frames(4800)
            heard, whole = recorder.audio(), recorder.whole() and missed == rig.client.ask("/engine/xruns")
        assert rig.stop() == 0
    first, second = (offline(tmp_path, transcript, name) for name in ("first.wav", "second.wav"))
    assert np.array_equal(first, second)
    assert np.abs(first).max() > 0.1
    if not whole:
        pytest.skip("the machine stood still meanwhile: what was heard has gaps")
    onset = int(np.flatnonzero(np.abs(heard).max(axis=1))[0]) - int(np.flatnonzero(np.abs(first).max(axis=1))[0])
    length = min(len(heard) - max(0, onset), len(first) - max(0, -onset))
    assert length > 10000
    start = max(0, -onset)
    assert np.array_equal(heard[start + onset : start + onset + length], first[start : start + length])


@pytest.mark.extra
def test_a_show_plays_again_live_and_ends(tmp_path: Path) -> None:
    transcript = tmp_path / "show.jsonl"
    with running(write_story(tmp_path), "--device", "null", "--transcript", str(transcript)) as rig:
        rig.wait_ready()
        play_at_random(rig, seed=4)
        assert rig.stop() == 0
    command = [*CUEVOX, "replay", str(transcript), "--device", "null"]
    done = subprocess.run(command, env=engine_env(tmp_path, {}), capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr


@pytest.mark.extra
def test_a_show_that_was_read_again_is_so_live(tmp_path: Path) -> None:
    transcript, story = tmp_path / "show.jsonl", write_story(tmp_path)
    with running(story, "--device", "null", "--transcript", str(transcript)) as rig:
        rig.wait_ready()
        rig.client.send("/subscribe", "/event//*")
        rig.client.send("/strip/clicks/gain", -3.0)
        story.write_text(f"{story.read_text()}\nbuses:\n  - id: newhall\n")
        rig.client.send("/session/reload")
        rig.client.wait("/event/story/reloaded")
        rig.client.send("/strip/newhall/gain", -6.0)
        assert rig.stop() == 0
    command = [*CUEVOX, "replay", str(transcript), "--device", "null"]
    done = subprocess.run(command, env=engine_env(tmp_path, {}), capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr and "not taken over" not in done.stderr


def test_the_black_box_tells_the_last_minute_also_of_a_process_that_is_gone(tmp_path: Path) -> None:
    with running(write_story(tmp_path), "--device", "null") as rig:
        rig.wait_ready()
        rig.client.send("/subscribe", "/event//*")
        rig.client.send("/strip/voice/gain", -7.0)
        rig.client.send("/cue/nobody/go")
        (path,) = rig.client.ask("/engine/blackbox", "a test")
        entries = [json.loads(line) for line in Path(path).read_text().splitlines()]
        assert (entries[0]["blackbox"], entries[0]["reason"]) == (1, "a test")
        commands = [e["command"] for e in entries if "command" in e]
        assert {"type": "SetStripGain", "strip": "voice", "gain_db": -7.0} in commands or any(
            c.get("gain_db") == -7.0 for c in commands
        )
        assert any("counters" in e for e in entries)
        rig.child("bridge.cli.control_process").kill()
        rig.client.wait("/event/process/replaced", "control")
        written = wait_for_file(tmp_path / "state", "*control-process-replaced*.jsonl")
        assert "-7.0" in written.read_text()


def wait_for_file(folder: Path, pattern: str) -> Path:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := list(folder.rglob(pattern))):
        assert time.monotonic() < deadline, f"no {pattern} in {folder}"
        time.sleep(0.01)
    return found[0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_monitor_shows_the_engine_in_a_terminal(tmp_path: Path) -> None:
    with running(write_story(tmp_path), "--device", "null") as rig:
        rig.wait_ready()
        rig.client.send("/transport/loop", 0.0, 2.0)  # so that it still plays when a slow terminal looks
        rig.client.send("/transport/play")
        ours, theirs = pty.openpty()
        command = [*CUEVOX, "monitor", "--osc-port", str(rig.ready["osc_port"])]
        env = {**engine_env(tmp_path, {}), "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        watching = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)
        try:
            shown = read_until(ours, ("clicks", "master", "underflows", "a/1 ready", "control", "playing at"))
            assert "Traceback" not in shown
            watching.send_signal(signal.SIGINT)
            assert watching.wait(WAIT_SECONDS) == 130
        finally:
            watching.kill()
            watching.wait()
            os.close(ours)


def read_until(terminal: int, words: tuple[str, ...]) -> str:
    """Return what a terminal has shown, without its control sequences, once all of ``words`` are there."""
    shown, deadline = "", time.monotonic() + WAIT_SECONDS
    while not all(word in shown for word in words):
        assert time.monotonic() < deadline, shown[-3000:]
        if select.select([terminal], [], [], 0.2)[0]:
            shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", os.read(terminal, 65536).decode(errors="replace"))
    return shown
