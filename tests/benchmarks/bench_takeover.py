"""How long it is silent when the audio process is killed, or a plug-in crashes in it, and how long the control process
is away; on JACK.

A listener connects to the engine's new ports as soon as JACK has them, and measures in JACK's frames.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import jack
import numpy as np
import pytest
import soundfile
from family import AUDIO, CONTROL, Family
from report import NOTES, Report, quantile
from running import Cuevox

from engine.watchdog import SHORT_SECONDS

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.jack_recorder import JackRecorder
from tests.jack_server import JackServer

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))
from builder import lay_out

KILLS = 10
READY_SECONDS = 60.0
LOUD = 0.05
FUSE = "Test Crash Processing"

STORY = """\
kind: story
version: 1
title: Takeover
tracks:
  - id: tone
    clips: [{id: tone, audio: tone.wav, start: 0}]
master: {limiter_db: off}
cues: [{id: "1", clip: tone}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--block", type=int, default=256)
    arguments = parser.parse_args()
    server = JackServer(period=arguments.block, realtime=True, sync=False)
    server.start()
    folder = Path(tempfile.mkdtemp(prefix="cuevox-takeover-"))
    try:
        silent, crashed, away = measure(server, folder, arguments.kills)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report = Report("takeover", f"Kill -9, {arguments.kills} times each, {arguments.block} frames")
    report.add("audio process killed: silence, median", quantile(silent, 0.5), "ms", at_most=300)
    report.add("audio process killed: silence, longest", max(silent), "ms", at_most=300)
    if crashed:
        report.add("plug-in crashes while processing: silence, median", quantile(crashed, 0.5), "ms", at_most=300)
        report.add("plug-in crashes while processing: silence, longest", max(crashed), "ms", at_most=300)
    report.add("control process killed: until it answers again, median", quantile(away, 0.5), "s", at_most=2)
    report.add("control process killed: until it answers again, longest", max(away), "s", at_most=2)
    report.finish()


def measure(server: JackServer, folder: Path, kills: int) -> tuple[list[float], list[float], list[float]]:
    """Return the silences in ms, after kills and after crashes of a plug-in, and the absences in s."""
    os.environ.update(server.env)
    story = folder / "story.yaml"
    plugins = crashing_plugin(folder)
    story.write_text(STORY.replace("    clips:", f"    inserts: [plugin: {FUSE}]\n    clips:") if plugins else STORY)
    seconds = 600
    tone = np.where(np.arange(seconds * 48000) // 54 % 2, 0.2, -0.2).astype(np.float32)  # it is never near zero
    soundfile.write(folder / "tone.wav", tone, 48000)
    env = {**server.env, "CUEVOX_STATE_DIR": str(folder / "state"), "CUEVOX_CLIP_MEMORY_MB": "256"}
    env |= {"CUEVOX_PLUGIN_FOLDERS": str(plugins)} if plugins else {}
    with Cuevox(story, ["--device", "JACK"], env, folder / "cache") as engine:
        engine.wait_takes()
        family = Family(engine.pid)
        engine.send("/cue/1/go")
        silent = [audio_gap(server, family, lambda: family.kill(AUDIO)) for _ in range(kills)]
        crashed = []
        for _ in range(kills if plugins else 0):
            crashed.append(audio_gap(server, family, lambda: engine.send("/strip/tone/insert/1/fuse", 1.0)))
            engine.send("/strip/tone/insert/1/fuse", 0.0)
            engine.send("/plugins/retry", FUSE)
            time.sleep(SHORT_SECONDS)
        away = []
        for _ in range(max(1, kills // 2)):
            time.sleep(SHORT_SECONDS)
            away.append(control_gap(engine, family))
    return silent, crashed, away


def crashing_plugin(folder: Path) -> Path | None:
    """Return a folder with a plug-in that crashes when its fuse is lit; None where it can't be built."""
    try:
        return lay_out(folder / "vst3", "CrashProcessing")
    except pytest.skip.Exception as why:
        NOTES.print(str(why))
        return None


def audio_gap(server: JackServer, family: Family, end: Callable[[], object]) -> float:
    """End the playing process and return for how many ms nothing was heard."""
    wait_for_standby(family)
    time.sleep(SHORT_SECONDS)  # what dies sooner, again and again, is given up
    with JackRecorder(server) as recorder:
        recorder.listen_to("cuevox")
        recorder.wait_frames(4800)
        end()
        connecting = threading.Thread(target=reconnect, args=(recorder,))
        connecting.start()
        connecting.join()
        recorder.wait_frames(4800)
        heard = np.abs(recorder.audio()[:, 0]) > LOUD
    loud = np.flatnonzero(heard)
    gap = int(np.diff(loud).max())
    NOTES.print(f"silent for {gap / 48:.0f} ms")
    return gap / 48.0


def reconnect(recorder: JackRecorder) -> None:
    """Wait until the dead client is gone, then listen to the new one."""
    deadline = time.monotonic() + 5.0
    while recorder.hears("cuevox") and time.monotonic() < deadline:
        time.sleep(0.001)
    while time.monotonic() < deadline:
        try:
            recorder.listen_to("cuevox", look_seconds=0.001)
        except jack.JackError:
            time.sleep(0.001)  # its ports are not all there yet
        else:
            return


def wait_for_standby(family: Family) -> None:
    """Wait until a standby is there and has had time to get ready."""
    deadline = time.monotonic() + READY_SECONDS
    while len(family.running(AUDIO)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    standby = family.running(AUDIO)[-1]
    used = -1.0
    while time.monotonic() < deadline and (now := sum(standby.cpu_times()[:2])) != used:
        used = now
        time.sleep(1.0)


def control_gap(engine: Cuevox, family: Family) -> float:
    """Kill control and return how many seconds it takes until it answers again."""
    family.kill(CONTROL)
    began = time.monotonic()
    while True:
        try:
            engine.status(patience_seconds=0.05)  # a question that the dying one took is never answered
        except (OSError, RuntimeError):
            time.sleep(0.005)
            continue
        away = time.monotonic() - began
        NOTES.print(f"control was away for {away:.2f} s")
        return away


if __name__ == "__main__":
    main()
