"""The last events, for those who were away: each has a number, and who knows the last one it heard gets the rest."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence

from bridge.message import Message
from bridge.patterns import matches

MAX_EVENTS = 1024


class History:
    """Numbers the events of one run and keeps the last ones."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        self._last = 0
        self._kept: deque[tuple[int, tuple[str, ...], Callable[[], Message]]] = deque(maxlen=MAX_EVENTS)

    @property
    def mark(self) -> str:
        """Return the mark of the last event."""
        return f"{self._run}-{self._last}"

    def note(self, topics: tuple[str, ...], message: Callable[[], Message]) -> None:
        """Keep an event; its message is made when somebody wants it."""
        self._last += 1
        self._kept.append((self._last, topics, message))

    def since(self, mark: str, patterns: Sequence[str]) -> list[Message]:
        """Return the events after ``mark`` that match a pattern, and first ``/event/lost`` if some are gone.

        An empty mark, or one that is none, is that of somebody who has heard nothing and misses nothing. The mark of
        another run misses all of this one.
        """
        run, _, number = mark.partition("-")
        if not number.isdecimal() or len(number) > 18:
            return []
        heard = int(number) if run == self._run else 0
        first = self._kept[0][0] if self._kept else self._last + 1
        gone = max(0, first - heard - 1) if run == self._run else first - 1
        lost = [Message("/event/lost", (gone,))] if gone or run != self._run else []
        return lost + [
            message()
            for number_, topics, message in self._kept
            if number_ > heard and any(matches(p, t) for p in patterns for t in topics)
        ]
