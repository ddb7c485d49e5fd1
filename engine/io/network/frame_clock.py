"""When frames of the engine exist, by the wall of this process: what packets are paced by."""

from __future__ import annotations

LEAK = 2e-4
"""By how much a second of arrivals that are all late moves the clock: more than any two clocks drift apart."""
FORGET = 0.05
"""What part of the longest lateness is forgotten in a second."""
MOST_LATE_SECONDS = 0.1
JUMP_SECONDS = 0.25
"""Blocks that are off by so much began anew: the machine slept, or frames were lost."""


class FrameClock:
    """Tells when a frame is there, from the times at which blocks arrived.

    A block can only be seen late, never early: so the earliest arrival is the truth, and late ones move the clock
    slowly, for the drift of the sound card.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._offset: float | None = None
        self._seen = 0.0
        self.late_seconds = 0.0
        """How late blocks may be seen: a driver may ask for several at once, a machine may stall."""

    def saw(self, end_frame: int, now_seconds: float) -> None:
        """Take in that the block before ``end_frame`` is there."""
        offset = now_seconds - end_frame / self._rate
        if self._offset is None or abs(offset - self._offset) > JUMP_SECONDS:
            self._offset = offset
        else:
            since = now_seconds - self._seen
            self._offset = min(offset, self._offset + LEAK * since)
            late = min(offset - self._offset, MOST_LATE_SECONDS)
            self.late_seconds = max(late, self.late_seconds * (1.0 - FORGET * min(since, 1.0)))
        self._seen = now_seconds

    def time_of(self, frame: int) -> float:
        """Return when the sound before ``frame`` is there. A block must have been seen."""
        assert self._offset is not None
        return self._offset + frame / self._rate
