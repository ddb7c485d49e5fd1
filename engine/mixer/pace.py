"""The pace of inserts that begin to move: many at once wake one after the other and move in larger steps.

A moving insert costs several times what it costs at rest. A snapshot turns hundreds of knobs in one block, and none of
its blocks may be late for it.
"""

from __future__ import annotations

from collections.abc import Callable

GRID_FRAMES = 64
"""The grid of few moving inserts: at its edges parameters step, faded from one to the next."""
COARSE_FRAMES = 8 * GRID_FRAMES
"""The grid of each insert that begins to move while many do."""
FEW = 12
"""So many may move on the fine grid."""
WAKE_FRAMES = 4 * GRID_FRAMES
WAKES = 16
"""So many twins wake at one edge of that grid, the next ones at the next."""


class Pace:
    """moving: counts the inserts that move at a frame. In the mixer's thread, between blocks or parts of blocks."""

    def __init__(self, moving: Callable[[int], int]) -> None:
        self._moving = moving
        self._frame = -1
        self._movers = 0
        self._edge, self._woken = -1, 0

    def grid_frames(self, frame: int) -> int:
        """Return the grid on which an insert moves that begins to at ``frame``."""
        if frame != self._frame:
            self._frame, self._movers = frame, self._moving(frame)
        self._movers += 1
        return GRID_FRAMES if self._movers <= FEW else COARSE_FRAMES

    def wake_frame(self, frame: int) -> int:
        """Return when a twin that is wanted at ``frame`` wakes: then, or at one of the next edges."""
        if self._edge < frame:
            self._edge, self._woken = frame, 0
        if self._woken == WAKES:
            self._edge, self._woken = next_edge(self._edge + 1, WAKE_FRAMES), 0
        self._woken += 1
        return self._edge


def next_edge(frame: int, grid_frames: int = GRID_FRAMES) -> int:
    """Return the first edge of a grid that is not before ``frame``."""
    return -(-frame // grid_frames) * grid_frames
