"""The real engine, `cuevox run`, as benchmarks start and question it: from outside, over OSC."""

from __future__ import annotations

import itertools
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pythonosc.osc_message import OscMessage
from scsynth import message

from bridge.routes import ROUTES

CUEVOX = [sys.executable, "-m", "bridge.cli.main"]
START_SECONDS = 120.0
ANSWER_SECONDS = 3.0

STATUS_NAMES = tuple(
    word.partition(":")[2] for row in ROUTES if row.address == "/status" for word in row.answers.split()
)


class Cuevox:
    """A running engine; use it as a context manager. ``env`` is added to the environment."""

    def __init__(self, story: Path, arguments: Sequence[str], env: dict[str, str], cache: Path) -> None:
        command = [*CUEVOX, "run", str(story), "--osc-port", "0", *arguments]
        self.log = story.with_name("cuevox.log")
        self._started = time.monotonic()
        self._requests = itertools.count(1)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={
                    **os.environ,
                    **env,
                    "CUEVOX_CACHE_DIR": str(cache),
                    "CUEVOX_DATA_DIR": str(cache / "data"),
                    "CUEVOX_HTTP_PORT": "0",
                    "XDG_CONFIG_HOME": str(story.parent),
                },
                stdout=subprocess.PIPE,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def __enter__(self) -> Cuevox:
        try:
            self.facts = self._wait_ready()
        except BaseException:
            self.stop()
            raise
        self.ready_seconds = time.monotonic() - self._started
        self.port = int(self.facts["osc_port"])
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", self.port))
        self._socket.settimeout(ANSWER_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()
        self.stop()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def send(self, address: str, *arguments: int | float | str | bytes) -> None:
        """Send a message and go on."""
        self._socket.send(message(address, *arguments))

    def ask(self, address: str, *arguments: int | float | str | bytes) -> list[Any]:
        """Return what the engine answers. Raises RuntimeError with its own words."""
        request = next(self._requests)
        self.send("/req", request, address, *arguments)
        while True:
            answer = OscMessage(self._socket.recv(65536))
            if answer.address == f"/reply{address}" and answer.params[0] == request:
                if answer.params[1] != "ok":
                    raise RuntimeError(f"{address}: {answer.params[1:]}")
                return list(answer.params[2:])

    def status(self, patience_seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Return the engine's status by name."""
        self._socket.settimeout(patience_seconds)
        return dict(zip(STATUS_NAMES, self.ask("/status"), strict=True))

    def wait_takes(self, seconds: float = 60.0) -> float:
        """Wait until every take can be played; return how long after the start that was."""
        deadline = time.monotonic() + seconds
        while (status := self.status())["takes_ready"] < status["takes_wanted"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"takes are not there after {seconds:g} s: {status}")
            time.sleep(0.005)
        return time.monotonic() - self._started

    def wait_slot(self, bank: str, index: int, seconds: float = 60.0) -> None:
        """Wait until a slot can be fired."""
        deadline = time.monotonic() + seconds
        while (state := self.ask(f"/slot/{bank}/{index}/state")[0]) != "ready":
            if time.monotonic() > deadline:
                raise RuntimeError(f"slot {bank} {index} is {state} after {seconds:g} s")
            time.sleep(0.005)

    def _wait_ready(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        readable = select.select([self._process.stdout], [], [], START_SECONDS)[0]
        line = self._process.stdout.readline() if readable else b""
        if not line.startswith(b"{"):
            raise RuntimeError(f"cuevox run did not start; its log:\n{self.log.read_text()}")
        facts: dict[str, Any] = json.loads(line)["ready"]
        return facts
