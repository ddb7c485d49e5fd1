"""What is exported is what is heard: a story played on a real JACK server against its export, block by block."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer
from tests.whole.rig import engine_env, running, write_story

pytestmark = [pytest.mark.whole, pytest.mark.timeout(300)]

STORY = """\
kind: story
version: 1
title: Both ways
tracks:
  - id: voice
    voice: narrator
    inserts: [highpass: {cutoff_hz: 200}, compressor: {threshold_db: -24}]
    sends: {hall: -6}
    clips:
      - {id: hello, say: "What you hear is what you get.", start: 0.2, fade_out: 0.1}
  - id: tone
    gain_db: 6
    pan: -0.3
    clips:
      - {id: early, audio: tone.wav, start: 0.5, trim: [0.1, 0.9], fade_in: 0.05, gain_db: 3}
      - {id: late, audio: tone.wav, start: after - 0.2, fade_out: 0.4}
buses:
  - id: hall
    inserts: [delay: {delay_seconds: 0.21, mix: 1}, reverb: {dry_level: 0, wet_level: 0.6}]
master: {limiter_db: -3}
"""


def export(story: Path, to: Path) -> np.ndarray:
    command = [sys.executable, "-m", "bridge.cli.main", "export", str(story), "--to", str(to), "--bits", "32f"]
    done = subprocess.run(command, env=engine_env(story.parent, {}), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (mix,) = to.rglob("mix.wav")
    return soundfile.read(mix, dtype="float32")[0]


def play(story: Path, server: JackServer, frames: int) -> np.ndarray:
    with running(story, "--device", "JACK", env=server.env) as rig, JackRecorder(server) as recorder:
        rig.wait_ready()
        recorder.listen_to("cuevox")
        rig.client.send("/transport/play")
        recorder.wait_frames(frames)
        return recorder.audio()


def test_export_equals_playback(jack_server: JackServer, tmp_path: Path) -> None:
    story = write_story(tmp_path, STORY)
    exported = export(story, tmp_path / "out")
    heard = play(story, jack_server, len(exported) + 48000)
    period = jack_server.period
    first = int(np.flatnonzero(heard.any(axis=1))[0])
    begin = first - int(np.flatnonzero(exported.any(axis=1))[0])
    expected = np.concatenate((np.zeros((begin % period, 2), np.float32), exported))
    expected = np.concatenate((expected, np.zeros((-len(expected) % period, 2), np.float32)))
    wanted = expected.reshape(-1, period, 2)[1:-1]
    blocks = heard[begin - begin % period :].reshape(-1, period, 2)[1:]
    found, at = 0, 0
    for block in wanted:  # where the machine stalled a cycle may be missing on either side, but none may differ
        near = [i for i in range(at, min(at + 8, len(blocks))) if np.allclose(blocks[i], block, atol=2e-6)]
        if near:
            found, at = found + 1, near[0] + 1
    assert found > 0.95 * len(wanted)
    assert np.abs(exported).max() > 0.5  # the limiter had work
