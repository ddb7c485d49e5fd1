"""pocket_tts at real size, random weights, beside the native pocket-tts package: first sound, speed, batches, memory.

Speed does not depend on what the weights are. Each measurement runs in a process of its own, with one thread for its
arithmetic (the native package decodes in a second one of its own). Then the same through the running engine, the memory
that voice and Whisper take together, whether unloading gives it back, and how quickly models are found on disk.
``--device cuda`` makes the table of a graphics device: fp32 and bf16, 1, 8 and 32 lines together, and its memory.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from report import NOTES, Report

BLOCK_MS = 1000 * 256 / 48_000
TOLD_MS = 4.0
"""After so long at most the engine has told that a line sounds."""

PRECISIONS = {"cpu": ("fp32", "int8", "bf16"), "cuda": ("fp32", "bf16")}
BARS = {"fp32": 0.9, "int8": 0.6}
"""Time to the first sound as a share of the native package's, on the CPU."""

EMBEDDED_MS = 15.0
SPARE_MB = 8.0
"""So much may be left after unloading."""

LINES = {"cpu": 8, "cuda": 32}
"""How many are spoken together at most."""

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="lines that are timed (default: 3)")
    parser.add_argument("--device", choices=PRECISIONS, default="cpu", help="where the models run (default: cpu)")
    parts = "native, fp32, bf16, int8, live, embedded, batches, unloading, together, found"
    parser.add_argument("--only", nargs="+", help=f"parts to measure: {parts}")
    parser.add_argument("--folder", type=Path, help="keep model and states there; a tiny model if it is named tiny")
    asked = parser.parse_args()
    device = asked.device
    where = "one thread" if device == "cpu" else graphics_device()
    name = "voices" if device == "cpu" else f"voices_{device}"
    report = Report(name, f"pocket_tts, random weights at real size, {where}, {asked.runs} lines each")
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(asked.folder or Path(temporary), asked.runs, device, asked.only)
        tell(report, bench)
    report.finish()


class Bench:
    """Measures what is asked for; each part in a process of its own."""

    def __init__(self, folder: Path, runs: int, device: str, only: list[str] | None) -> None:
        self.device, self._folder, self._runs, self._only = device, folder, runs, only

    def precisions(self) -> tuple[str, ...]:
        """Return those that are asked for, all unless some are named."""
        named = tuple(each for each in PRECISIONS[self.device] if self._only and each in self._only)
        return named or PRECISIONS[self.device]

    def measure(self, name: str, part: str, *options: str) -> Figures:
        """Return the figures of a part; none if it was not asked for or failed, which is told."""
        if self._only and name not in self._only:
            return {}
        NOTES.print(f"measuring: {part} {' '.join(options)}")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, str(Path(__file__).with_name("voice_parts.py")), part]
        command += ["--folder", str(self._folder), "--runs", str(self._runs), "--device", self.device, *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        figures = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not figures:  # the exit code says nothing: the native package's threads may fall over after the work
            NOTES.print(f"{part} {' '.join(options)} failed:\n{done.stderr[-4000:]}", markup=False)
            return {}
        measured: Figures = json.loads(figures[-1])
        return measured


def tell(report: Report, bench: Bench) -> None:
    cpu = bench.device == "cpu"
    native = bench.measure("native", "native")
    for precision in bench.precisions():
        if ours := bench.measure(precision, "speaking", "--precision", precision):
            tell_lines(report, precision, ours, native, BARS.get(precision) if cpu else None)
        if cpu and (live := bench.measure("live", "live", "--precision", precision)):
            tell_live(report, precision, live, native)
    if cpu and (said := bench.measure("embedded", "embedded")):
        tell_embedded(report, said)
    for precision in PRECISIONS[bench.device] if not cpu else ("fp32",):
        most = LINES[bench.device]
        figures = bench.measure("batches", "batches", "--precision", precision, "--most", str(most))
        if figures:
            tell_batches(report, precision, figures)
    for precision in bench.precisions():
        if freed := bench.measure("unloading", "unloading", "--precision", precision):
            tell_unloading(report, precision, freed, bench.device)
        if both := bench.measure("together", "together", "--precision", precision):
            tell_together(report, precision, both)
    if cpu and (times := bench.measure("found", "found")):
        tell_found(report, times)


def tell_lines(report: Report, precision: str, ours: Figures, native: Figures, share: float | None) -> None:
    bar = {"at_most": share * native["first"]} if share and native else {}
    beside = {"reference": native["first"], "reference_name": "native fp32"} if native else {}
    report.add(f"{precision}: time to the first sound, median", ours["first"], "ms", **beside, **bar)
    beside = {"reference": native["factor"], "reference_name": "native"} if native else {}
    report.add(f"{precision}: time per second of sound", ours["factor"], "s", **beside)
    report.add(f"{precision}: longest wait between chunks, of 80 to 320 ms", ours["gap"], "ms")
    note = f"weights {ours['weights']:.0f} MB"
    report.add(f"{precision}: memory of the whole process", ours["megabytes"], "MB", note=note)
    if ours["device"]:
        report.add(f"{precision}: memory on the device, reserved", ours["device"], "MB", note=note)


def tell_live(report: Report, precision: str, live: Figures, native: Figures) -> None:
    beside: dict[str, object] = {}
    if native:
        beside = {"reference": native["first"], "reference_name": "native's first chunk"}
        beside |= {"at_most": BARS["fp32"] * native["first"]}
    note = f"enough to begin with, {live['asked']:.0f} ms of sound, was there after {live['enough']:.0f} ms"
    say = f"{precision}: /say through the running engine"
    report.add(f"{say} to sound, median", live["sounded"], "ms", note=note, **beside)
    note = f"a block, and the {TOLD_MS:g} ms in which it is told"
    report.add(f"{say}: from enough to sound, median", live["late"], "ms", at_most=BLOCK_MS + TOLD_MS, note=note)
    report.add(f"{say}: the same, longest", live["latest"], "ms")
    report.add(f"{precision}: how often these lines ran dry", live["dry"], "", at_most=0)


def tell_embedded(report: Report, said: Figures) -> None:
    bar = BLOCK_MS + EMBEDDED_MS
    report.add("embedded voice: /say through the running engine to sound, median", said["sounded"], "ms", at_most=bar)
    report.add("embedded voice: how often these lines ran dry", said["dry"], "", at_most=0)


def tell_batches(report: Report, precision: str, figures: Figures) -> None:
    for lines in [name for name in figures if name.isdigit() and name != "1"]:
        bar = {"at_least": 1.8 * figures["1"]} if lines == "8" else {}
        report.add(
            f"{precision}: {lines} lines together, sound per second of work", figures[lines], "×",
            reference=figures["1"], reference_name="one by one", **bar,
        )  # fmt: skip
        if taken := figures[f"{lines} device"]:
            report.add(f"{precision}: {lines} lines together, most memory on the device", taken, "MB")


def tell_unloading(report: Report, precision: str, freed: Figures, device: str) -> None:
    beside = {"reference": freed["before"], "reference_name": "before it was loaded"}
    whole = f"{precision}: all processes" if device == "cpu" else f"{precision}: whole device"
    report.add(f"{precision}: the pool loads the model", freed["seconds"], "s")
    report.add(f"{whole}, the model loaded and warm", freed["loaded"], "MB", **beside)
    report.add(f"{whole}, after lines", freed["spoken"], "MB", note=f"told: {freed['told']:.0f}")
    report.add(f"{whole}, unloaded", freed["after"], "MB", **beside, at_most=freed["before"] + SPARE_MB)
    report.add(f"{precision}: 8 new lines of 6 s through the pool to takes", freed["work"], "s")


def tell_together(report: Report, precision: str, both: Figures) -> None:
    note = f"the voice by itself {both['voice']:.0f} MB; {both['workers']:.0f} workers; {both['words']:.0f} words heard"
    what = f"{precision}: pocket_tts and whisper-small, speaking and listening at once"
    report.add(what, both["most"], "MB", at_most=8000.0, note=note)


def tell_found(report: Report, times: Figures) -> None:
    report.add("a model is found on disk, the first time, median", times["first"], "ms", at_most=1.0)
    report.add("the same again, remembered, median", times["again"], "ms", at_most=1.0)


def graphics_device() -> str:
    """Return the name of the graphics device."""
    command = ["nvidia-smi", "--id=0", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None:
        sys.exit("this needs PyTorch: tools/setup.sh all")
    main()
