"""Export speed: eight tracks of ten minutes to one mix, dry against ``sox -m``, then with effects and with stems.

Every run is a process of its own, timed from its start to its exit: start-up, reading, mixing, measuring, writing,
hashing. ``--minutes 1`` makes it short.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
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
SESSION_CLIPS, SESSION_TRACKS, SESSION_SECONDS = 10_000, 20, 5.0


def main() -> None:
    """Run the benchmark, or with --case one export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(arguments.cores))
    if arguments.case in CASES:
        export(arguments.folder, **CASES[arguments.case])
        return
    if arguments.case:
        export_session(arguments.folder, arguments.case)
        return
    with tempfile.TemporaryDirectory(prefix="cuevox-bench-") as folder:
        measure(Path(folder), arguments.minutes)


def measure(folder: Path, minutes: float) -> None:
    """Fill ``folder`` with tracks, export them, print the table."""
    report = Report("export", f"Export: {TRACKS} tracks of {minutes:g} minutes, 24-bit stereo at 48 kHz")
    files = list(make_tracks(folder, round(minutes * 60 * RATE)))
    run_case(folder, "effects")  # compiled kernels and the disk cache are warm from here on
    sox_seconds = min(run_sox(files, folder / "sox.wav") for _ in range(RUNS)) if shutil.which("sox") else None
    dry_seconds, dry_megabytes = best(folder, "dry", times=RUNS)
    report.add(
        "to one mix, dry", dry_seconds, "s", reference=sox_seconds, reference_name="sox -m",
        at_most=sox_seconds and 0.5 * sox_seconds, note="whole process; levels and SHA-256 included, which sox has not",
    )  # fmt: skip
    report.add("memory of that, at its peak", dry_megabytes, "MB", at_most=150.0)
    limited_seconds, _ = best(folder, "limited")
    report.add("to one mix, with the true-peak limiter", limited_seconds, "s")
    stems_seconds, stems_megabytes = best(folder, "stems")
    report.add(
        f"to {TRACKS} stems and the mix, with the limiter", stems_seconds, "s", reference=sox_seconds,
        reference_name="sox -m (one file)", at_most=sox_seconds and 1.5 * sox_seconds,
    )  # fmt: skip
    report.add("memory of that, at its peak", stems_megabytes, "MB", at_most=150.0)
    for cores in (1, 2):
        seconds, _ = best(folder, "effects", cores)
        report.add(
            f"{' + '.join(CHAIN)} per track, reverb send, limiter; {cores} core{'s' * (cores > 1)}",
            minutes * 60 / seconds, "× real time", at_least=100.0 if cores == 1 else None,
        )  # fmt: skip
    add_others(report, files, folder)
    add_sessions(report, folder)
    report.finish()


def add_others(report: Report, files: list[Path], folder: Path) -> None:
    """Mix the same files with ffmpeg and with pydub, where they are installed."""
    if shutil.which("ffmpeg"):
        inputs = [part for path in files for part in ("-i", str(path))]
        command = ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", f"amix=inputs={len(files)}:normalize=0",
                   "-c:a", "pcm_s24le", str(folder / "ffmpeg.wav")]  # fmt: skip
        report.add("ffmpeg amix, beside it", timed(command), "s")
    code = (
        "import sys; from functools import reduce; from pydub import AudioSegment as A; "
        "reduce(lambda a, b: a.overlay(b), map(A.from_wav, sys.argv[2:])).export(sys.argv[1], format='wav')"
    )
    if importlib.util.find_spec("pydub"):
        report.add(
            "pydub overlay, beside it",
            timed([sys.executable, "-c", code, str(folder / "p.wav"), *map(str, files)]),
            "s",
        )


def timed(command: list[str]) -> float:
    """Run a command and return its wall time in seconds."""
    NOTES.print(command[0])
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def add_sessions(report: Report, folder: Path) -> None:
    """Write every session format for a story of many clips, each in a process of its own."""
    from engine.export.sessions.registry import SESSIONS

    for name in SESSIONS:
        seconds, _ = run_case(folder, name)
        what = f"{name}: {SESSION_CLIPS:,} clips on {SESSION_TRACKS} tracks, whole process"
        report.add(what, seconds, "s", at_most=SESSION_SECONDS)


def export_session(folder: Path, name: str) -> None:
    """Export a story of many short clips as one session format and print this process's peak memory as JSON."""
    import resource

    from engine.export.exporter import export_story
    from engine.export.options import ExportOptions
    from engine.render.cache import TakeCache
    from engine.story.model import At, Clip, Line, Story, Track
    from engine.voices.take import Take, Word

    cache, takes = TakeCache(folder / "cache"), {}
    for number in range(20):
        line = Line(text=f"Line {number} says four words", voice="narrator")
        words = tuple(
            Word(text=text, start_frame=4000 * n, end_frame=4000 * n + 4000, text_start=0, text_end=1)
            for n, text in enumerate(line.text.split())
        )
        takes[line] = Take(
            digest=f"{number:064x}", text=line.text, voice="narrator", sample_rate=RATE, frames=RATE // 2, channels=1,
            words=words,
        )  # fmt: skip
        cache.put(takes[line], np.zeros((RATE // 2, 1), np.float32))
    lines, each = list(takes), SESSION_CLIPS // SESSION_TRACKS
    tracks = tuple(
        Track(
            id=f"t{t}",
            clips=tuple(
                Clip(id=f"c{t}-{n}", start=At(frame=30000 * n + 7 * t), line=lines[(t + n) % 20], fade_in_frames=100)
                for n in range(each)
            ),
        )
        for t in range(SESSION_TRACKS)
    )
    export_story(
        Story(title="Many clips", sample_rate=RATE, tracks=tracks), base_folder=folder, takes=takes, cache=cache,
        out_folder=folder / "out" / name, options=ExportOptions(formats=(name,), overview=False),
    )  # fmt: skip
    shutil.rmtree(folder / "out")
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(json.dumps({"peak_bytes": peak_kib * (1 if sys.platform == "darwin" else 1024)}))


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


def best(folder: Path, case: str, cores: int | None = None, *, times: int = 1) -> tuple[float, float]:
    """Return the shorter time of the runs of ``case``, and the larger memory, in MB. cores: how many it may use."""
    runs = [run_case(folder, case, cores) for _ in range(times)]
    return min(seconds for seconds, _ in runs), max(megabytes for _, megabytes in runs)


def run_case(folder: Path, case: str, cores: int | None = None) -> tuple[float, float]:
    """Export in a process of its own; return its wall time in seconds and its peak memory in MB."""
    NOTES.print(f"export: {case}")
    command = [sys.executable, __file__, "--case", case, "--folder", str(folder)]
    command += ["--cores", str(cores)] if cores else []
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
