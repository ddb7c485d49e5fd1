"""Export speed: eight tracks of ten minutes to one mix, dry against ``sox -m``, then with effects and with stems.

Every run is a process of its own, timed from its start to its exit: start-up, reading, mixing, measuring, writing,
hashing. ``--minutes 1`` makes it short. Beside the runs with effects stand the same effects without Cuevox, in a loop
over a block in memory: what Pedalboard takes on this machine, and what its two processors give together.
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
from contextlib import contextmanager
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
    "long": {"times": 4},
}
ALONE_SECONDS, BLOCK_FRAMES = 60, 16384
PYDUB_SHARE = 0.2
SESSION_CLIPS, SESSION_TRACKS, SESSION_SECONDS = 10_000, 20, 5.0


def main() -> None:
    """Run the benchmark, or with --case one export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(arguments.cores))
    if arguments.case == "alone":
        run_alone(arguments.core)
        return
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
    run_case(folder, "limited")  # compiled kernels and the disk cache are warm from here on
    sox_seconds = min(run_sox(files, folder / "sox.wav") for _ in range(RUNS)) if shutil.which("sox") else None
    dry_seconds, dry_megabytes = best(folder, "dry", times=RUNS)
    report.add(
        "to one mix, dry", dry_seconds, "s", reference=sox_seconds, reference_name="sox -m",
        at_most=sox_seconds and 0.5 * sox_seconds, note="whole process; levels and SHA-256 included, which sox has not",
    )  # fmt: skip
    report.add("memory of that, at its peak", dry_megabytes, "MB", at_most=150.0)
    _, long_megabytes = best(folder, "long")
    report.add("the same, four times as long", long_megabytes, "MB", at_most=150.0)
    limited_seconds, _ = best(folder, "limited")
    report.add("to one mix, with the true-peak limiter", limited_seconds, "s")
    stems_seconds, stems_megabytes = best(folder, "stems", times=RUNS)
    report.add(
        f"to {TRACKS} stems and the mix, with the limiter", stems_seconds, "s", reference=sox_seconds,
        reference_name="sox -m (one file)", at_most=sox_seconds and 1.5 * sox_seconds,
    )  # fmt: skip
    report.add("memory of that, at its peak", stems_megabytes, "MB", at_most=150.0)
    add_effects(report, folder, minutes)
    add_others(report, files, folder)
    add_sessions(report, folder)
    report.finish()


def add_effects(report: Report, folder: Path, minutes: float) -> None:
    """Export with effects on one core and on two, beside the effects alone."""
    seconds = {cores: best(folder, "effects", cores)[0] for cores in (1, 2)}
    alone = min(time_alone((0,)) for _ in range(RUNS))
    together = min(time_alone((0, 1)) for _ in range(RUNS))
    report.add(
        f"{' + '.join(CHAIN)} per track, reverb send, limiter; one core", minutes * 60 / seconds[1], "× real time",
        reference=ALONE_SECONDS / alone, reference_name="these effects alone", at_least=100.0,
    )  # fmt: skip
    report.add(
        "the same on two cores, against one", seconds[1] / seconds[2], "×", reference=2 * alone / together,
        reference_name="two processes of these effects alone", at_least=1.7,
    )  # fmt: skip


def time_alone(cores: tuple[int, ...]) -> float:
    """Run the effects alone on each of ``cores`` at once; return the longest time that one took, in seconds."""
    NOTES.print(f"effects alone, {len(cores)} at once")
    command = [sys.executable, __file__, "--case", "alone", "--core"]
    runs = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True) for core in cores]
    return max(float(run.communicate()[0]) for run in runs)


def run_alone(core: int) -> None:
    """Run a minute of noise through the benchmark's chains and its reverb, and print how long that took."""
    from engine.mixer.chain import Chain
    from engine.story.model import Effect

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    reverb = Chain((Effect(effect="reverb", params={"dry_level": 0.0}),), RATE, BLOCK_FRAMES)
    chains = [Chain(tuple(Effect(effect=name) for name in CHAIN), RATE, BLOCK_FRAMES) for _ in range(TRACKS)]
    noise = (np.random.default_rng(0).standard_normal((2, BLOCK_FRAMES)) * 0.025).astype(np.float32)
    started = time.perf_counter()
    for frame in range(0, ALONE_SECONDS * RATE, BLOCK_FRAMES):
        for chain in (*chains, reverb):
            chain.process(noise, frame)
    sys.stdout.write(str(time.perf_counter() - started))


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
        short = [cut_short(path, PYDUB_SHARE) for path in files]
        command = [sys.executable, "-c", code, str(folder / "p.wav"), *map(str, short)]
        report.add(
            "pydub overlay, beside it", timed(command) / PYDUB_SHARE, "s",
            note=f"measured on {PYDUB_SHARE:.0%} of the length",
        )  # fmt: skip


def cut_short(path: Path, share: float) -> Path:
    """Write the beginning of a file beside it; return where."""
    audio, rate = soundfile.read(path, dtype="int32", frames=round(soundfile.info(path).frames * share))
    short = path.with_name(f"short_{path.name}")
    soundfile.write(short, audio, rate, subtype="PCM_24")
    return short


def timed(command: list[str]) -> float:
    """Run a command and return its wall time in seconds."""
    NOTES.print(Path(command[0]).name)
    with clock() as spent:
        subprocess.run(command, check=True, capture_output=True)
    return spent[0]


@contextmanager
def clock() -> Iterator[list[float]]:
    """Give a list that holds the seconds that the block took, and say the processor time of its children."""
    spent: list[float] = []
    started, before = time.perf_counter(), os.times()
    yield spent
    spent.append(time.perf_counter() - started)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    NOTES.print(f"    {spent[0]:.2f} s, {processor:.2f} s of a processor")


def add_sessions(report: Report, folder: Path) -> None:
    """Write every session format for a story of many clips, each in a process of its own."""
    from engine.export.sessions.registry import SESSIONS

    for name in SESSIONS:
        seconds, _ = best(folder, name, times=RUNS if name in ("aaf", "dawproject", "live") else 1)
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
    with clock() as spent:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return spent[0], json.loads(done.stdout)["peak_bytes"] / 1e6


def run_sox(files: list[Path], out: Path) -> float:
    """Mix with sox; return its wall time in seconds."""
    return timed(["sox", "-m", *map(str, files), str(out)])


def export(folder: Path, *, limiter: bool = False, effects: bool = False, stems: bool = False, times: int = 1) -> None:
    """Export the tracks in ``folder``, so many times in a row, and print this process's peak memory as JSON."""
    import resource

    from engine.export.exporter import export_story
    from engine.export.options import ExportOptions
    from engine.render.cache import TakeCache
    from engine.story.model import At, Bus, Clip, Effect, Master, Send, Story, Strip, Track

    chain = tuple(Effect(effect=name) for name in CHAIN) if effects else ()
    strip = Strip(inserts=chain, sends=(Send(to="room", gain_db=-12.0),) if effects else ())
    room = Bus(id="room", strip=Strip(inserts=(Effect(effect="reverb", params={"dry_level": 0.0}),)))
    frames = soundfile.info(folder / "track0.wav").frames
    tracks = tuple(
        Track(
            id=f"t{n}",
            strip=strip,
            clips=tuple(Clip(id=f"c{n}-{t}", start=At(frame=t * frames), audio=f"track{n}.wav") for t in range(times)),
        )
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
