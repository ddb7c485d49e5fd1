"""Stage: the audio side as the session sees it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Stage(Protocol):
    """Takes orders and the compiled timeline. ``AudioLink`` is the real one; tests put a mixer behind it."""

    def push(self, records: NDArray[np.void]) -> int:
        """Hand over live records (dtype RECORD) in order; return how many fitted into the ring."""
        ...

    def publish(self, entries: NDArray[np.void]) -> int:
        """Replace the compiled timeline (dtype ENTRY); return its generation."""
        ...

    def automate(self, moves: NDArray[np.void]) -> None:
        """Replace the timeline's automation (dtype AUTOMATION)."""
        ...
