"""What the mixer has played lately, for each bus that a plug-in wants, or may want soon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.daw.layout import SLOTS

Audio = NDArray[np.float32]


class History:
    """Rings of the same length, one per bus: so many as there are slots, and one more while a bus is changed.

    All memory is taken, and touched, at the start. The output's thread.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._rings = np.zeros((SLOTS + 1, frames, 2), np.float32)
        self._rings[:, :: 4096 // 8] = 0.0  # every page
        self._row: dict[int, int] = {}
        self._since: dict[int, int] = {}

    @property
    def room(self) -> int:
        """How many buses can be kept at a time."""
        return len(self._rings)

    def want(self, buses: frozenset[int], head: int) -> None:
        """Keep these buses from engine frame ``head`` on; a bus that was not kept before was silent."""
        for bus in self._row.keys() - buses:
            del self._row[bus], self._since[bus]
        for bus in buses - self._row.keys():
            row = next(row for row in range(len(self._rings)) if row not in self._row.values())
            self._row[bus], self._since[bus] = row, head
            self._rings[row] = 0.0

    def has(self, bus: int, frame: int) -> bool:
        """Whether a bus was kept at an engine frame."""
        return bus in self._since and self._since[bus] <= frame

    @property
    def buses(self) -> tuple[int, ...]:
        """What is kept."""
        return tuple(self._row)

    def write(self, bus: int, begin: int, block: Audio) -> None:
        """Lay a block of a bus at engine frame ``begin``."""
        lay(self._rings[self._row[bus]], begin, block)

    def read(self, bus: int, begin: int, frames: int, out: Audio) -> None:
        """Copy from engine frame ``begin`` on."""
        ring = self._rings[self._row[bus]]
        at = begin % self.frames
        first = min(frames, self.frames - at)
        out[:first] = ring[at : at + first]
        out[first:frames] = ring[: frames - first]


def lay(ring: Audio, begin: int, block: Audio) -> None:
    """Write ``block`` into a ring, (frames, 2), from its place for frame ``begin`` on."""
    at = begin % len(ring)
    first = min(len(block), len(ring) - at)
    ring[at : at + first] = block[:first]
    ring[: len(block) - first] = block[first:]
