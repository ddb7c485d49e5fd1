"""Deck: where recordings go. The control process has the real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.errors import EngineError
from engine.story.model import Story


class Reel(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that has been prepared. number: the mixer's word for it. folder: where its files are."""

    number: int
    name: str
    folder: str


class Deck(Protocol):
    """Writes recordings down. Nothing blocks; the session's ``recorded`` hears of their end."""

    def begin(self, name: str, strips: Sequence[str]) -> Reel:
        """Prepare a recording of these strips, in this order; an empty name: one of its own. Raises EngineError."""
        ...

    def resume(self, reel: Reel, strips: Sequence[str]) -> None:
        """Go on with a recording that a session has begun that is gone."""
        ...

    def keep(self, reel: Reel, story: Story) -> str:
        """Begin to write down what was played as a story of its own; return its path."""
        ...


class NoDeck:
    """For sessions without a disk."""

    def begin(self, name: str, strips: Sequence[str]) -> Reel:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to record to")

    def resume(self, reel: Reel, strips: Sequence[str]) -> None:
        """Do nothing."""

    def keep(self, reel: Reel, story: Story) -> str:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to record to")
