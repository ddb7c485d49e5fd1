"""Scheduler: holds what was asked for later until the mixer may have it, in the order of its frames."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from bridge.errors import QueueFull, TooFar
from bridge.port import EnginePort

HORIZON_SECONDS = 60.0
MAX_SCHEDULED = 4096
LOOKAHEAD_SECONDS = 0.05
LOOKAHEAD_BLOCKS = 2
"""How early the mixer hears: it keeps the exact frame itself; later than this nothing is scheduled twice over."""

LONGEST_SECONDS = 1.0
"""After so long what is due is reckoned anew: a clock that was set while a timer was set may have misled it."""

Item = TypeVar("Item")


class Timer(Protocol):
    """What ``call_later`` returns."""

    def cancel(self) -> None:
        """Not call."""
        ...


CallLater = Callable[[float, Callable[[], None]], Timer]


class Scheduler(Generic[Item]):
    """A heap of groups by engine frame. A group leaves as one: its items share the frame.

    Beyond ``HORIZON_SECONDS`` a group is refused with TooFar, beyond ``MAX_SCHEDULED`` items with QueueFull.
    Event loop of the control process only.
    """

    def __init__(
        self,
        port: EnginePort,
        perform: Callable[[Sequence[Item], int], None],
        *,
        call_later: CallLater,
        now: Callable[[], float],
    ) -> None:
        self._port, self._perform = port, perform
        self._call_later, self._now = call_later, now
        self._heap: list[tuple[int, int, list[Item]]] = []
        self._sequence = 0
        self._count = 0
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, frame: int, items: Sequence[Item]) -> bool:
        """Keep ``items`` for ``frame`` and return True; what the mixer may have at once is performed at once."""
        if frame <= self._reach():
            self._perform(items, frame)
            return False
        if frame > self._frame_now() + round(HORIZON_SECONDS * self._port.sample_rate):
            raise TooFar(f"at most {HORIZON_SECONDS:g} s ahead can be scheduled")
        if self._count + len(items) > MAX_SCHEDULED:
            raise QueueFull(f"{self._count} messages are scheduled, at most {MAX_SCHEDULED} may be")
        self._sequence += 1
        heapq.heappush(self._heap, (frame, self._sequence, list(items)))
        self._count += len(items)
        if self._heap[0][1] == self._sequence:
            self._arm()
        return True

    def groups(self) -> list[tuple[int, list[Item]]]:
        """Return what waits, by frame, in its order."""
        return [(frame, items) for frame, _, items in sorted(self._heap, key=lambda group: group[:2])]

    def clear(self, chosen: Callable[[Item], bool] = lambda _: True) -> int:
        """Forget the chosen items; return how many."""
        before = self._count
        kept = [(f, s, [i for i in items if not chosen(i)]) for f, s, items in self._heap]
        self._heap = [entry for entry in kept if entry[2]]
        heapq.heapify(self._heap)
        self._count = sum(len(items) for _, _, items in self._heap)
        self._arm()
        return before - self._count

    def close(self) -> None:
        """Forget everything and stop the timer."""
        self.clear()

    def _frame_now(self) -> int:
        return self._port.clock.frame_at(self._now())

    def _reach(self) -> int:
        """Return the last frame that the mixer may have now."""
        ahead = round(LOOKAHEAD_SECONDS * self._port.sample_rate) + LOOKAHEAD_BLOCKS * self._port.block_frames
        return self._frame_now() + ahead

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            delay = (self._heap[0][0] - self._reach()) / self._port.sample_rate
            self._timer = self._call_later(min(LONGEST_SECONDS, max(0.0, delay)), self._due)

    def _due(self) -> None:
        self._timer = None
        try:
            if self._heap and self._heap[0][0] <= self._reach():
                frame, _, items = heapq.heappop(self._heap)
                self._count -= len(items)
                self._perform(items, frame)
        finally:
            self._arm()
