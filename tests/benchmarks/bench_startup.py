"""From the command to the ready line of `cuevox run`, with the embedded voice, and what `cuevox --help` takes."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import jack
from report import NOTES, Report, quantile
from running import CUEVOX, Cuevox

sys.path.insert(0, str(Path(__file__).parents[1]))
from jack_server import JackServer

RUNS = 5
READY_SECONDS = 2.0
LINES = 20
BARE = [sys.executable, "-c", "import asyncio, numpy"]
"""The least that a program with an event loop and arrays takes: the reference."""

STORY = """\
kind: story
version: 1
title: Start
tracks:
  - id: narrator
    voice: narrator
    clips:
      - {id: line-0, start: 0, say: "Line nought."}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how often each (default: {RUNS})")
    runs: int = parser.parse_args().runs
    report = Report("startup", f"From the command to ready, {runs} times each")
    bare = timed(BARE, runs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with device() as (env, arguments):
            start(folder, env, arguments)  # kernels, byte code and takes are there from now on
            warm = [start(folder, env, arguments) for _ in range(runs)]
            cold = [start(folder, env, arguments, fresh=True) for _ in range(runs)]
        null = [start(folder, {}, ["--device", "null"]) for _ in range(runs)]
    beside = {"reference": quantile(bare, 0.5), "reference_name": "python + numpy"}
    add(report, f"cuevox run to ready ({'JACK' if env else 'null output'})", [s.ready for s in warm], beside, bar=True)
    add(report, "the same, no take in the cache", [s.ready for s in cold], beside, bar=True)
    add(report, f"the same until its {LINES} lines can be played", [s.takes for s in cold], beside)
    add(report, "cuevox run to ready (null output)", [s.ready for s in null], beside, bar=True)
    add(report, "cuevox --help", timed([*CUEVOX, "--help"], runs), beside)
    report.finish()


class Start:
    """When an engine was ready, and when all of its takes were."""

    def __init__(self, engine: Cuevox) -> None:
        self.ready = engine.ready_seconds
        self.takes = engine.wait_takes()


def start(folder: Path, env: dict[str, str], arguments: Sequence[str], *, fresh: bool = False) -> Start:
    """Start an engine and stop it again; ``fresh``: without takes in its cache."""
    story, cache = folder / "story.yaml", folder / "cache"
    clips = [f'      - {{id: line-{n}, start: after + 0.2, say: "Line number {n}."}}\n' for n in range(1, LINES)]
    story.write_text(STORY + "".join(clips))
    if fresh:
        shutil.rmtree(cache, ignore_errors=True)
    with Cuevox(story, arguments, env, cache) as engine:
        return Start(engine)


@contextlib.contextmanager
def device() -> Iterator[tuple[dict[str, str], list[str]]]:
    """Return environment and arguments that lead an engine to a JACK server, or to the null output without one."""
    if shutil.which("jackd") is None:
        NOTES.print("no jackd here: the null output is measured")
        yield {}, ["--device", "null"]
        return
    jack.set_error_function(lambda _: None)  # a server that is not up yet is no news
    server = JackServer(sync=False)
    server.start()
    try:
        yield server.env, ["--device", "system"]
    finally:
        server.stop()


def timed(command: Sequence[str], runs: int) -> list[float]:
    """Return how many seconds ``command`` took each time; once more before, so that its files are in memory."""
    seconds = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - begun)
    return seconds[1:]


def add(report: Report, what: str, seconds: list[float], beside: dict[str, object], *, bar: bool = False) -> None:
    at_most = READY_SECONDS if bar else None
    note = f"max {max(seconds):.2f} s"
    report.add(f"{what}, median", quantile(seconds, 0.5), "s", at_most=at_most, note=note, **beside)


if __name__ == "__main__":
    main()
