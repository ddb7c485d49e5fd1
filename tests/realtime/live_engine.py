"""A real audio process under test: shared memory, the process, control's link to it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.mixer.graph import Graph
from engine.platform import spawn
from engine.realtime.link import AudioLink
from engine.realtime.records import Kind, records
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.realtime.status import Status

PATIENCE_SECONDS = 60.0
"""For waits that end as soon as what they wait for has happened."""


class LiveEngine:
    """Starts ``python -m engine.realtime.audio_process``; a context manager that leaves nothing behind."""

    def __init__(
        self, graph: Graph, *, device: str | None = "null", memory: EngineMemory | None = None, **config: Any
    ) -> None:
        self._owns_memory = memory is None
        self.memory = memory or EngineMemory.create(
            MemoryConfig(commands=64, reports=4096, timeline_clips=64, arena_bytes=4 << 20)
        )
        self.link = AudioLink(self.memory)
        self._config = {
            "memory": self.memory.describe(),
            "graph": msgspec.to_builtins(graph),
            "sample_rate": 48000,
            "device": device,
            **config,
        }
        self.heard: list[NDArray[Any]] = []

    def __enter__(self) -> LiveEngine:
        self.process = spawn(
            [sys.executable, "-m", "engine.realtime.audio_process"],
            self.memory.handles,
            env={"CUEVOX_PARENT_PID": str(os.getpid())},
        )
        self.answer = self.tell(self._config)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.close_input()  # a killed client would hold up its JACK server
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            if self._owns_memory:
                self.memory.close()

    def tell(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a line and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(message) + b"\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Return the next answer; what its ports are connected to, it tells by itself."""
        assert self.process.stdout is not None
        answer: dict[str, Any] = {"patch": {}}
        while answer.keys() == {"patch"}:
            answer = msgspec.json.decode(self.process.stdout.readline())
        return answer

    def close_input(self) -> int:
        """Say good-bye and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_SECONDS)

    def load(self, audio: NDArray[np.float32]) -> int:
        """Put ``audio`` into the arena and return its offset."""
        offset = self.link.arena.allocate(audio.size)
        self.memory.arena.view(np.float32)[offset : offset + audio.size] = audio.reshape(-1)
        return offset

    def start_player(
        self, player: int, audio: NDArray[np.float32], offset: int, frame: int = -1, **fields: Any
    ) -> None:
        """Push one START_PLAYER."""
        record = records(1)
        record["kind"], record["player"], record["serial"], record["frame"] = Kind.START_PLAYER, player, player, frame
        record["offset"], record["length"], record["channels"] = offset, len(audio), audio.ndim
        record["gain"] = 1.0
        for name, value in fields.items():
            record[name] = value
        assert self.link.push(record) == 1

    def wait(self, happened: Callable[[Status], bool]) -> Status:
        """Wait until a status says so; gather reports meanwhile."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.heard.append(self.link.reports())
            status = self.link.status()
            if happened(status):
                return status
            assert self.process.poll() is None, f"the audio process ended with {self.process.returncode}"
            assert time.monotonic() < deadline, f"waited in vain; last status: {status}"
            time.sleep(0.005)

    def reports(self, kind: int) -> NDArray[Any]:
        """Return every report of ``kind`` heard so far."""
        self.heard.append(self.link.reports())
        heard = np.concatenate(self.heard)
        return heard[heard["kind"] == kind]
