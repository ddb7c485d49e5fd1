"""The fade that the audio process itself makes: out, at the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
