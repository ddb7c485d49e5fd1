"""Appointments: what is to happen when the timeline comes to a place, wherever it is sent in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic

import msgspec

from bridge.errors import QueueFull
from bridge.port import EnginePort
from bridge.scheduler import (
    LONGEST_SECONDS,
    LOOKAHEAD_BLOCKS,
    LOOKAHEAD_SECONDS,
    MAX_SCHEDULED,
    CallLater,
    Item,
    Timer,
)


class Place(msgspec.Struct, frozen=True):
    """A place on the timeline, as a moment at which something is to happen."""

    timeline_frame: int


class Appointments(Generic[Item]):
    """Groups of items by timeline frame. A group leaves once, as one, when the timeline next comes to its place.

    While the timeline rests, or does not come by as it runs now, a group waits. Beyond ``MAX_SCHEDULED`` items it is
    refused with QueueFull. Event loop of the control process only.
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
        self._waiting: list[tuple[Place, list[Item]]] = []
        self._count = 0
        self._due: tuple[int, int] | None = None
        """Engine frame and number of the group that is next."""
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, place: Place, items: Sequence[Item]) -> None:
        """Keep ``items`` until the timeline comes to ``place``."""
        if self._count + len(items) > MAX_SCHEDULED:
            raise QueueFull(f"{self._count} messages wait for a place, at most {MAX_SCHEDULED} may")
        self._waiting.append((place, list(items)))
        self._count += len(items)
        frame = self._port.timeline_reaches(place.timeline_frame, self._frame_now())
        if frame is not None and (self._due is None or frame < self._due[0]):
            self._due = frame, len(self._waiting) - 1
            self._arm()

    def groups(self) -> list[tuple[Place, list[Item]]]:
        """Return what waits, by place, in the order of its coming."""
        return list(self._waiting)

    def moved(self) -> None:
        """Take notice that the timeline runs otherwise than before; what it has just reached is not missed."""
        self._plan(None)

    def clear(self, chosen: Callable[[Item], bool] = lambda _: True) -> int:
        """Forget the chosen items; return how many."""
        before = self._count
        kept = [(place, [item for item in items if not chosen(item)]) for place, items in self._waiting]
        self._waiting = [group for group in kept if group[1]]
        self._count = sum(len(items) for _, items in self._waiting)
        self._plan(self._frame_now() if self._waiting else None)
        return before - self._count

    def _frame_now(self) -> int:
        return self._port.clock.frame_at(self._now())

    def _plan(self, after: int | None) -> None:
        """Find out which group is next, and wake up before."""
        reached = (
            (frame, number)
            for number, (place, _) in enumerate(self._waiting)
            if (frame := self._port.timeline_reaches(place.timeline_frame, after)) is not None
        )
        self._due = min(reached, default=None)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due is not None:
            delay = (self._due[0] - self._reach()) / self._port.sample_rate
            self._timer = self._call_later(min(LONGEST_SECONDS, max(0.0, delay)), self._look)

    def _reach(self) -> int:
        ahead = round(LOOKAHEAD_SECONDS * self._port.sample_rate) + LOOKAHEAD_BLOCKS * self._port.block_frames
        return self._frame_now() + ahead

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        frame, number = self._due
        if frame > self._reach():
            self._plan(self._frame_now())
            return
        _, items = self._waiting.pop(number)
        self._count -= len(items)
        try:
            self._perform(items, frame)
        finally:
            self._plan(frame)
