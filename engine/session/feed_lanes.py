"""Which lanes of the feed bring which strips to the io process: for network streams and further outputs alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.errors import UnknownThing
from engine.realtime.records import Kind
from engine.realtime.tape import MOST_LANES
from engine.session.context import Context
from engine.session.orders import Records, order, together

Users = Callable[[], Mapping[str, int]]


class FeedLanes:
    """Strips that several want share a lane. users: each tells the lanes of its strips."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.users: list[Users] = []
        context.on_taken.append(self._feed_again)

    def lane(self, strip: str) -> int:
        """Return the lane that brings a strip, or a free one."""
        lanes = self._lanes()
        return lanes.get(strip, next(n for n in range(MOST_LANES) if n not in lanes.values()))

    def feed(self, strip: str, lane: int) -> None:
        """Have a lane bring a strip."""
        self._context.push(self._order(strip, lane, on=True))

    def release(self, strip: str, lane: int) -> None:
        """Let a lane be free, unless somebody still wants it; whoever has let go tells so no more."""
        if lane not in self._lanes().values():
            self._context.push(self._order(strip, lane, on=False))

    def _lanes(self) -> dict[str, int]:
        return {strip: lane for users in self.users for strip, lane in users().items()}

    def _order(self, strip: str, lane: int, *, on: bool) -> Records:
        try:
            place = self._context.strip(strip)
        except UnknownThing:  # it was removed, and sends silence until it is back
            place, on = 0, False
        return order(Kind.SET_FEED, None, index=lane, strip=place, value=float(on))

    def _feed_again(self) -> None:
        """Have a graph feed the strips that it has: one may have come back."""
        if lanes := self._lanes():
            self._context.push(together(*(self._order(strip, lane, on=True) for strip, lane in lanes.items())))
