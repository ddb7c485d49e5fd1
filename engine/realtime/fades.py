"""The two fades that the audio process itself makes: from one mixer to another, and out at the end."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Processor(Protocol):
    """What a crossfade needs of a mixer."""

    def process(self, frames: int) -> NDArray[np.float32]:
        """Return the next block, (frames, 2)."""
        ...


class Crossfade:
    """Fades from ``old`` to whatever is mixed now, in straight lines: both play the same clips, so levels add up."""

    def __init__(self, old: Processor, frames: int) -> None:
        self._old = old
        self._frames = frames
        self._done = 0

    def apply(self, out: NDArray[np.float32]) -> bool:
        """Blend the old mixer into ``out`` and return whether the fade is over."""
        frames = len(out)
        weight = _line(self._done, frames, self._frames)
        out *= weight
        out += self._old.process(frames) * (np.float32(1.0) - weight)
        self._done += frames
        return self._done >= self._frames


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
        out *= np.float32(1.0) - _line(self._done, len(out), self._frames)
        self._done += len(out)
        return self._done >= self._frames


def _line(done: int, frames: int, length: int) -> NDArray[np.float32]:
    """Return ``frames`` steps of a line that reaches 1 at ``length``, from step ``done`` on; a column."""
    steps = np.arange(done + 1, done + frames + 1, dtype=np.float32)
    return np.minimum(steps / length, np.float32(1.0))[:, np.newaxis]
