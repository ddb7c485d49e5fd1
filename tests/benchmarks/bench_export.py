"""Export speed: eight tracks of ten minutes to one mix, dry against ``sox -m``, then with effects and with stems.

Every run is a process of its own, timed from its start to its exit: start-up, reading, mixing, measuring, writing,
hashing. ``--minutes 1`` makes it short.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2]))

from report import NOTES, Report

TRACKS, RATE, RUNS = 8, 48000, 2
CHAIN = ("highpass", "compressor", "peak")
CASES = {
    "dry": {},
    "limited": {"limiter": True},
    "effects": {"limiter": True, "effects": True},
    "stems": {"limiter": True, "stems": True},
}


def main() -> None:
    """Run the benchmark, or with --case one export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        export(arguments.folder, **CASES[arguments.case])
        return
    with tempfile.TemporaryDirectory(prefix="cuevox-bench-") as folder:
        measure(Path(folder), arguments.minutes)


def measure(folder: Path, minutes: float) -> None:
    """Fill ``folder`` with tracks, export them, print the table."""
    report = Report("export", f"Export: {TRACKS} tracks of {minutes:g} minutes, 24-bit stereo at 48 kHz")
    files = list(make_tracks(folder, round(minutes * 60 * RATE)))
    run_case(folder, "effects")  # compiled kernels and the disk cache are warm from here on
    sox_seconds = min(run_sox(files, folder / "sox.wav") for _ in range(RUNS)) if shutil.which("sox") else None
    dry_seconds, dry_megabytes = best(folder, "dry")
    report.add(
        "to one mix, dry", dry_seconds, "s", reference=sox_seconds, reference_name="sox -m",
        at_most=sox_seconds and 0.5 * sox_seconds, note="whole process; levels and SHA-256 included, which sox has not",
    )  # fmt: skip
    report.add("memory of that, at its peak", dry_megabytes, "MB", at_most=150.0)
    limited_seconds, _ = best(folder, "limited")
    report.add("to one mix, with the true-peak limiter", limited_seconds, "s")
    for case, what, bar in (
        ("effects", f"{' + '.join(CHAIN)} per track, reverb send, limiter", 100.0),
        ("stems", f"{TRACKS} stems and the mix, with the limiter", None),
    ):
        seconds, _ = best(folder, case)
        report.add(what, minutes * 60 / seconds, "× real time", at_least=bar)
    report.finish()


def make_tracks(folder: Path, frames: int) -> Iterator[Path]:
    """Write noise that swells like speech."""
    random = np.random.default_rng(0)
    for number in range(TRACKS):
        path = folder / f"track{number}.wav"
        with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_24") as file:
            for begin in range(0, frames, 10 * RATE):
                count = min(10 * RATE, frames - begin)
                swell = 0.025 - 0.023 * np.cos(np.arange(count) / RATE * 2 * np.pi)
                file.write((random.standard_normal((count, 2)) * swell[:, None]).astype(np.float32))
        yield path


def best(folder: Path, case: str) -> tuple[float, float]:
    """Return the shorter time of the runs of ``case``, and the larger memory, in MB."""
    runs = [run_case(folder, case) for _ in range(RUNS)]
    return min(seconds for seconds, _ in runs), max(megabytes for _, megabytes in runs)


def run_case(folder: Path, case: str) -> tuple[float, float]:
    """Export in a process of its own; return its wall time in seconds and its peak memory in MB."""
    NOTES.print(f"export: {case}")
    command = [sys.executable, __file__, "--case", case, "--folder", str(folder)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds, json.loads(done.stdout)["peak_bytes"] / 1e6


def run_sox(files: list[Path], out: Path) -> float:
    """Mix with sox; return its wall time in seconds."""
    NOTES.print("sox -m")
    started = time.perf_counter()
    subprocess.run(["sox", "-m", *map(str, files), str(out)], check=True, capture_output=True)
    return time.perf_counter() - started


def export(folder: Path, *, limiter: bool = False, effects: bool = False, stems: bool = False) -> None:
    """Export the tracks in ``folder`` and print this process's peak memory as JSON."""
    import resource

    from engine.export.exporter import export_story
    from engine.export.options import ExportOptions
    from engine.render.cache import TakeCache
    from engine.story.model import At, Bus, Clip, Effect, Master, Send, Story, Strip, Track

    chain = tuple(Effect(effect=name) for name in CHAIN) if effects else ()
    strip = Strip(inserts=chain, sends=(Send(to="room", gain_db=-12.0),) if effects else ())
    room = Bus(id="room", strip=Strip(inserts=(Effect(effect="reverb", params={"dry_level": 0.0}),)))
    tracks = tuple(
        Track(id=f"t{n}", strip=strip, clips=(Clip(id=f"c{n}", start=At(frame=0), audio=f"track{n}.wav"),))
        for n in range(TRACKS)
    )
    export_story(
        Story(
            title="Benchmark",
            sample_rate=RATE,
            tracks=tracks,
            buses=(room,) if effects else (),
            master=Master(limiter_db=-1.0 if limiter else None),
        ),
        base_folder=folder,
        takes={},
        cache=TakeCache(folder / "cache"),
        out_folder=folder / "out" / str(time.time_ns()),
        options=ExportOptions(formats=("stems",) if stems else ("mix",), overview=False),
    )
    shutil.rmtree(folder / "out")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(json.dumps({"peak_bytes": peak_kib * (1 if sys.platform == "darwin" else 1024)}))


if __name__ == "__main__":
    main()
