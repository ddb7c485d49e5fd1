"""Shots for minutes while a voice renders with torch on one thread and 2000 OSC messages a second come in.

    make bench-load                        # ten minutes at 256 frames
    make bench-load ARGS="--minutes 2 --tiny"

First shots at an engine that does nothing else; then, in the same engine, with lines of a pocket_tts voice at real size
(random weights) spoken one after the other on a strip that is muted, and another process moving a fader. Beside it all
a bare C client that looks at the clock: what that saw late, too, is the machine's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jack
from bench_latency import FADER_MOVES_PER_SECOND, LOADED_RATIO, PULSE, RATE, TRIGGER, Bench, Counts, realtime_granted
from jack_clients import Series, StallWatch
from report import Report
from running import Cuevox
from soundfile import write
from voice_live import WARM_SECONDS, wait_warm
from voice_parts import TEXT, settings_for

from bridge.client import OscClient

PERIOD = 256
SHOTS_A_ROUND = 200
VOICE = "p"
STORY = """\
kind: story
version: 1
title: Load
sample_rate: {rate}
tracks:
  - id: pulse
    clips:
      - {{id: pulse, start: 0, audio: pulse.wav}}
  - {{id: speech, mute: true}}
master:
  limiter_db: {limiter}
slots:
  - {{bank: a, index: 1, clip: pulse, mode: layer}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long under load (default: 10)")
    parser.add_argument("--tiny", action="store_true", help="a tiny model, to try this out")
    asked = parser.parse_args()
    jack.set_error_function(lambda _: None)
    report = Report(
        "load", f"{asked.minutes:g} minutes of shots beside a rendering voice and fader moves, {PERIOD} frames"
    )
    with tempfile.TemporaryDirectory(prefix="tiny" if asked.tiny else None) as folder:
        LoadBench(report, realtime_granted(), Path(folder), asked.minutes).run()
    report.finish()


class LoadBench(Bench):
    """Two passes of the latency's bench: at rest, and under load."""

    def __init__(self, report: Report, realtime: bool, folder: Path, minutes: float) -> None:
        super().__init__(report, PERIOD, realtime, folder, Counts())
        self._seconds = 60.0 * minutes
        self.spoken = self.failed = 0

    def run(self) -> None:
        """Measure and tell."""
        self.server.start()
        try:
            with StallWatch(self.server.env) as self.watch, self._engine() as engine:
                engine.wait_slot("a", 1)
                wait_warm(engine, VOICE)
                with self.watching("shots, nothing else going on", engine):
                    unloaded = self.ours(engine, [TRIGGER], self.counts.shots)
                self._tell(self._under_load(engine), unloaded)
        finally:
            self.server.stop()

    def _engine(self) -> Cuevox:
        home = self.folder
        voices, story = home / "voices", home / "story.yaml"
        voices.mkdir()
        preset = {"kind": "voice", "version": 1, "name": "P", "backend": "pocket"}
        (voices / f"{VOICE}.yaml").write_text(json.dumps({**preset, "settings": settings_for(home, "fp32", "cpu")}))
        story.write_text(STORY.format(rate=RATE, limiter="off"))
        write(home / "pulse.wav", PULSE, RATE, subtype="FLOAT")
        env = {**self.server.env, "CUEVOX_VOICES_DIR": str(voices), "CUEVOX_PRELOAD": VOICE, "OMP_NUM_THREADS": "1"}
        return Cuevox(story, ["--device", "system", "--block", str(PERIOD)], env, home / "cache")

    def _under_load(self, engine: Cuevox) -> Series:
        """Shoot in rounds until the time is over."""
        rounds: list[Series] = []
        end = time.monotonic() + self._seconds
        with self.flood(engine), self._speech(engine), self.watching("shots under load", engine):
            while time.monotonic() < end:
                rounds.append(self.ours(engine, [TRIGGER], SHOTS_A_ROUND))
        shots = [shot for series in rounds for shot in series.shots]
        return Series(shots=shots, pairs=[], misses=sum(r.misses for r in rounds), stalls=sum(r.stalls for r in rounds))

    @contextlib.contextmanager
    def _speech(self, engine: Cuevox) -> Iterator[None]:
        """Have one new line after the other spoken."""
        ended = threading.Event()
        thread = threading.Thread(target=self._speak, args=(engine.port, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _speak(self, port: int, ended: threading.Event) -> None:
        with OscClient(port=port) as client:
            while not ended.is_set():
                line = f"{TEXT[self.spoken % len(TEXT) :]}{TEXT[: self.spoken % len(TEXT)]}{self.spoken}"
                client.send("/say", VOICE, line, "speech")
                self._wait(client, ended)

    def _wait(self, client: OscClient, ended: threading.Event) -> None:
        """Wait until a line is made."""
        begun = time.monotonic()
        while not ended.is_set() and time.monotonic() - begun < WARM_SECONDS:
            select.select([client], [], [], 0.5)
            for news in client.pending():
                if news.address in ("/done", "/fail"):
                    self.spoken += 1
                    self.failed += news.address == "/fail"
                    return

    def _tell(self, loaded: Series, unloaded: Series) -> None:
        note = f"{len(loaded.shots)} shots, {self.spoken} lines, {FADER_MOVES_PER_SECOND} fader moves/s"
        for name, share in (("median", 0.5), ("p99", 0.99), ("longest", 1.0)):
            rest = unloaded.latency_ms(share)
            bar = LOADED_RATIO * rest if share == 0.5 else None
            self.beside(f"latency, {name}", loaded.latency_ms(share), rest, name="unloaded", at_most=bar, note=note)
        self.add("shots without a sound", loaded.misses, "", at_most=0)
        self.add("lines that failed", self.failed, "", at_most=0)
        self.tell_unshared()


if __name__ == "__main__":
    main()
