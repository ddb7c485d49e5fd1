"""The whole callback at 128 frames: 256 players (64 start at once), chains, reverb, ducking, meters, limiter."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import jack

sys.path.insert(0, str(Path(__file__).parents[2]))

from callback_rig import (
    CLIP_SECONDS,
    LOOK_SECONDS,
    RATE,
    TRACKS,
    VARISPEED,
    Rig,
    Times,
    clip_frames,
    graph,
    starts,
    unshared,
)
from jack_clients import StallWatch, like_work
from report import NOTES, Report, quantile
from stages import STAGES, measure_stages

from engine.platform import Grant, raise_priority
from tests.jack_server import JackServer

PERIOD = 128
PLAYERS, STARTING = 256, 64
WAVE_SECONDS = 0.1
"""How often 64 players start together; they end just before the next 64 do."""
SECONDS = 20.0
ALLOWED_SHARE = 0.25
PERIOD_US = PERIOD / RATE * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each case (default: {SECONDS:g})")
    seconds: float = parser.parse_args().seconds
    for program in ("jackd", "cc"):
        if shutil.which(program) is None:
            sys.exit(f"bench_callback needs {program}: tools/setup.sh all says what to install")
    jack.set_error_function(lambda _: None)  # a server that is not up yet is no news
    report = Report("callback", f"The callback's time at {PERIOD} frames, of {PERIOD_US:,.0f} µs")
    server = JackServer(sample_rate=RATE, period=PERIOD, realtime=True, sync=False)
    server.start()
    try:
        with StallWatch(server.env) as watch, Rig(server, graph(chains=True), max_players=1024) as rig:
            play(report, rig, watch, "no players", seconds / 4, players=0)
            play(report, rig, watch, f"{PLAYERS} players", seconds, players=PLAYERS)
            if VARISPEED:
                play(report, rig, watch, f"{PLAYERS} varispeed players", seconds, players=PLAYERS, speed=True)
            else:
                NOTES.print("players of this engine have one speed: the varispeed case is left out")
        whole_us = shares(report)
        bare(report, server, whole_us, seconds)
    finally:
        server.stop()
    report.finish()


def play(
    report: Report, rig: Rig, watch: StallWatch, what: str, seconds: float, *, players: int, speed: bool = False
) -> None:
    """Measure one case: what sounds all the time, and waves of players that start in one block."""
    NOTES.print(f"{what} …")
    waves = Waves(rig, speed) if players else None
    if players:
        rig.add(
            starts(players - STARTING, offset=rig.offset, frames=clip_frames(seconds + 5, speed=speed), speed=speed)
        )
    watch.take()
    times = rig.watch(seconds, waves.play if waves else lambda _: None)
    stalls, ducked_db = watch.take(), rig.reduction_db
    rig.silence()
    add(report, what, times, bar=bool(players))
    report.add(f"{what}: the strip that is ducked most", ducked_db, "dB")
    note = f"{times.underflows} in all, {stalls.late} stalls of the machine; {times.seen_percent:.0f} % of blocks seen"
    report.add(f"{what}: underflows that the machine had no part in", unshared(times, stalls), "", at_most=0, note=note)


class Waves:
    """Starts players together, again and again."""

    def __init__(self, rig: Rig, speed: bool) -> None:
        self._rig, self._due = rig, 0.0
        self._block = starts(STARTING, offset=rig.offset, frames=round((WAVE_SECONDS - 0.01) * RATE), speed=speed)

    def play(self, now: float) -> None:
        if now >= self._due:
            self._due = now + WAVE_SECONDS
            self._rig.push(self._block)


def add(report: Report, what: str, times: Times, *, bar: bool) -> None:
    for name, share in (("median", 0.5), ("p99", 0.99), ("max", 1.0)):
        at_most = ALLOWED_SHARE * PERIOD_US if bar and share == 0.99 else None
        us = times.quantile(share)
        report.add(f"{what}: {name}", us, "µs", reference=PERIOD_US, reference_name="the period", at_most=at_most,
                   note=f"{100 * us / PERIOD_US:.1f} % of the period")  # fmt: skip


def bare(report: Report, server: JackServer, hot_us: float, seconds: float) -> None:
    """Measure bare C of as much work, which begins with cold caches as well after each wait; nothing of ours runs."""
    NOTES.print("bare C of as much work …")

    def wait() -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(LOOK_SECONDS)  # as often as ours is looked at

    hot_us, times = like_work(server.env, hot_us, CLIP_SECONDS * RATE, wait)
    note = f"{hot_us:.0f} µs without waits"
    for name, share in (("median", 0.5), ("p99", 0.99)):
        report.add(f"bare C of as much work: {name}", quantile(times, share), "µs", reference=PERIOD_US,
                   reference_name="the period", note=note)  # fmt: skip


def shares(report: Report) -> float:
    """Add where the time goes, measured in this process: the same mixer pulled block by block; return a block's µs."""
    NOTES.print("stages …")
    grant: Grant = raise_priority()
    report.facts["stages measured"] = f"in the benchmark's own process, {grant.reason}"
    whole, parts = measure_stages(graph(chains=True), PERIOD, PLAYERS)
    note = f"of {whole:.0f} µs, {PLAYERS} players on {TRACKS} strips"
    for name in STAGES:
        report.add(f"share of {name}", 100 * parts[name] / whole, "%", note=f"{parts[name]:.0f} µs {note}")
    return whole


if __name__ == "__main__":
    main()
