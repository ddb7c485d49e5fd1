"""Hundreds of knobs at once: what blocks take while a snapshot of the mix glides, at 256 and 128 frames.

    make bench-knobs

A core as in the audio process, asked for a block once a period, so that caches are as cold as there. Twenty strips of
five effects each play a clip; snapshots turn every knob of all hundred within a second.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from report import NOTES, Report, quantile

from engine.mixer.effects import EFFECTS
from engine.mixer.graph import compile_graph
from engine.platform import raise_priority
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.records import Kind, records
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.story.model import Effect, Story, Strip, Track

RATE = 48000
TRACKS = 20
EFFECTS_EACH = ("highpass", "peak", "peak", "compressor", "lowpass")
FADE_SECONDS = 1.0
SNAPSHOTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snapshots", type=int, default=SNAPSHOTS, help=f"how many (default: {SNAPSHOTS})")
    snapshots: int = parser.parse_args().snapshots
    report = Report("knobs", f"Blocks while a snapshot turns every knob of {TRACKS * len(EFFECTS_EACH)} inserts")
    report.facts["priority"] = raise_priority().reason
    for period in (256, 128):
        NOTES.print(f"{period} frames …")
        measure(report, period, snapshots)
    report.finish()


def measure(report: Report, period: int, snapshots: int) -> None:
    """Add rows for one size of blocks."""
    memory = EngineMemory.create(MemoryConfig(commands=4096, reports=4096, timeline_clips=8, arena_bytes=1 << 24))
    core, link = AudioCore(memory, compile_graph(story()), sample_rate=RATE, max_players=64), AudioLink(memory)
    try:
        link.push(players(link, memory))
        play(core, link, 1.0, period)
        rest = play(core, link, 2.0, period)
        moving: list[float] = []
        for number in range(snapshots):
            link.push(snapshot(0.3 + 0.4 * (number % 2)))
            moving += play(core, link, FADE_SECONDS + 0.5, period)
            play(core, link, 1.5, period)
            core.tidy()
        knobs = len(snapshot(0.5))
    finally:
        memory.close()
    period_us = period / RATE * 1e6
    for what, times in (("at rest", rest), (f"{knobs} knobs glide", moving)):
        for name, share in (("median", 0.5), ("p99", 0.99), ("longest", 1.0)):
            us = quantile(times, share)
            report.add(
                f"{period}: {what}: {name}", us, "µs", reference=period_us, reference_name="the period",
                note=f"{100 * us / period_us:.0f} % of the period",
            )  # fmt: skip


def play(core: AudioCore, link: AudioLink, seconds: float, period: int) -> list[float]:
    """Ask for blocks in real time; return what each took, in µs."""
    times = []
    due = time.perf_counter()
    for _ in range(round(seconds * RATE / period)):
        begun = time.perf_counter()
        core.render(period)
        times.append((time.perf_counter() - begun) * 1e6)
        link.reports()
        due += period / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
    return times


def story() -> Story:
    inserts = tuple(Effect(effect=name) for name in EFFECTS_EACH)
    return Story(title="knobs", tracks=tuple(Track(id=f"t{n}", strip=Strip(inserts=inserts)) for n in range(TRACKS)))


def players(link: AudioLink, memory: EngineMemory) -> NDArray[np.void]:
    """Return the starts of a clip on every strip, which is played over and over."""
    frames = 10 * RATE
    offset = link.arena.allocate(frames)
    memory.arena.view(np.float32)[offset : offset + frames] = np.random.default_rng(1).uniform(-0.1, 0.1, frames)
    told = records(TRACKS)
    told["kind"], told["offset"], told["length"], told["channels"], told["gain"] = (
        Kind.START_PLAYER,
        offset,
        frames,
        1,
        1,
    )
    told["loop_frames"], told["loop_fade_frames"] = frames // 2, 240
    told["strip"], told["player"] = np.arange(TRACKS), np.arange(TRACKS) + 1
    return told


def snapshot(norm: float) -> NDArray[np.void]:
    """Return records that turn all knobs to ``norm``."""
    turned = [
        (strip, place, index, row.spec.from_norm(norm))
        for strip in range(TRACKS)
        for place, name in enumerate(EFFECTS_EACH)
        for index, row in enumerate(EFFECTS[name].params.values())
    ]
    told = records(len(turned))
    told["kind"], told["ramp_frames"] = Kind.SET_INSERT, round(FADE_SECONDS * RATE)
    told["strip"], told["index"], told["param"], told["value"] = np.array(turned).T
    return told


if __name__ == "__main__":
    main()
