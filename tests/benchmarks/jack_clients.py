"""The measuring JACK clients, written in C: compiled when they are older than their source."""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
from report import FOLDER, quantile

HERE = Path(__file__).parent


class BuildFailed(Exception):
    """The compiler or JACK's headers are missing."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An engine to shoot at. source: the JACK port that it plays into; messages: what starts a sound, in turn."""

    name: str
    port: int
    source: str
    messages: tuple[bytes, ...]


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One message and its sound; the next cycle is the first that began after it was sent."""

    sent_us: float
    next_frame: int
    next_us: float
    onset_frame: int
    onset_us: float

    @property
    def latency_ms(self) -> float:
        return (self.onset_us - self.sent_us) / 1000

    @property
    def wait_ms(self) -> float:
        """What nobody can save: the time until the next cycle."""
        return (self.next_us - self.sent_us) / 1000

    @property
    def excess_frames(self) -> int:
        """How far the onset is behind the next cycle's first frame; JACK's frame counter is 32 bits wide."""
        return (self.onset_frame - self.next_frame + 2**31) % 2**32 - 2**31


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two time-tagged starts: onset minus tag in frames, and how far their distance is off."""

    gap_frames: int
    first_error: float
    second_error: float
    spacing_error: int


class Series(msgspec.Struct, kw_only=True):
    """What the probe saw of one engine. ``share``: 0.5 is the median."""

    shots: list[Shot]
    pairs: list[Pair]
    misses: int = 0
    stalls: int = 0
    """Shots that were repeated because the machine stood still."""

    def latency_ms(self, share: float) -> float:
        """Return a quantile of the time from message to sound."""
        return quantile([shot.latency_ms for shot in self.shots], share)

    def added_ms(self, share: float) -> float:
        """Return what a quantile of the latency is above the same quantile of the bare wait for the next cycle."""
        return self.latency_ms(share) - quantile([shot.wait_ms for shot in self.shots], share)

    def excess_ms(self, share: float, rate: int) -> float:
        """Return a quantile of what each shot took beyond its own next cycle: whole periods, mostly none."""
        return quantile([shot.excess_frames * 1000 / rate for shot in self.shots], share)

    def mean_excess_ms(self, rate: int) -> float:
        return statistics.fmean(shot.excess_frames for shot in self.shots) * 1000 / rate

    @property
    def late_percent(self) -> float:
        """How many shots were heard in a later cycle than the next."""
        return 100 * statistics.fmean(shot.excess_frames > 0 for shot in self.shots)

    def tag_error(self, share: float) -> float:
        """Return a quantile of how far time-tagged starts are off, in frames."""
        return quantile([abs(error) for error in self._tag_errors()], share)

    @property
    def tag_bias(self) -> float:
        return statistics.fmean(self._tag_errors())

    @property
    def uneven(self) -> int:
        """How many pairs are not exactly as far apart as their tags."""
        return sum(pair.spacing_error != 0 for pair in self.pairs)

    def _tag_errors(self) -> list[float]:
        return [error for pair in self.pairs for error in (pair.first_error, pair.second_error)]


class Stalls(msgspec.Struct, frozen=True, kw_only=True):
    """What a bare JACK client noticed: cycles that began more than half a period late, the server's xruns."""

    cycles: int
    late: int
    xruns: int
    longest_us: int


def build(name: str) -> Path:
    """Compile ``name.c`` if need be and return the program. Raises BuildFailed saying what to install."""
    source, program = HERE / f"{name}.c", (FOLDER / name).resolve()
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-O2", "-Wall", "-o", str(program), str(source), "-ljack", "-lm", "-lpthread"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildFailed(f"no C compiler ({error}); Debian: apt install gcc libc6-dev libjack-jackd2-dev") from error
    if done.returncode:
        hint = "apt install gcc libc6-dev libjack-jackd2-dev"
        raise BuildFailed(f"{' '.join(command)}\n{done.stderr}\nNeeded (Debian): {hint}")
    return program


def probe(
    env: dict[str, str],
    targets: Sequence[Target],
    folder: Path,
    *,
    shots: int,
    warm: int = 20,
    ahead_ms: float = 0.0,
    level: float = 0.05,
    quiet_ms: float = 2.0,
    cut: bytes | None = None,
) -> dict[str, Series]:
    """Shoot at all targets in turn and return what was heard of each; see probe.c.

    ahead_ms: send time-tagged pairs that far ahead in place of plain messages. cut: sent after each onset.
    """
    command = [str(build("probe")), "-n", str(shots), "-w", str(warm), "-t", str(level), "-q", str(quiet_ms)]
    if ahead_ms:
        command += ["-a", str(ahead_ms)]
    if cut is not None:
        command += ["-c", str(_write(folder / "cut.osc", (cut,)))]
    for target in targets:
        path = _write(folder / f"{target.name}.osc", target.messages)
        command += [target.name, str(target.port), target.source, str(path)]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return _parse(done.stdout, [target.name for target in targets])


def _write(path: Path, messages: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(struct.pack(">I", len(message)) + message for message in messages))
    return path


def _parse(text: str, names: Sequence[str]) -> dict[str, Series]:
    series = {name: Series(shots=[], pairs=[]) for name in names}
    for line in text.splitlines():
        kind, *rest = line.split()
        if kind == "shot":
            name, sent, frame, us, onset, onset_us = rest
            shot = Shot(
                sent_us=float(sent),
                next_frame=int(frame),
                next_us=float(us),
                onset_frame=int(onset),
                onset_us=float(onset_us),
            )
            series[name].shots.append(shot)
        elif kind == "pair":
            name, gap, first, second, spacing = rest
            pair = Pair(
                gap_frames=int(gap),
                first_error=float(first),
                second_error=float(second),
                spacing_error=int(spacing),
            )
            series[name].pairs.append(pair)
        elif kind == "miss":
            series[rest[0]].misses += 1
        elif kind == "stall":
            series[rest[0]].stalls += 1
    return series


class StallWatch:
    """A bare JACK client that counts the machine's own stalls; use it as a context manager."""

    def __init__(self, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [build("stall_watch")],
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> StallWatch:
        self.take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def take(self) -> Stalls:
        """Return what happened since the last call."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if len(words := line.split()) == 4 and all(word.isdecimal() for word in words):  # libjack talks there too
                cycles, late, xruns, longest = map(int, words)
                return Stalls(cycles=cycles, late=late, xruns=xruns, longest_us=longest)
        raise RuntimeError("stall_watch ended")


def like_work(
    env: dict[str, str], hot_us: float, clip_frames: int, wait: Callable[[], None]
) -> tuple[float, list[float]]:
    """Return what callbacks of as much work take in bare C, in µs: without waits between them, and each on JACK.

    They go on until ``wait`` returns. See like_work.c.
    """
    process = subprocess.Popen(
        [build("like_work"), str(hot_us), str(clip_frames)],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    hot = process.stdout.readline()
    try:
        wait()
    finally:
        told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("like_work failed")
    return float(hot), [float(word) for word in told.split()]
