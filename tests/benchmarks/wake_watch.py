"""The machine beside an engine: `wake_watch.c`, which wakes and answers at the same pace, and what it saw late."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

import msgspec

SOURCE = Path(__file__).with_suffix(".c")


class Held(msgspec.Struct, frozen=True):
    """Something took until ``until_ns`` of the monotonic clock that had begun at ``since_ns``."""

    since_ns: int
    until_ns: int

    def meets(self, other: Held) -> bool:
        """Whether both were at the same time, for a moment at least."""
        return self.since_ns <= other.until_ns and other.since_ns <= self.until_ns


class Watched(msgspec.Struct, frozen=True):
    """late: when a core, or who asks, was held up. missed: answers of bare C that came too late, of so many asked."""

    late: tuple[Held, ...]
    missed: tuple[Held, ...]
    asked: int
    realtime: bool


class WakeWatch:
    """The program, at a priority, answering each period; too late is after a deadline. A context manager."""

    def __init__(self, folder: Path, period_us: float, priority: int, deadline_us: float) -> None:
        program = folder / "wake_watch"
        subprocess.run(["cc", "-O2", "-o", str(program), str(SOURCE), "-lpthread"], check=True)
        self._process = subprocess.Popen(
            [str(program), str(round(period_us)), str(priority), str(round(deadline_us))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> WakeWatch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def take(self) -> Watched:
        """Return what there was since the last call."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, list[Held]] = {"late": [], "miss": []}
        for line in self._process.stdout:
            what, *words = line.split()
            if what == "end":
                asked, realtime = map(int, words)
                return Watched(tuple(found["late"]), tuple(found["miss"]), asked, bool(realtime))
            until_ns = int(words[0])
            found[what].append(Held(until_ns - round(1000 * float(words[1])), until_ns))
        raise RuntimeError("wake_watch ended")
