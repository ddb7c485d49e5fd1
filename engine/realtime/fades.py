"""Fades that are no clip's own: out, at the end of everything, and where sound breaks off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DECAY = 0.98
"""By how much what broke off falls, frame by frame."""
SILENT = 1e-6
RISE_FRAMES = 64
"""Within how many what comes after missing frames fades in."""


class Curtain:
    """Fades the output out once it is closed, and keeps it silent."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._done = 0
        self._closing = False

    def close(self) -> None:
        """Begin to fade out at the next block. Any thread."""
        self._closing = True

    def apply(self, out: NDArray[np.float32]) -> bool:
        """Fade ``out`` if the curtain is closing; return whether it is shut."""
        if not self._closing:
            return False
        out *= np.float32(1.0) - line(self._done, len(out), self._frames)
        self._done += len(out)
        return self._done >= self._frames


class Tail:
    """What is left of sound that broke off: its last sample, falling; nothing steps. Planar, (2, frames)."""

    def __init__(self) -> None:
        self._level = np.zeros((2, 1), np.float32)

    @property
    def sounds(self) -> bool:
        """Whether anything is left."""
        return bool(self._level.any())

    def begin(self, last: NDArray[np.float32]) -> None:
        """Let what ended with the sample ``last``, (2, 1), ring out; so does what rings already."""
        self._level += last

    def take(self) -> NDArray[np.float32]:
        """Return where it stands, (2, 1), and be silent."""
        level, self._level = self._level, np.zeros((2, 1), np.float32)
        return level

    def follow(self, other: Tail) -> None:
        """Go on where another one stands."""
        self._level[:] = other._level

    def ring(self, row: NDArray[np.float32]) -> None:
        """Add what is left to the next frames."""
        if not row.shape[1] or not self.sounds:
            return
        falling = self._level * (DECAY ** np.arange(1, row.shape[1] + 1)).astype(np.float32)
        row += falling
        self._level[:] = falling[:, -1:]
        if np.abs(self._level).max() < SILENT:
            self._level[:] = 0.0


class Seam:
    """Joins blocks of (frames, 2) between which frames are missing: what was falls, what comes fades in."""

    def __init__(self) -> None:
        self._last, self._tail = np.zeros((2, 1), np.float32), Tail()
        self._risen = RISE_FRAMES

    def silence(self, frames: int) -> NDArray[np.float32]:
        """Return what stands for the missing frames; 0: what comes is of another moment."""
        out = np.zeros((frames, 2), np.float32)
        self._tail.begin(self._last)
        self._tail.ring(out.T)
        self._last[:] = 0.0
        self._risen = 0
        return out

    def join(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the next block: itself, unless something was missing just before."""
        if not len(block):
            return block
        if self._risen < RISE_FRAMES:
            block = block * line(self._risen, len(block), RISE_FRAMES)
            self._risen += len(block)
        self._last[:, 0] = block[-1]
        if self._tail.sounds:
            block = block.copy()
            self._tail.ring(block.T)
        return block


def line(done: int, frames: int, length: int) -> NDArray[np.float32]:
    """Return ``frames`` steps of a line that reaches 1 at ``length``, from step ``done`` on; a column."""
    steps = np.arange(done + 1, done + frames + 1, dtype=np.float32)
    return np.minimum(steps / length, np.float32(1.0))[:, np.newaxis]
