"""How many players sound at once until the callback takes 60 % of the period, against scsynth's PlayBuf synths."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import time
from pathlib import Path

import jack

sys.path.insert(0, str(Path(__file__).parents[2]))

from callback_rig import RATE, VARISPEED, Rig, clip_frames, graph, noise, starts
from jack_clients import StallWatch
from report import NOTES, Report
from scsynth import Scsynth, player
from steps import most

from tests.jack_server import JackServer

PERIODS = (128, 256)
FILLED_SHARE = 0.6
SECONDS = 2.0
"""How long a number of players is looked at."""
MOST = 60_000
FIRST = 1500
SETTLE_SECONDS = 0.3
PLAIN_RATIO, VARISPEED_RATIO = 4.0, 1.0
BUFFER_SECONDS = 10
BUNDLE = 100
"""Synths that are started by one packet."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--period", type=int, action="append", help=f"JACK's period (default: {PERIODS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each step (default: {SECONDS:g})")
    options = parser.parse_args()
    for program in ("jackd", "scsynth", "cc"):
        if shutil.which(program) is None:
            sys.exit(f"bench_players needs {program}: tools/setup.sh all says what to install")
    jack.set_error_function(lambda _: None)  # a server that is not up yet is no news
    report = Report("players", "Players at once, one JACK server (dummy backend)")
    for period in options.period or PERIODS:
        server = JackServer(sample_rate=RATE, period=period, realtime=True, sync=False)
        server.start()
        try:
            with StallWatch(server.env) as watch:
                compare(report, server, watch, options.seconds)
        finally:
            server.stop()
    report.finish()


def compare(report: Report, server: JackServer, watch: StallWatch, seconds: float) -> None:
    """Add this period's figures."""
    with Scsynth(server.env, synths=MOST) as scsynth:
        scsynth.fill(noise()[: BUFFER_SECONDS * RATE])
        scsynth.load(player("looped", loop=True, gain=0.5))
        theirs = most(Synths(scsynth, watch, seconds), first=FIRST // 2, limit=MOST)
    note = "scsynth until its first xruns; ours until 60 % of the period"
    with Rig(server, graph(chains=False), max_players=MOST) as rig:
        cases = [("plain", PLAIN_RATIO, False)] + ([("varispeed", VARISPEED_RATIO, True)] if VARISPEED else [])
        for name, ratio, speed in cases:
            ours = most(Ours(rig, server.period, seconds, speed), first=FIRST, limit=MOST)
            report.add(f"{server.period}: {name} players", ours, "", reference=theirs, reference_name="scsynth",
                       at_least=ratio * theirs, note=note)  # fmt: skip
            report.add(f"{server.period}: the same, ratio", ours / theirs if theirs else math.nan, "×", at_least=ratio)


class Ours:
    """Tries numbers of our players."""

    def __init__(self, rig: Rig, period: int, seconds: float, speed: bool) -> None:
        self._rig, self._seconds, self._speed = rig, seconds, speed
        self._allowed_us = FILLED_SHARE * period / RATE * 1e6

    def __call__(self, count: int) -> bool:
        """Return whether ``count`` players leave enough of the period."""
        self._rig.silence()
        frames = clip_frames(self._seconds + 8.0, speed=self._speed)
        self._rig.add(starts(count, offset=self._rig.offset, frames=frames, speed=self._speed))
        self._rig.watch(SETTLE_SECONDS)
        times = self._rig.watch(self._seconds)
        NOTES.print(
            f"  {count} of ours: p50 {times.quantile(0.5):.0f}, p99 {times.quantile(0.99):.0f} of"
            f" {self._allowed_us:.0f} µs; {times.underflows} underflows"
        )
        return times.quantile(0.99) <= self._allowed_us


class Synths:
    """Tries numbers of scsynth's synths."""

    def __init__(self, scsynth: Scsynth, watch: StallWatch, seconds: float) -> None:
        self._scsynth, self._watch, self._seconds = scsynth, watch, seconds
        self._sounding = 0

    def __call__(self, count: int) -> bool:
        """Return whether ``count`` synths play without xruns that the machine had no part in."""
        if count < self._sounding:
            self._scsynth.send("/g_freeAll", 0)
            self._sounding = 0
        while self._sounding < count:
            for _ in range(min(BUNDLE, count - self._sounding)):
                self._scsynth.send("/s_new", "looped", -1, 0, 0)
                self._sounding += 1
            self._scsynth.sync()
        time.sleep(SETTLE_SECONDS)
        self._watch.take()
        time.sleep(self._seconds)
        stalls = self._watch.take()
        NOTES.print(f"  {count} of scsynth's: {stalls.xruns} xruns, {stalls.late} stalls of the machine")
        return stalls.xruns <= stalls.late


if __name__ == "__main__":
    main()
