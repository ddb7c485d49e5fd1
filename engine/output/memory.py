"""An output that is pulled by hand, block by block, on a clock that is exact: for tests and offline runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import NotReady
from engine.output.base import Ready, Render, nothing_to_do


class MemoryOutput:
    """Plays into arrays. Its clock starts at ``origin_seconds`` and runs at exactly the sample rate.

    channels: 2, or 4 to have private buses too.
    """

    def __init__(
        self, sample_rate: int = 48000, block_frames: int = 256, origin_seconds: float = 1.0e9, channels: int = 2
    ) -> None:
        self._channels = channels
        self.name = "memory"
        self.sample_rate = sample_rate
        self.block_frames = block_frames
        self.latency_frames = 0
        self.steady = True
        self.patch = None
        self.frame = 0
        self._origin_seconds = origin_seconds
        self._render: Render | None = None

    def start(self, render: Render, ready: Ready = nothing_to_do) -> None:
        """Take ``render``; nothing is asked for until ``pull``."""
        ready()
        self._render = render

    def stop(self) -> None:
        """Forget ``render``."""
        self._render = None

    def answers(self) -> bool:
        """Return True: its driver is the caller."""
        return True

    def pull(self, frames: int, *, lost: bool = False) -> NDArray[np.float32]:
        """Return the next ``frames``, asked for in blocks. Raises NotReady when stopped."""
        out = np.empty((frames, self._channels), np.float32)
        for start in range(0, frames, self.block_frames):
            self._pull_block(out[start : start + self.block_frames], lost and start == 0)
        return out

    def _pull_block(self, out: NDArray[np.float32], lost: bool) -> None:
        if self._render is None:
            raise NotReady("the memory output is stopped")
        self._render(out, self._origin_seconds + self.frame / self.sample_rate, lost)
        self.frame += len(out)
