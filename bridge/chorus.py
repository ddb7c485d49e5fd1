"""A chorus: streams that several clients hear at the same pace, looked at once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.message import Message
from bridge.tree import Leaf

NEVER = -1
"""The round of one who has heard nothing yet."""


class Chorus:
    """Looks at its leaves once in a round, whoever asks first: what has moved since the round before, and all of it."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._leaves = leaves
        self._round = self._before = NEVER
        self._last: dict[str, Message] = {}
        self._moved: list[Message] = []

    def sing(self, number: int, heard: int, read: Callable[[Leaf], Message | None]) -> list[Message]:
        """Return what is told in round ``number`` to one whose last round was ``heard``: what moved since, or all."""
        if number != self._round:
            self._look(number, read)
        return self._moved if heard == self._before else list(self._last.values())

    def told(self, message: Message, heard: int) -> bool:
        """Return whether one whose last round was ``heard`` knows this already."""
        return heard == self._round and self._last.get(message.address) == message

    def _look(self, number: int, read: Callable[[Leaf], Message | None]) -> None:
        last, found = self._last, [message for leaf in self._leaves if (message := read(leaf)) is not None]
        self._moved = [message for message in found if last.get(message.address) != message]
        self._last = {message.address: message for message in found}
        self._before, self._round = self._round, number
