"""The tests' own CLAP host, driven from Python: a DAW with nothing but a transport."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType

import numpy as np

from bridge.plugin.build import SOURCES
from tests.daw.plugin_rig import Audio, built
from tests.signals import RATE

SOURCE = Path(__file__).parent / "hosts" / "clap_host.cpp"
BUS, TRANSPORT, BLOCKS_OF_LATENCY, INPUT_DB, OFFLINE, STATUS, MISSES, ENGINE_RATE, FAILED = range(9)
STATUSES = (
    "connected", "another rate", "another host", "elsewhere", "no bus", "no engine", "another version", "full",
)  # fmt: skip
WAIT_SECONDS = 60.0
AT_ONCE, REAL_TIME, ANSWERED = range(3)
"""How a host goes on: without looking at the clock; by it; once the engine has answered, which no stall disturbs."""


@functools.cache
def compiled() -> Path:
    """Return the host's program, compiled if it has changed."""
    folder = built().parent
    program = folder / "clap_host"
    newest = max(path.stat().st_mtime for path in (SOURCE, *SOURCES.glob("*.h*")))
    if not program.exists() or program.stat().st_mtime < newest:
        headers = folder / "dpf" / "distrho" / "src"
        command = ["g++", "-std=c++17", "-O2", f"-I{headers}", f"-I{SOURCES}", str(SOURCE), "-o", str(program), "-ldl"]
        subprocess.run(command, check=True)
    return program


class ClapHost:
    """A host process with one instance; a context manager. Raises AssertionError where it answers something else."""

    def __init__(
        self, folder: Path, link: str, *, name: str = "host", block: int = 256, rate: int = RATE, midi: bool = False,
        around: tuple[str, ...] = (), **env: str,
    ) -> None:  # fmt: skip
        plugin = built() / f"CuevoxReturn{'MIDI' if midi else ''}.clap"
        self.block = block
        self._out = folder / f"{name}.raw"
        self.frames = 0
        """How many it has run."""
        command = [*around, str(compiled()), str(plugin), str(rate), str(block), str(self._out)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "CUEVOX_DAW_LINK": link, **env},
        )  # fmt: skip

    def __enter__(self) -> ClapHost:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        code = self.process.wait(WAIT_SECONDS)
        self.process.stdout.close()
        assert kind is not None or code == 0, f"the host ended with {code}"

    def say(self, *words: object) -> str:
        """Tell it one thing and return what it answers."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer, f"the host died of {words}: {self.process.poll()}"
        return answer

    def do(self, *words: object) -> None:
        """Tell it one thing that can't go wrong."""
        answer = self.say(*words)
        assert answer.split()[0] == "ok", answer

    def run(self, blocks: int) -> Audio:
        """Return the sound of the next blocks, (frames, 2)."""
        self.do("run", blocks)
        frames = blocks * self.block
        sound = np.fromfile(self._out, np.float32, 2 * frames, offset=8 * self.frames).reshape(-1, 2)
        self.frames += frames
        assert len(sound) == frames
        return sound

    def missed(self) -> list[tuple[int, int]]:
        """Return for each block of the last run that came too late when, and how much time there was, both in ns."""
        words = [int(word) for word in self.say("missed").split()[1:]]
        return list(zip(words[::2], words[1::2], strict=True))

    def tell(self) -> list[float]:
        """Return the latency, whether it wants to be started again, all parameters, and ``shown``."""
        return [float(word) for word in self.say("tell").split()]

    def text(self, param: int, value: int) -> str:
        """Return what a value of a parameter is called."""
        return self.say("text", param, value).removeprefix("ok").strip()

    def value(self, param: int, text: str) -> float:
        """Return which value of a parameter is called so."""
        return float(self.say("value", param, text).removeprefix("ok "))

    @property
    def shown(self) -> int:
        """How often the plug-in had it look at texts again."""
        return int(self.tell()[-1])

    @property
    def latency_frames(self) -> int:
        return int(self.tell()[0])

    @property
    def status(self) -> str:
        return STATUSES[int(self.tell()[2 + STATUS])]

    @property
    def misses(self) -> float:
        return self.tell()[2 + MISSES]

    @property
    def has_failed(self) -> bool:
        return self.tell()[2 + FAILED] > 0.5

    def connect(self) -> None:
        """Ask for sound until the engine answers."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            self.do("run", 1)
            self.frames += self.block
            if self.status == "connected":
                return
        raise AssertionError(f"no engine: {self.status}")
