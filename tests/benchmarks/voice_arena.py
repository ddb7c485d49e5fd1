"""The clip arena of a running engine, looked at from outside: when a line in the making was enough to begin with."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from engine.realtime.memory import Segment
from engine.realtime.stream import AHEAD, EXPECTED, MAKING, READY, SHARE, TOTAL, WHOLE

WORKER = "engine.voices.worker"
LOOK_SECONDS = 0.0005
HEADER_WORDS = 8
PATIENCE_SECONDS = 60.0


class Arena:
    """Maps what a voice worker has mapped; only Linux lets a parent do so."""

    def __init__(self, engine_pid: int) -> None:
        family = psutil.Process(engine_pid).children(recursive=True)
        worker = next(child for child in family if {WORKER, "--arena"} <= set(child.cmdline()))
        command = worker.cmdline()
        handle, size = map(int, command[command.index("--arena") + 1 :][:2])
        segment = Segment.attach(os.open(f"/proc/{worker.pid}/fd/{handle}", os.O_RDWR), size)
        self._words = segment.view(np.int64).reshape(-1, HEADER_WORDS)

    def making(self) -> np.ndarray | None:
        """Return the header of the line that is being made."""
        found = np.flatnonzero(self._words[:, TOTAL] == MAKING)
        return self._words[found[0]] if len(found) else None


class Look(threading.Thread):
    """Looks for the next line, from ``start`` on. enough_at: when a player could begin, as ``time.perf_counter``."""

    def __init__(self, arena: Arena) -> None:
        super().__init__(name="look", daemon=True)
        self._arena = arena
        self.enough_at = 0.0
        self.asked_frames = 0

    def run(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        header = None
        while time.monotonic() < deadline:
            if header is None:
                header = self._arena.making()
            elif self._enough(*header.tolist()):
                self.enough_at = time.perf_counter()
                return
            time.sleep(LOOK_SECONDS)

    def _enough(self, *header: int) -> bool:
        self.asked_frames = header[AHEAD] + header[EXPECTED] * header[SHARE] // WHOLE
        return header[TOTAL] != MAKING or header[READY] >= self.asked_frames
