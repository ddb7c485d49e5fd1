"""A held distance: between two counts of the same samples, which only measuring makes waver."""

from __future__ import annotations

FAR_FRAMES = 64
"""What clocks disagree by when the machine stalls is less; when cycles are lost, or the audio process is another one,
they disagree by a period or more."""


class HeldDistance:
    """What is N frames apart by one count is by the other: the distance stays what it was while it measures so."""

    def __init__(self) -> None:
        self._frames: int | None = None
        self.jumps = 0
        """How often the distance was taken anew."""

    def measured(self, frames: int) -> int:
        """Return the distance that counts, now that it measures ``frames``."""
        if self._frames is None or abs(frames - self._frames) > FAR_FRAMES:
            self.jumps += self._frames is not None
            self._frames = frames
        return self._frames
