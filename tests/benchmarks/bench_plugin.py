"""What Cuevox Return costs, and how quickly it is answered: `make bench-plugin`, ARGS="--seconds 60" (20 unless said).

ARGS="--soak 290" does nothing but count what is missed at 256 frames with two blocks of latency for so long. Beside it
a program in bare C is woken and answers at the same pace and priority, and looks at each core's clock: a block that was
missed while the host came late itself, or that program did, is the machine's.

A host that plays in real time asks for the mix of 8 tracks with effects and a reverb; how long the engine took is read
where both sides see it. The bounce is pedalboard's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pedalboard
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine.daw.layout import REQUESTS, SLOT, SLOTS_AT
from engine.platform import CALLBACK_PRIORITY
from tests.benchmarks.report import Report, quantile
from tests.benchmarks.wake_watch import Held, WakeWatch
from tests.daw.clap_host import ClapHost
from tests.daw.plugin_rig import built, serving
from tests.daw.system_calls import system_calls
from tests.signals import RATE, noise
from tests.whole.rig import running

LINK = f"bench-{os.getpid()}"
TRACKS = 8
SETTLE_BLOCKS = 200
BOUNCED_SECONDS = 20
COUNTED_BLOCKS = 400
SETTLED_SECONDS = 5.0
INSERTS = "    inserts: [highpass, compressor, gain: {gain_db: -3}]\n"
CLIP = "{audio: noise.wav, start: 0, gain_db: -12}"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--soak", type=float, default=0.0)
    given = parser.parse_args()
    report = Report("plugin", "Cuevox Return: 8 tracks with effects and a reverb, the mix")
    os.environ["CUEVOX_DAW_LINK"] = LINK
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(lay_out(folder), LINK):
            if given.soak:
                soak(report, folder, given.soak)
                report.finish()
                return
            for block, latency in ((64, 4), (128, 3), (256, 2), (256, 0)):
                measure(report, folder, block, latency, given.seconds)
            measure(report, folder, 256, 2, given.seconds, wakes="0")
            for wakes in ("1", "0") if shutil.which("strace") else ():
                count_calls(report, folder, wakes)
            bounce(report)
        by_our_own_driver(report, folder)
    report.finish()


def lay_out(folder: Path) -> Path:
    """Write the story that is played."""
    soundfile.write(folder / "noise.wav", noise(RATE * 50, level=0.1), RATE)
    tracks = "".join(
        f"  - id: t{number}\n{INSERTS}    sends: {{room: -12}}\n    clips: [{CLIP}]\n" for number in range(TRACKS)
    )
    path = folder / "story.yaml"
    room = "buses:\n  - id: room\n    inserts: [reverb]\n"
    path.write_text(f"kind: story\nversion: 1\ntitle: Bench\ntracks:\n{tracks}{room}")
    return path


def measure(report: Report, folder: Path, block: int, latency: int, seconds: float, wakes: str = "1") -> None:
    """Play in real time and gather what every request took."""
    slots = np.memmap(f"/dev/shm/{LINK}-{os.getuid()}", np.uint8, "r")[SLOTS_AT:].view(SLOT)
    took_us: list[float] = []
    inside: list[list[float]] = []
    with ClapHost(folder, LINK, name=f"host{block}", block=block, CUEVOX_DAW_WAKE=wakes) as host:
        host.do("pace", 1)
        host.do("param", 2, latency)
        host.connect()
        host.do("play")
        host.do("run", SETTLE_BLOCKS)
        slot = slots[int(np.flatnonzero(slots["host"] == host.process.pid)[0])]
        before, rounds = host.misses, max(1, round(seconds * RATE / block / SETTLE_BLOCKS))
        for _ in range(rounds):
            host.do("locate", 0)
            inside.append([float(word) for word in host.say("run", SETTLE_BLOCKS).split()[1:]])
            last = int(slot["taken_requests"])
            rows = np.arange(last - SETTLE_BLOCKS + 1, last) % REQUESTS
            spent = slot["answered_ns"][rows].astype(np.int64) - slot["request"]["asked_ns"][rows].astype(np.int64)
            took_us += (spent / 1000).tolist()
        missed = host.misses - before
    what = f"{block} frames" if latency else f"{block} frames, asked ahead"
    what += "" if wakes == "1" else ", the engine looks by itself"
    report.add(f"{what}: request to block, median", quantile(took_us, 0.5), "µs")
    report.add(f"{what}: p99", quantile(took_us, 0.99), "µs", note=f"a block lasts {block / RATE * 1e6:.0f} µs")
    report.add(f"{what}: longest", max(took_us), "µs")
    late = sum(row[2] > 2 * block / RATE * 1e6 for row in inside)
    report.add(
        f"{what}: missed of {rounds * SETTLE_BLOCKS}", missed, "blocks",
        note=f"at {latency} blocks of latency; in {late} of {rounds} rounds the host itself was held up for two blocks",
    )  # fmt: skip
    report.add(f"{what}: in the host's callback, median", quantile([row[0] for row in inside], 0.5), "µs")


def soak(report: Report, folder: Path, seconds: float, block: int = 256, latency: int = 2) -> None:
    """Play in real time and say whose each block is that was missed."""
    block_us = block / RATE * 1e6
    time_ns = 1000 * latency * block_us
    late: list[Held] = []
    answers: list[Held] = []
    missed: list[tuple[int, int]] = []
    asked, rounds = 0, max(1, round(seconds * RATE / block / SETTLE_BLOCKS))
    with (
        WakeWatch(folder, block_us, CALLBACK_PRIORITY, latency * block_us) as watch,
        ClapHost(folder, LINK, name="soak", block=block) as host,
    ):
        host.do("pace", 1)
        host.do("param", 2, latency)
        host.connect()
        host.do("play")
        host.do("run", SETTLE_BLOCKS)
        watch.take()
        for _ in range(rounds):
            host.do("locate", 0)
            host.do("run", SETTLE_BLOCKS)
            missed += host.missed()
            seen = watch.take()
            late, answers, asked = late + list(seen.late), answers + list(seen.missed), asked + seen.asked
    early = [at for at in missed if at[1] < time_ns - 500 * block_us]
    waits = [Held(at - spent, at) for at, spent in missed if (at, spent) not in early]
    shared = [each for each in waits if any(each.meets(held) for held in late + answers)]
    how = "" if seen.realtime else ", as the system grants no real-time priority,"
    what = f"{block} frames, {latency} blocks of latency, {rounds * SETTLE_BLOCKS} blocks"
    report.add(f"{what}: missed", len(missed), "blocks", note=f"bare C{how} missed {len(answers)} of {asked}")
    report.add(f"{what}: of them, the host itself came late and then early", len(early), "blocks")
    report.add(f"{what}: a core, or bare C, was held up at that time", len(shared), "blocks", note=f"{len(late)} times")
    report.add(f"{what}: neither", len(waits) - len(shared), "blocks", at_most=0)


def count_calls(report: Report, folder: Path, wakes: str) -> None:
    """Count what the host's audio thread asks of the system."""
    trace = folder / f"trace{wakes}"
    with ClapHost(folder, LINK, around=("strace", "-o", str(trace)), CUEVOX_DAW_WAKE=wakes) as host:
        host.connect()
        host.do("play")
        host.run(COUNTED_BLOCKS)
    calls = system_calls(trace)[-COUNTED_BLOCKS:]
    how = "woken by the plug-in" if wakes == "1" else "the engine looks by itself (CUEVOX_DAW_WAKE=0)"
    report.add(f"system calls for each block, {how}", len(calls) / COUNTED_BLOCKS, "calls", note=", ".join(set(calls)))


def by_our_own_driver(report: Report, folder: Path) -> None:
    """What a block of the same mix takes when a device's pace asks for it."""
    with running(folder / "story.yaml", "--device", "null") as rig:
        rig.wait_ready()
        rig.client.send("/transport/play")
        deadline = time.monotonic() + SETTLED_SECONDS
        while time.monotonic() < deadline:
            status = rig.client.ask("/status")
    block_us = 256 / RATE * 1e6
    report.add("256 frames by our own driver: a block, mean", status[4] * block_us, "µs")
    report.add("256 frames by our own driver: a block, longest lately", status[5] * block_us, "µs")


def bounce(report: Report) -> None:
    """Bounce offline."""
    plugin = pedalboard.load_plugin(str(built() / "CuevoxReturn.vst3"))
    plugin.transport = "From the start"
    silence = np.zeros((2, BOUNCED_SECONDS * RATE), np.float32)
    plugin.process(silence[:, :RATE], RATE, buffer_size=512)
    begun = time.perf_counter()
    plugin.process(silence, RATE, buffer_size=512)
    spent = time.perf_counter() - begun
    report.add("bounce in pedalboard, blocks of 512", BOUNCED_SECONDS / spent, "× real time", at_least=50)


if __name__ == "__main__":
    main()
