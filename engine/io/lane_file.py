"""LaneFile: one strip's recording, a WAV of 32-bit floats that anybody can read at any moment.

The header is brought up to date while it grows; what stands after it when the process is killed is sound, not loss.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.export.wav_header import wav_header

CHANNELS = 2
SAMPLE_BYTES = 4


class LaneFile:
    """A file that is written by frame; one that is there is gone on with. Raises OSError where the disk does."""

    def __init__(self, path: Path, sample_rate: int, channels: int = CHANNELS) -> None:
        self.path = path
        self._rate, self._channels = sample_rate, channels
        self._frame_bytes = SAMPLE_BYTES * channels
        self._file = path.open("r+b" if path.exists() else "x+b", buffering=0)
        self._header_bytes = len(self._header(0))
        size = self._file.seek(0, os.SEEK_END)
        self.frames = max(0, size - self._header_bytes) // self._frame_bytes
        self._told = -1
        self.refresh()

    def write(self, frame: int, block: NDArray[np.float32]) -> None:
        """Write ``block``, (frames, channels), at ``frame``; what lies between that and the end so far is silence."""
        self._file.seek(self._header_bytes + frame * self._frame_bytes)
        rest = np.ascontiguousarray(block).data.cast("B")
        while rest:
            rest = rest[self._file.write(rest) :]
        self.frames = max(self.frames, frame + len(block))

    def refresh(self, *, sync: bool = False) -> None:
        """Have the header say how long it is by now. sync: see everything safely on the disk."""
        if self.frames != self._told:
            self._file.seek(0)
            self._file.write(self._header(self.frames))
            self._told = self.frames
        if sync:
            os.fsync(self._file.fileno())

    def finish(self, frames: int, *, sync: bool = True) -> None:
        """Make it ``frames`` long, longer by silence or shorter, and see it safely on the disk."""
        self._file.truncate(self._header_bytes + frames * self._frame_bytes)
        self.frames = frames
        self.refresh(sync=sync)
        self.close()

    def close(self) -> None:
        """Let go of it as it is."""
        self._file.close()

    def _header(self, frames: int) -> bytes:
        riff_bytes = getattr(self, "_header_bytes", 0) - 8 + frames * self._frame_bytes
        return wav_header("float32", self._channels, self._rate, frames=frames, riff_bytes=max(0, riff_bytes))
