"""Word times against voices whose own are known: how far off, how fast, in noise, and in a long recording.

Clean synthetic speech is easier than people are: these figures compare methods and guard against getting worse.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from align_truth import HELD_OUT, Spoken, ground_truth
from report import NOTES, Report, quantile

from engine.errors import EngineError
from engine.speech.align.heard import RATE, Span

Method = Callable[[np.ndarray, str], Sequence[Span]]
SNR_DB = 15.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the long recording")
    arguments = parser.parse_args()
    from engine.speech.align.sphinx import force
    from engine.speech.align.warp import warp

    report = Report("align", "Word times against synthesisers that know theirs")
    with tempfile.TemporaryDirectory() as folder:
        truth = ground_truth(Path(folder))
        voices = sorted({each.voice for each in truth})
        report.facts["voices"] = ", ".join(voices)
        report.facts["held out"] = HELD_OUT
        methods: dict[str, tuple[Method, float, float]] = {
            "pocketsphinx": (force, 10.0, 40.0),
            "dtw": (lambda audio, text: warp(audio, text, "en"), 12.0, 50.0),
        }
        for name, (method, median_ms, most_ms) in methods.items():
            method(truth[0].audio, truth[0].text)  # libraries are loaded and compiled
            _accuracy(report, name, method, truth, median_ms, most_ms)
        noisy = [_noisy(each, number) for number, each in enumerate(truth)]
        for name, (method, _, _) in methods.items():
            off, _ = _errors(method, noisy)
            bar = {"at_most": 15.0} if name == "pocketsphinx" else {}
            report.add(f"{name}, {SNR_DB:g} dB white noise: median", quantile(off, 0.5), "ms", **bar)
        _long(report, [each for each in truth if each.voice == HELD_OUT], arguments.minutes, Path(folder))
    report.finish()


def _accuracy(report: Report, name: str, method: Method, truth: list[Spoken], median_ms: float, most_ms: float) -> None:
    NOTES.print(f"measuring {name}")
    for part, chosen in (
        ("", truth),
        (f", held out ({HELD_OUT})", [each for each in truth if each.voice == HELD_OUT]),
    ):
        off, speed = _errors(method, chosen)
        report.add(f"{name}{part}: median", quantile(off, 0.5), "ms", at_most=median_ms, note=f"{len(off)} words")
        report.add(f"{name}{part}: 95 %", quantile(off, 0.95), "ms", at_most=most_ms, note=f"most {max(off):.0f} ms")
    report.add(f"{name}: speed", speed, "× real time", at_least=50.0, note="CPU time of one thread")
    for voice in sorted({each.voice for each in truth}):
        off, _ = _errors(method, [each for each in truth if each.voice == voice][::4])
        report.add(f"{name}, {voice}: median", quantile(off, 0.5), "ms", note=f"95 %: {quantile(off, 0.95):.0f} ms")


def _errors(method: Method, truth: list[Spoken]) -> tuple[list[float], float]:
    """Return how far off each word's start is, in ms, and how fast that was found."""
    off: list[float] = []
    begun = time.process_time()
    for each in truth:
        try:
            spans = method(each.audio, each.text)
        except EngineError as error:
            NOTES.print(f"{each.voice}: {error}")
            off += [1000.0 * each.seconds] * len(each.starts)
            continue
        off += [1000.0 * abs(s.start_seconds - start) for s, start in zip(spans, each.starts, strict=True)]
    return off, sum(each.seconds for each in truth) / (time.process_time() - begun)


def _noisy(each: Spoken, seed: int) -> Spoken:
    noise = np.random.default_rng(seed).standard_normal(len(each.audio)).astype(np.float32)
    power = float((each.audio**2).mean()) / 10.0 ** (SNR_DB / 10.0)
    return Spoken(each.voice, each.text, each.audio + noise * np.float32(np.sqrt(power)), each.starts)


def _long(report: Report, truth: list[Spoken], minutes: float, folder: Path) -> None:
    """Align a recording as long as that through the command line, in one process and in several, and one of a tenth."""
    short, one, several = (
        _aligned(truth, length, workers, folder)
        for length, workers in ((minutes / 10.0, 1), (minutes, 1), (minutes, None))
    )
    off, name = one.off, f"{minutes:g} minutes"
    report.add(f"{name}: median", quantile(off, 0.5), "ms", note=f"95 %: {quantile(off, 0.95):.0f} ms")
    report.add(f"{name}, one process: speed", 60.0 * minutes / one.seconds, "× real time", at_least=50.0)
    report.add(
        f"{name}, a process for each of {os.cpu_count()} cores: speed", 60.0 * minutes / several.seconds, "× real time",
        reference=60.0 * minutes / one.seconds, reference_name="one process", at_least=50.0,
    )  # fmt: skip
    report.add(
        f"{name}: memory", one.megabytes, "MB", reference=short.megabytes, reference_name="a tenth of it",
        at_most=short.megabytes + 100.0,
    )  # fmt: skip


class Long(msgspec.Struct, frozen=True):
    """What aligning a long recording took, and how far off each word's start is, in ms."""

    seconds: float
    megabytes: float
    off: list[float]


def _aligned(truth: list[Spoken], minutes: float, workers: int | None, folder: Path) -> Long:
    NOTES.print(f"aligning {minutes:g} minutes, processes: {workers or 'all'}")
    file, text, starts = _recording(truth, 60.0 * minutes, folder)
    command = [sys.executable, "-m", "bridge.cli.main", "align", str(file), "--text-file", str(text)]
    command += ["--workers", str(workers)] if workers else []
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.monotonic() - begun
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0  # of all so far: shorter ones come first
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    off = [1000.0 * abs(float(row[1]) - start) for row, start in zip(rows, starts, strict=True)]
    return Long(seconds, most, off)


def _recording(truth: list[Spoken], seconds: float, folder: Path) -> tuple[Path, Path, list[float]]:
    """Write sentences one after the other; return the file, its text, and when each word begins."""
    file, text = folder / "long.wav", folder / "long.txt"
    said, starts, at, number = [], [], 0.0, 0
    with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16") as out:
        while at < seconds:
            each = truth[number % len(truth)]
            out.write(each.audio)
            said.append(each.text)
            starts += [at + start for start in each.starts]
            at, number = at + each.seconds, number + 1
    text.write_text(" ".join(said))
    return file, text, starts


if __name__ == "__main__":
    main()
