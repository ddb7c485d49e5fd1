"""Deck: where recordings go. The control process has the real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from engine.errors import EngineError
from engine.session.players import Sound
from engine.story.model import Story

RECORDINGS = "recordings"
"""The folder beside the story in which every recording has a folder."""


class Reel(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that has been prepared. number: the mixer's word for it. folder: where its files are."""

    number: int
    name: str
    folder: str


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """A clip of what was played whose sound no clip can say: it is printed into a file first.

    clip: its id in the story. what: what it is, for people. records: what befell its player, as RECORDs; frames:
    how long the file becomes.
    """

    clip: str
    what: str
    sound: Sound
    records: bytes
    frames: int


def printed_file(reel: Reel, clip: str) -> str:
    """Return the path of a clip's file, from the story's folder on."""
    return f"{RECORDINGS}/{reel.name}/played {clip}.wav"


class Deck(Protocol):
    """Writes recordings down. Nothing blocks; the session's ``recorded`` hears of their end."""

    def begin(self, name: str, strips: Sequence[str]) -> Reel:
        """Prepare a recording of these strips, in this order; an empty name: one of its own. Raises EngineError."""
        ...

    def resume(self, reel: Reel, strips: Sequence[str]) -> None:
        """Go on with a recording that a session has begun that is gone."""
        ...

    def keep(self, reel: Reel, story: Callable[[], Story], printed: Sequence[Printed]) -> str:
        """Begin to write down what was played as a story of its own, and files for it; return the story's path.

        story: makes it; called in another thread.
        """
        ...


class NoDeck:
    """For sessions without a disk."""

    def begin(self, name: str, strips: Sequence[str]) -> Reel:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to record to")

    def resume(self, reel: Reel, strips: Sequence[str]) -> None:
        """Do nothing."""

    def keep(self, reel: Reel, story: Callable[[], Story], printed: Sequence[Printed]) -> str:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to record to")
