"""What every output is: something that asks for blocks and says when they leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.output.jack_patch import JackPatch

Render = Callable[[NDArray[np.float32], float, bool], None]
"""Fills a block: ``render(out, unix_seconds, lost)``.

out: (frames, 2) float32, to be overwritten whole; or (frames, 4), with private buses behind the main mix.
unix_seconds: the wall time at which its first frame leaves the engine; it is heard ``latency_frames`` later. lost: the
driver missed frames since the last block. Must not raise.
"""

Ready = Callable[[], None]
"""Called once by the thread that starts an output, when it is open and nothing is left but to ask for blocks."""


def nothing_to_do() -> None:
    """Be ready at once."""


class Output(Protocol):
    """A driver of the mixer. One block at a time, in order, in one thread of its own."""

    name: str
    sample_rate: int
    block_frames: int
    """What the output asks for at once, as a rule; render takes any length."""
    latency_frames: int
    """From the moment a block is asked for to the ear, as the driver says; 0 where nobody listens."""
    steady: bool
    """Whether the times it gives are exact, or filtered by the driver already."""

    @property
    def patch(self) -> JackPatch | None:
        """What it is connected to while it plays; None: nothing that anybody could connect otherwise."""
        ...

    def start(self, render: Render, ready: Ready = nothing_to_do) -> None:
        """Begin to ask for blocks, once ``ready`` has returned. Raises DeviceError when it can't."""
        ...

    def stop(self) -> None:
        """Ask for no more blocks; none is under way when this returns. Safe to call twice."""
        ...

    def answers(self) -> bool:
        """Return whether the driver is still there; asked when no block has been asked for in a while."""
        ...
