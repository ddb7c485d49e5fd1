"""Time that a test moves by hand, and a transport that keeps what is sent."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import count

from bridge.message import Message


class HandTimer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class HandTime:
    """A clock and its timers."""

    def __init__(self, now: float = 1_000_000_000.0) -> None:
        self._now = now
        self._timers: list[tuple[float, int, HandTimer]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    def call_later(self, delay: float, call: Callable[[], None]) -> HandTimer:
        timer = HandTimer(call)
        heapq.heappush(self._timers, (self._now + delay, next(self._order), timer))
        return timer

    @property
    def armed(self) -> bool:
        return any(timer.call for _, _, timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Move on, calling what falls due on the way at its own time."""
        until = self._now + seconds
        while self._timers and self._timers[0][0] <= until:
            at, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, at)
            if timer.call:
                timer.call()
        self._now = until


class KeptMessages:
    """A transport that sends nowhere."""

    address = ("127.0.0.1", 7400)
    connected = False

    def __init__(self) -> None:
        self.sent: list[tuple[tuple[str, int], Message]] = []

        self.full: set[int] = set()

    def send(self, to: tuple[str, int], messages: Sequence[Message]) -> None:
        self.sent.extend((to, m) for m in messages)

    def congested(self, to: tuple[str, int]) -> bool:
        return to[1] in self.full

    def take(self, port: int | None = None) -> list[tuple[object, ...]]:
        """Return (address, values…) of what was sent (to that port), and forget it all."""
        found = [(m.address, *m.args) for to, m in self.sent if port in (None, to[1])]
        self.sent.clear()
        return found
