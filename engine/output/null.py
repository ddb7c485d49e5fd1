"""An output without a device: the pace of one, kept by absolute deadlines, and nobody listening."""

from __future__ import annotations

import threading
import time

import numpy as np

from engine.output.base import Ready, Render, nothing_to_do


class Pace:
    """When blocks are due. It never drifts: a late block does not move the next one.

    After a stall the missed blocks are due at once; when they are more than ``GIVE_UP_SECONDS`` late, they are lost,
    as a device would lose them. Times are those of one monotonic clock.
    """

    GIVE_UP_SECONDS = 1.0

    def __init__(self, sample_rate: int, block_frames: int, origin_seconds: float) -> None:
        self.late_blocks = 0
        """Blocks that began more than a block after their time."""
        self._rate = sample_rate
        self._block_frames = block_frames
        self._origin_seconds = origin_seconds
        self._blocks = 0

    def next(self, now_seconds: float) -> tuple[float, bool]:
        """Return when the next block is due and whether frames were lost before it."""
        due = self._origin_seconds + self._blocks * self._block_frames / self._rate
        lost = now_seconds - due > self.GIVE_UP_SECONDS
        if lost:
            self._origin_seconds, self._blocks, due = now_seconds, 0, now_seconds
        self.late_blocks += lost or (now_seconds - due) * self._rate > self._block_frames
        self._blocks += 1
        return due, lost


class NullOutput:
    """Asks for a block whenever one would be due."""

    def __init__(self, sample_rate: int = 48000, block_frames: int = 256) -> None:
        self.name = "null"
        self.sample_rate = sample_rate
        self.block_frames = block_frames
        self.latency_frames = 0
        self.steady = True
        self.patch = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, render: Render, ready: Ready = nothing_to_do) -> None:
        """Begin to ask for blocks in a thread of its own."""
        self._stopping.clear()
        ready()
        self._thread = threading.Thread(target=self._run, args=(render,), name="null output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def answers(self) -> bool:
        """Return whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, render: Render) -> None:
        out = np.zeros((self.block_frames, 2), np.float32)
        pace = Pace(self.sample_rate, self.block_frames, time.monotonic())
        while not self._stopping.is_set():
            due, lost = pace.next(time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            render(out, due + time.time() - time.monotonic(), lost)
