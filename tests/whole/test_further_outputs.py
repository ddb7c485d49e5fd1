"""A bus on a device of its own: a real JACK server beside an engine that another clock drives."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer, running_server
from tests.whole.rig import Rig, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.extra, pytest.mark.timeout(300)]

STORY = """\
kind: story
version: 1
title: Beginners
tracks:
  - {id: voice, voice: narrator}
  - {id: tones, clips: [{id: tone, audio: tone.wav, start: 900, mute: true}]}
buses:
  - {id: desk, private: true}
master: {limiter_db: off}
prompter: {voice: narrator}
cues:
  - {id: "1", clip: tone}
"""
WAIT_SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[JackServer]:
    yield from running_server(sample_rate=44100)


def until_playing(rig: Rig) -> list[object]:
    """Wait until the further output plays; return its status."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        status = rig.client.ask("/outputs")
        if status and status[2] == "playing":
            return status
        assert time.monotonic() < deadline, (status, rig.log.read_text())
        time.sleep(0.05)


def until_told(rig: Rig, state: str) -> None:
    """Wait until the further output is told to be so."""
    while rig.client.wait("/event/output/further", "desk")[2] != state:
        pass


def until_heard(recorder: JackRecorder, right: Callable[[np.ndarray], bool]) -> None:
    """Wait until what was recorded in the last second, left, is right."""
    for _ in range(40):
        recorder.wait_frames(22050)
        if right(recorder.audio()[-44100:, 0].astype(np.float64)):
            return
    raise AssertionError("never heard")


def is_pure(heard: np.ndarray) -> bool:
    """Whether a second holds half a second of 441 Hz and nothing else."""
    near = np.abs(np.fft.rfftfreq(22050, 1 / 44100) - 441.0) < 30.0
    for begin in range(0, len(heard) - 22049, 4410):
        power = np.abs(np.fft.rfft(heard[begin : begin + 22050] * np.kaiser(22050, 20.0))) ** 2
        if power[near].sum() > 1.0 and 10 * np.log10(power[~near].sum() / power[near].sum()) < -70.0:
            return True
    return False


def test_a_private_bus_is_heard_there_and_the_master_never(tmp_path: Path, server: JackServer) -> None:
    with running(write_story(tmp_path, STORY), "--device", "null", "--output", "desk=JACK", env=server.env) as rig:
        rig.wait_ready()
        rig.client.ask("/subscribe", "/event//*", answer="/subscribed")
        status = until_playing(rig)
        assert status[0] == "desk" and status[3] == 44100, "at the device's own rate"
        with JackRecorder(server) as recorder:
            recorder.listen_to("cuevox-desk")
            rig.client.send("/cue/1/go")
            recorder.wait_frames(22050)
            assert not recorder.audio().any(), "the tone is in the master"
            rig.client.send("/prompt", "Beginners, please.")
            until_heard(recorder, lambda heard: bool(np.abs(heard).max() > 0.05))
        rig.client.ask("/sync", 1, answer="/synced")
        rig.client.heard.clear()
        server.end(signal.SIGKILL)
        until_told(rig, "waiting")
        server.start()
        until_told(rig, "playing")
        rig.child("engine.io.io_process").kill()
        rig.client.wait("/event/process/replaced", "io")
        until_playing(rig)
        rig.client.send("/output/stop", "desk")
        until_told(rig, "stopped")
        assert rig.client.ask("/outputs") == []
        assert rig.stop() == 0


def test_the_master_is_heard_there_while_a_daw_is_the_clock(tmp_path: Path, server: JackServer) -> None:
    env = {**server.env, "CUEVOX_DAW_LINK": f"test-{tmp_path.name}"[:20]}
    story = write_story(tmp_path, STORY)
    long = 0.25 * np.sin(2 * np.pi * 441.0 * np.arange(40 * 48000) / 48000)
    soundfile.write(tmp_path / "tone.wav", long, 48000, subtype="FLOAT")
    with running(story, "--device", "daw", "--output", "master=JACK", env=env) as rig:
        rig.wait_ready()
        until_playing(rig)
        with JackRecorder(server) as recorder:
            recorder.listen_to("cuevox-master")
            rig.client.send("/cue/1/go")
            until_heard(recorder, is_pure)  # a machine that stands still makes gaps, until there is enough in hand
        assert rig.stop() == 0
