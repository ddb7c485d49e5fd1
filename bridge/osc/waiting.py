"""Waiting: what one sender has sent and is still to be handled, in order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from bridge.moves import Moves
from bridge.osc.framing import Frame

AnyFrame = TypeVar("AnyFrame", bound=Frame)


class Waiting(Generic[AnyFrame]):
    """A queue in which a move takes the place of an older one of the same fader: the newest value wins.

    It does so only as long as nothing but moves came in between, so that whatever else is sent, triggers above all,
    finds every fader where it stood when it was sent. singly: tells whether the sender wants each to be done.
    """

    def __init__(self, moves: Moves, singly: Callable[[], bool]) -> None:
        self._moves, self._singly = moves, singly
        self._places: OrderedDict[Hashable, tuple[AnyFrame, float]] = OrderedDict()
        self._count = self._run = 0

    def __len__(self) -> int:
        return len(self._places)

    def put(self, frame: AnyFrame, came_at: float, *, room: bool = True) -> bool:
        """Add a frame with the wall time at which it came; False: it needs a place of its own, and there is no room."""
        target = self._moves.target(frame) if isinstance(frame, bytes) else None
        self._count += 1
        if target is None:
            self._run = self._count
        place: Hashable = self._count if target is None else (self._run, target)
        if place in self._places and self._singly():
            place = self._count
        if place not in self._places and not room:
            return False
        self._places[place] = frame, came_at
        return True

    def take(self) -> tuple[AnyFrame, float]:
        """Take the first one away."""
        return self._places.popitem(last=False)[1]

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()
