"""OSC in to first sample: `cuevox run` against scsynth on one JACK server. What is measured, and why so: README.md."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jack
import msgspec
import numpy as np
import soundfile
from jack_clients import Series, StallWatch, Target, probe
from report import NOTES, Report
from running import Cuevox
from scsynth import Scsynth, message, player

sys.path.insert(0, str(Path(__file__).parents[1]))
from jack_server import JackServer

from engine.realtime.causes import CAUSES

RATE = 48000
PERIODS = (128, 256)
ALLOWED_MS = 0.15
"""What a Python engine may add to scsynth's latency."""
LOADED_RATIO = 1.2
FADER_MOVES_PER_SECOND = 2000
TAG_AHEAD_MS = 60.0
SAY_MS = 15.0
VOICE = "narrator"
MOST_LINES = 2000
"""Texts that are there: shots that are repeated must not meet a line that was spoken before."""
SOUND_LEVEL = 1e-4
"""-80 dBFS: speech is heard from here on."""

TRIGGER = message("/slot/a/1/trigger", 1.0)
PULSE = np.full(64, 0.5, np.float32)
STORY = """\
kind: story
version: 1
title: Latency
sample_rate: {rate}
tracks:
  - id: pulse
    clips:
      - {{id: pulse, start: 0, audio: pulse.wav}}
  - id: speech
master:
  limiter_db: {limiter}
slots:
  - {{bank: a, index: 1, clip: pulse, mode: layer}}
"""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How often each thing is measured."""

    shots: int = 2000
    loaded: int = 800
    limited: int = 300
    pairs: int = 70
    lines: int = 40


QUICK = Counts(shots=300, loaded=200, limited=100, pairs=20, lines=15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the shots")
    parser.add_argument("--period", type=int, action="append", help=f"JACK's period (default: {PERIODS})")
    options = parser.parse_args()
    for program in ("jackd", "scsynth", "cc"):
        if shutil.which(program) is None:
            sys.exit(f"bench_latency needs {program}: tools/setup.sh all says what to install")
    jack.set_error_function(lambda _: None)  # a server that is not up yet is no news
    report = Report("latency", "OSC in to first sample: cuevox beside scsynth, one JACK server (dummy backend)")
    realtime = realtime_granted()
    report.facts["jackd"] = "real-time" if realtime else "without real-time scheduling: figures mean little"
    for period in options.period or PERIODS:
        with tempfile.TemporaryDirectory() as folder:
            Bench(report, period, realtime, Path(folder), QUICK if options.quick else Counts()).run()
    report.finish()


def realtime_granted() -> bool:
    """Whether the system lets us use SCHED_FIFO."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except (AttributeError, OSError):
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


class Bench:
    """All passes at one period."""

    def __init__(self, report: Report, period: int, realtime: bool, folder: Path, counts: Counts) -> None:
        self.report, self.period, self.counts, self.folder = report, period, counts, folder
        self.server = JackServer(sample_rate=RATE, period=period, realtime=realtime, sync=False)
        self.causes: Counter[str] = Counter()
        self.unshared = 0
        soundfile.write(folder / "pulse.wav", PULSE, RATE, subtype="FLOAT")

    def run(self) -> None:
        self.server.start()
        try:
            with StallWatch(self.server.env) as self.watch, Scsynth(self.server.env) as self.scsynth:
                self.scsynth.fill(PULSE)
                self.scsynth.load(player("pulse"))
                self.scsynth.load(player("exact", exact=True))
                with self.engine("off") as engine:
                    engine.wait_slot("a", 1)
                    unloaded = self.shots(engine)
                    self.loaded(engine, unloaded)
                    self.tags(engine)
                    self.say(engine)
                with self.engine("-1") as engine:
                    engine.wait_slot("a", 1)
                    self.limited(engine, unloaded)
        finally:
            self.server.stop()
        self.tell_unshared()

    def engine(self, limiter: str) -> Cuevox:
        """Return an engine with that ``limiter_db``, not started yet."""
        story = self.folder / f"limiter{limiter}.yaml"
        story.write_text(STORY.format(rate=RATE, limiter=limiter))
        arguments = ["--device", "system", "--block", str(self.period)]
        return Cuevox(story, arguments, self.server.env, self.folder / "cache")

    def shots(self, engine: Cuevox) -> Series:
        """Both engines in turn."""
        with self.watching("shots", engine):
            ours, theirs = self.both(engine, "pulse", self.counts.shots)
        for name, share in (("median", 0.5), ("p99", 0.99), ("max", 1.0)):
            self.beside(f"latency, {name}", ours.latency_ms(share), theirs.latency_ms(share))
        for name, share in (("median", 0.5), ("p99", 0.99)):
            bar = theirs.added_ms(share) + ALLOWED_MS
            what = f"latency beyond the wait for the next period, {name}"
            self.beside(what, ours.added_ms(share), theirs.added_ms(share), at_most=bar)
        for name, share in (("median", 0.5), ("p99", 0.99), ("max", 1.0)):
            what = f"each shot's onset after the next cycle's start, {name}"
            self.beside(what, ours.excess_ms(share, RATE), theirs.excess_ms(share, RATE))
        self.beside("the same, mean", ours.mean_excess_ms(RATE), theirs.mean_excess_ms(RATE))
        self.beside("shots that missed the next cycle", ours.late_percent, theirs.late_percent, unit="%")
        note = f"of {self.counts.shots}"
        self.beside("shots without a sound", ours.misses, theirs.misses, unit="", at_most=0, note=note)
        return ours

    def loaded(self, engine: Cuevox, unloaded: Series) -> None:
        """Ours again while another process moves a fader."""
        with self.flood(engine), self.watching("shots beside fader moves", engine):
            series = self.ours(engine, [TRIGGER], self.counts.loaded)
        note = f"{series.misses} without a sound, {engine.status()['dropped_packets']} packets dropped"
        for name, share in (("median", 0.5), ("p99", 0.99)):
            quiet = unloaded.latency_ms(share)
            bar = LOADED_RATIO * quiet if share == 0.5 else None
            what = f"latency beside {FADER_MOVES_PER_SECOND} fader moves/s, {name}"
            self.beside(what, series.latency_ms(share), quiet, name="unloaded", at_most=bar, note=note)

    def tags(self, engine: Cuevox) -> None:
        """Pairs of time-tagged starts, both engines in turn."""
        with self.watching("time tags", engine):
            ours, theirs = self.both(engine, "exact", self.counts.pairs, ahead_ms=TAG_AHEAD_MS)
        note = f"mean {ours.tag_bias:+.2f}, theirs (OffsetOut) {theirs.tag_bias:+.2f}"
        for name, share, bar in (("median", 0.5, 1.0), ("p99", 0.99, 2.0)):
            what = f"time-tagged start off by, {name}"
            self.beside(what, ours.tag_error(share), theirs.tag_error(share), unit="frames", at_most=bar, note=note)
        note = f"of {len(ours.pairs)}; {ours.misses} without a sound"
        self.beside("time-tagged pairs not exactly apart", ours.uneven, theirs.uneven, unit="", at_most=0, note=note)

    def say(self, engine: Cuevox) -> None:
        """A new line each time: nothing of it is in a cache."""
        lines = [message("/say", VOICE, f"Attention, boat {n} of the day.", "speech") for n in range(MOST_LINES)]
        cut = message("/panic", 0.005)
        with self.watching("lines", engine):
            series = self.ours(engine, lines, self.counts.lines, warm=2, level=SOUND_LEVEL, quiet_ms=60.0, cut=cut)
        bar = 1000 * self.period / RATE + SAY_MS
        note = f"{series.misses} without a sound"
        for name, share in (("median", 0.5), ("p95", 0.95), ("max", 1.0)):
            at_most = bar if share == 0.5 else None
            self.add(f"/say of a new line to sound, {name}", series.latency_ms(share), "ms", at_most=at_most, note=note)

    def limited(self, engine: Cuevox, unlimited: Series) -> None:
        """What the master's limiter adds: its look-ahead, no more."""
        with self.watching("shots through the limiter", engine):
            series = self.ours(engine, [TRIGGER], self.counts.limited)
        note = "the difference is its look-ahead"
        self.beside("latency with the limiter on, median", series.latency_ms(0.5), unlimited.latency_ms(0.5),
                    name="off", note=note)  # fmt: skip

    def ours(self, engine: Cuevox, messages: Sequence[bytes], shots: int, **options: Any) -> Series:
        """Shoot at cuevox alone; ``options``: the probe's."""
        return self._probe([self._target(engine, messages)], shots, options)["cuevox"]

    def both(self, engine: Cuevox, synth: str, shots: int, **options: Any) -> tuple[Series, Series]:
        """Shoot at cuevox and scsynth in turn."""
        start = message("/s_new", synth, -1, 0, 0)
        port = self.scsynth.port
        reference = Target(name="scsynth", port=port, source=self._source("SuperCollider"), messages=(start,))
        series = self._probe([self._target(engine, [TRIGGER]), reference], shots, options)
        return series["cuevox"], series["scsynth"]

    def add(self, what: str, value: float, unit: str, **more: Any) -> None:
        """Add a figure of this period."""
        self.report.add(f"{self.period}: {what}", value, unit, **more)

    def beside(
        self, what: str, value: float, other: float, *, unit: str = "ms", name: str = "scsynth", **more: Any
    ) -> None:
        """Add a figure with its reference."""
        self.add(what, value, unit, reference=other, reference_name=name, **more)

    @contextlib.contextmanager
    def watching(self, what: str, engine: Cuevox) -> Iterator[None]:
        """Count the engine's underflows, less the stalls that a bare client saw too."""
        NOTES.print(f"{self.period} frames: {what} …")
        self.watch.take()
        before = _causes(engine)
        yield
        causes = _causes(engine) - before
        stalls = self.watch.take()
        underflows = causes.total()
        self.causes += causes
        self.unshared += max(0, underflows - stalls.late)
        NOTES.print(
            f"  {stalls.cycles} cycles; stalls of the machine: {stalls.late}, longest {stalls.longest_us} µs;"
            f" xruns of the server: {stalls.xruns}; underflows of cuevox: {underflows}"
        )

    def tell_unshared(self) -> None:
        """Add how many underflows the bare client did not see, and what all of them came from."""
        causes = ", ".join(f"{count} {cause.replace('_', ' ')}" for cause, count in self.causes.most_common())
        note = f"of {self.causes.total()}: {causes}" if causes else "of 0"
        self.add("underflows that the machine had no part in", self.unshared, "", at_most=0, note=note)

    @contextlib.contextmanager
    def flood(self, engine: Cuevox) -> Iterator[None]:
        """Have another process move a fader all the time."""
        arguments = [str(engine.port), "/strip/pulse/gain", str(FADER_MOVES_PER_SECOND)]
        process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("flood.py")), *arguments])
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def _probe(self, targets: Sequence[Target], shots: int, options: dict[str, Any]) -> dict[str, Series]:
        series = probe(self.server.env, targets, self.folder, shots=shots, **options)
        NOTES.print("  shots repeated because the machine stood still:", sum(s.stalls for s in series.values()))
        return series

    def _target(self, engine: Cuevox, messages: Sequence[bytes]) -> Target:
        return Target(name="cuevox", port=engine.port, source=self._source("cuevox"), messages=tuple(messages))

    def _source(self, client: str) -> str:
        """Return the first port that ``client`` plays from."""
        with self.server.client("look") as look:
            return str(look.get_ports(f"^{client}:", is_audio=True, is_output=True)[0].name)


def _causes(engine: Cuevox) -> Counter[str]:
    """Return how many underflows came from what so far."""
    return Counter(dict(zip(CAUSES, engine.ask("/engine/underflows"), strict=True)))


if __name__ == "__main__":
    main()
