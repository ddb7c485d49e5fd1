"""The outbox of our JACK client: messages that wait for their frame."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable

from bridge.midi.held_distance import HeldDistance
from bridge.midi.jack_packets import NO_FRAME

AT_ONCE = 0
"""The frame of what waits for none."""

LATE_SECONDS = 0.002
"""More than that is told."""

PATIENCE_SECONDS = 3.0
"""So long the engine may seem to be elsewhere before messages leave by that: what one cue sends keeps its distances."""

Write = Callable[[int, int, bytes], bool]
"""Takes a port's number, a place in the cycle and a message; returns whether the cycle holds it."""


class Outbox:
    """Messages by frame, then by order. Any thread may add; JACK's thread writes."""

    def __init__(self, sample_rate: int) -> None:
        self._late_frames = LATE_SECONDS * sample_rate
        self._new: deque[tuple[int, int, int, bytes]] = deque()
        self._due: list[tuple[int, int, int, bytes]] = []
        self._numbers = itertools.count()
        self._distance = HeldDistance(round(PATIENCE_SECONDS * sample_rate))
        self.late = self.latest_frames = 0
        """How many messages left late since this was set back, and by how much at most."""

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._new or self._due)

    def holds(self, number: int) -> bool:
        """Return whether anything waits for a port. Any thread."""
        return any(waiting[2] == number for queue in (self._new, self._due) for waiting in tuple(queue))

    def add(self, number: int, frame: int, engine_frame: int, message: bytes) -> None:
        """Have a message leave a port at about ``frame``, as far from others in frames as in engine frames."""
        if engine_frame != NO_FRAME and frame != AT_ONCE:
            frame = engine_frame + self._distance.measured(frame - engine_frame, engine_frame)
        self._new.append((frame, next(self._numbers), number, message))

    def write(self, start: int, frames: int, write: Write) -> None:
        """Write what is due in the cycle that begins at ``start``; what it does not hold, the next one does."""
        while self._new:
            heapq.heappush(self._due, self._new[0])  # in this order: there is no moment in which it is in neither
            self._new.popleft()
        while self._due and self._due[0][0] < start + frames:
            frame, _, number, message = self._due[0]
            if not write(number, max(0, frame - start), message):
                return
            heapq.heappop(self._due)
            self._note_late(frame, start)

    def _note_late(self, frame: int, start: int) -> None:
        """Count a message whose frame had passed when the cycle began."""
        behind = start - frame if frame != AT_ONCE else 0
        if behind > self._late_frames:
            self.late, self.latest_frames = self.late + 1, max(self.latest_frames, behind)
