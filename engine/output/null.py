"""An output without a device: the pace of one, kept by absolute deadlines, and nobody listening."""

from __future__ import annotations

import threading
import time

import numpy as np

from engine.output.base import Render


class NullOutput:
    """Asks for a block whenever one would be due. It never drifts: a late block does not move the next one.

    After a stall it catches up at once; frames that are more than ``GIVE_UP_SECONDS`` late are lost, as a device
    would lose them.
    """

    GIVE_UP_SECONDS = 1.0

    def __init__(self, sample_rate: int = 48000, block_frames: int = 256) -> None:
        self.name = "null"
        self.sample_rate = sample_rate
        self.block_frames = block_frames
        self.latency_frames = 0
        self.late_wakeups = 0
        """Blocks that began more than a block after their time."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, render: Render) -> None:
        """Begin to ask for blocks in a thread of its own."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(render,), name="null output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, render: Render) -> None:
        out = np.zeros((self.block_frames, 2), np.float32)
        origin, blocks = time.monotonic(), 0
        while not self._stopping.is_set():
            due = origin + blocks * self.block_frames / self.sample_rate
            late = time.monotonic() - due
            if late < 0.0:
                time.sleep(-late)
            lost = late > self.GIVE_UP_SECONDS
            if lost:
                origin, blocks = time.monotonic(), 0
                due = origin
            self.late_wakeups += late * self.sample_rate > self.block_frames
            render(out, due + (time.time() - time.monotonic()), lost)
            blocks += 1
