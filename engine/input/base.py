"""What an input is: something that hands over blocks of sound, each with the time at which it was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1

Hear = Callable[[NDArray[np.float32], float, int], object]
"""Takes a block, (frames, channels), the wall time (Unix seconds) of its first frame, and how many were lost before it
(``UNKNOWN``: some, and only the time tells how many). Called in the driver's thread; it copies what it keeps."""


class Input(Protocol):
    """One that can be opened once."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def start(self, hear: Hear) -> None:
        """Open it and begin. Raises DeviceError."""
        ...

    def stop(self) -> None:
        """Close it."""
        ...

    def answers(self) -> bool:
        """Return whether it is still there."""
        ...
