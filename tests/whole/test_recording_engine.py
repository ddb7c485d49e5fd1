"""The whole engine plays from the disk and records; whoever is killed, the files can be read and the music goes on."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.whole.rig import WAIT_SECONDS, Rig, running

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]

RATE = 48000
SECONDS = 120

STORY = """\
kind: story
version: 1
title: With music
tracks:
  - id: music
    clips:
      - {id: song, audio: song.flac, start: 0}
  - id: hits
    clips:
      - {id: hit, audio: hit.wav, start: 3000}
master: {limiter_db: off}
slots:
  - {bank: a, index: 1, clip: hit, mode: layer}
  - {bank: a, index: 2, clip: hit, mode: layer, semitones: 12}
"""


def tone(frames: int) -> np.ndarray:
    """Return a tone that tells by its right side how far it is."""
    time = np.arange(frames) / RATE
    return np.stack([0.4 * np.sin(2 * np.pi * 330 * time), 0.9 * np.arange(frames) / frames], axis=1)


@pytest.fixture
def story(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "song.flac", tone(SECONDS * RATE), RATE, subtype="PCM_24")
    soundfile.write(tmp_path / "hit.wav", 0.1 * np.ones(4800), RATE, subtype="FLOAT")
    path = tmp_path / "story.yaml"
    path.write_text(STORY)
    return path


def recorded(rig: Rig) -> float:
    """Return for how many seconds it records by now: what was asked for before plays from there on."""
    seconds: float = rig.client.ask("/record/status")[2]
    return seconds


def until_recorded(rig: Rig, seconds: float) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        state, _, length, *_ = rig.client.ask("/record/status")
        if state == "on" and length >= seconds:
            return
        select.select([], [], [], 0.05)
    raise AssertionError(rig.log.read_text())


def until_heard(rig: Rig, strip: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if rig.client.ask(f"/strip/{strip}/meter")[0] > -40.0:
            return
        select.select([], [], [], 0.001)
    raise AssertionError(rig.log.read_text())


def read(path: Path) -> np.ndarray:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    return audio


def assert_is_music(audio: np.ndarray) -> None:
    """Wherever the song sounds it is the song, without a jump."""
    heard = audio[np.abs(audio[:, 1]) > 1e-4]
    steps = np.diff(heard[2000:, 1])
    assert len(steps) > RATE // 2
    assert np.abs(steps - 0.9 / (SECONDS * RATE)).max() < 1e-5


def test_a_recording_is_the_show_and_becomes_a_story(story: Path) -> None:
    with running(story, "--device", "null", env={"CUEVOX_STREAM_SECONDS": "5"}) as rig:
        rig.wait_ready()
        client = rig.client
        client.ask("/subscribe", "/event/*/*", answer="/subscribed")
        client.send("/record/start", 1, "first night", "music hits")
        assert client.wait("/event/record/started")[0] == "first night"
        client.send("/engine/processes")
        processes = client.wait("/engine/processes")
        assert processes[processes.index("io") + 1] == rig.child("engine.io.io_process").pid
        client.send("/transport/play")
        client.send("/slot/a/1/trigger", 1.0)
        client.send("/slot/a/2/trigger", 1.0)
        until_recorded(rig, 1.2 + recorded(rig))
        client.send("/record/stop")
        name, seconds, lost, kept, left_out, text = client.wait("/event/record/ended")
        assert (name, lost, left_out, text) == ("first night", 0.0, 0, "")
        folder = story.parent / "recordings" / "first night"
        files = {path.stem: read(path) for path in folder.glob("*.wav") if not path.stem.startswith("played")}
        assert set(files) == {"master", "music", "hits"}
        assert {len(audio) for audio in files.values()} == {round(seconds * RATE)}
        np.testing.assert_allclose(files["music"] + files["hits"], files["master"], atol=1e-6)
        assert_is_music(files["music"])
        deadline = time.monotonic() + WAIT_SECONDS
        while not Path(kept).exists() and time.monotonic() < deadline:
            select.select([], [], [], 0.02)
        text = Path(kept).read_text()
        assert "song.flac" in text and "hit.wav" in text
        (fast,) = folder.parent.glob("first night/played *.wav")
        assert f"recordings/first night/{fast.name}" in text
        assert len(read(fast)) == 2400
        assert rig.stop() == 0


@pytest.mark.extra
def test_the_command_records(story: Path) -> None:
    with running(story, "--device", "null", env={"CUEVOX_STREAM_SECONDS": "5"}) as rig:
        rig.wait_ready()
        command = [sys.executable, "-m", "bridge.cli.main", "record", "by hand", "--seconds", "0.5", "--strips", "hits"]
        done = subprocess.run(
            [*command, "--osc-port", str(rig.ready["osc_port"])], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("recordings/by hand\t")
        assert {path.name for path in (story.parent / "recordings" / "by hand").iterdir()} == {
            "master.wav", "hits.wav", "recording.json"
        }  # fmt: skip


def test_music_and_recording_go_on_when_io_or_control_is_killed(story: Path) -> None:
    with running(story, "--device", "null", env={"CUEVOX_STREAM_SECONDS": "5"}) as rig:
        rig.wait_ready()
        client = rig.client
        client.ask("/subscribe", "/event//*", answer="/subscribed")
        client.send("/record/start", 1, "killed")
        client.send("/transport/play")
        until_recorded(rig, 0.7 + recorded(rig))
        rig.child("engine.io.io_process").kill()
        assert client.wait("/event/process/replaced", "io")[0] == "io"
        until_recorded(rig, 1.3 + recorded(rig))
        before = recorded(rig)
        rig.child("bridge.cli.control_process").kill()
        assert client.wait("/event/process/replaced", "control")[0] == "control"
        assert recorded(rig) >= before, "how far it is is known at once"
        until_recorded(rig, 1.0 + recorded(rig))
        client.send("/record/stop")
        name, seconds, lost, *_ = client.wait("/event/record/ended")
        assert (name, lost) == ("killed", 0.0)
        folder = story.parent / "recordings" / "killed"
        master = read(folder / "master.wav")
        assert len(master) == round(seconds * RATE) > 3 * RATE
        if not any(said.address == "/event/dry" for said in client.heard):  # another process may take 2 s to start here
            assert_is_music(master)
        manifest = json.loads((folder / "recording.json").read_text())
        assert (manifest["ended"], manifest["lost"]) == (True, [])


def test_a_recording_after_control_was_killed_at_rest_is_written(story: Path) -> None:
    story.write_text(STORY.replace("song.flac", "hit.wav"))  # no file is played from the disk: io has nothing to do
    with running(story, "--device", "null") as rig:
        rig.wait_ready()
        client = rig.client
        client.ask("/subscribe", "/event//*", answer="/subscribed")
        for name in ("before", "after"):
            client.send("/record/start", 1, name)
            until_recorded(rig, 0.3 + recorded(rig))
            client.send("/record/stop")
            ended, seconds, lost, *_ = client.wait("/event/record/ended")
            assert (ended, lost) == (name, 0.0)
            assert len(read(story.parent / "recordings" / name / "master.wav")) == round(seconds * RATE)
            if name == "before":
                rig.child("bridge.cli.control_process").kill()
                assert client.wait("/event/process/replaced", "control")[0] == "control"


def test_an_engine_that_is_stopped_right_after_a_recording_began_ends_it(story: Path) -> None:
    with running(story, "--device", "null") as rig:
        rig.wait_ready()
        rig.client.send("/record/start", 1, "left on")
        rig.client.send("/slot/a/1/trigger", 1.0)
        until_heard(rig, "hits")
        assert rig.stop() == 0
    folder = story.parent / "recordings" / "left on"
    manifest = json.loads((folder / "recording.json").read_text())
    assert (manifest["ended"], manifest["text"], manifest["lost"]) == (True, "", [])
    assert {len(read(path)) for path in folder.glob("*.wav")} == {manifest["until"] - manifest["since"]}
    assert np.abs(read(folder / "hits.wav")).max() > 0.05
    assert "hit.wav" in next(story.parent.glob("* left on.yaml")).read_text()


@pytest.mark.extra
def test_a_killed_engine_leaves_files_that_can_be_read(story: Path) -> None:
    with running(story, "--device", "null", env={"CUEVOX_STREAM_SECONDS": "5"}) as rig:
        rig.wait_ready()
        rig.client.send("/record/start", 1, "cut off")
        rig.client.send("/transport/play")
        until_recorded(rig, 1.5 + recorded(rig))
        rig.process.kill()
        rig.process.wait()
        rig.assert_all_gone()
    folder = story.parent / "recordings" / "cut off"
    for name in ("master", "music", "hits"):
        assert len(read(folder / f"{name}.wav")) > RATE
    assert_is_music(read(folder / "master.wav"))
