"""The pace of inserts that begin to move: what many at once cost is bounded, so that no block is late for them.

A moving insert costs several times what it costs at rest, and a snapshot of the mix turns hundreds of knobs in one
block. So twins wake one after the other; only few inserts move on the fine grid; and beyond ``MANY`` an insert does not
glide: it goes over to where it is sent within one step, when it is its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

GRID_FRAMES = 64
"""The grid of few moving inserts: at its edges parameters step, faded from one to the next."""
COARSE_FRAMES = 8 * GRID_FRAMES
"""The grid of each insert that begins to move while more than ``FEW`` do."""
WARM_FRAMES = 16 * GRID_FRAMES
"""How long a twin listens before it is heard, until its filters and detectors agree with the other's."""
FEW, MANY = 8, 24
WAKE_FRAMES = 4 * GRID_FRAMES
STEP_FRAMES = WARM_FRAMES + 4 * COARSE_FRAMES
"""How long an insert that does not glide takes at most."""


class Way(Enum):
    """How an insert moves. Its value: its grid's frames, and how many twins wake at one edge of which other grid."""

    FINE = GRID_FRAMES, 16, WAKE_FRAMES
    COARSE = COARSE_FRAMES, 16, WAKE_FRAMES
    STEP = COARSE_FRAMES, 8, STEP_FRAMES

    @property
    def grid_frames(self) -> int:
        """The grid on which parameters are set."""
        return self.value[0]


class Gate:
    """Lets so many through at a frame, and as many at each edge of a grid after it, in the order in which they come."""

    def __init__(self, most: int, grid_frames: int) -> None:
        self._most, self._grid_frames = most, grid_frames
        self._edge, self._passed = -1, 0

    def at(self, frame: int) -> int:
        """Return when the next one that wants to pass at ``frame`` does: then, or at an edge after it."""
        if self._edge < frame:
            self._edge, self._passed = frame, 0
        if self._passed == self._most:
            self._edge, self._passed = next_edge(self._edge + 1, self._grid_frames), 0
        self._passed += 1
        return self._edge


class Pace:
    """moving: counts the inserts that move at a frame. In the mixer's thread, between blocks or parts of blocks."""

    def __init__(self, moving: Callable[[int], int]) -> None:
        self._moving = moving
        self._frame = -1
        self._movers = 0
        self._gates = {way: Gate(*way.value[1:]) for way in Way}

    def way(self, frame: int) -> Way:
        """Return how an insert moves that begins to at ``frame``."""
        if frame != self._frame:
            self._frame, self._movers = frame, self._moving(frame)
        self._movers += 1
        if self._movers <= FEW:
            return Way.FINE
        return Way.COARSE if self._movers <= MANY else Way.STEP

    def wake_frame(self, frame: int, way: Way) -> int:
        """Return when a twin that is wanted at ``frame`` wakes: then, or at one of the next edges."""
        return self._gates[way].at(frame)


class Unpaced(Pace):
    """Of what the timeline moves: that is the same whatever else moves, on the fine grid, however many there are."""

    def __init__(self) -> None:
        super().__init__(lambda _: 0)

    def way(self, frame: int) -> Way:
        """Return the fine one."""
        del frame
        return Way.FINE

    def wake_frame(self, frame: int, way: Way) -> int:
        """Return ``frame``."""
        del way
        return frame


def next_edge(frame: int, grid_frames: int = GRID_FRAMES) -> int:
    """Return the first edge of a grid that is not before ``frame``."""
    return -(-frame // grid_frames) * grid_frames
