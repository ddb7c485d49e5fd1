"""Keeper: where the session's story is kept on disk."""

from __future__ import annotations

from typing import Protocol

from engine.commands import Edit
from engine.errors import EngineError


class Keeper(Protocol):
    """Keeps edits, saves the story and takes over the file. The control process has the real one.

    client: who makes the edits that are appended now.
    """

    client: str

    def append(self, command: Edit) -> None:
        """Keep an edit so that a crash does not lose it; returns when the operating system has it."""
        ...

    def save(self) -> None:
        """Begin to write the story into its file; StorySaved or Dropped follows."""
        ...

    def reload(self) -> None:
        """Begin to take over the file as it is on disk; StoryReloaded or Dropped follows."""
        ...

    def load(self, file: str) -> None:
        """Begin to take over another story beside this one; StoryReloaded or Dropped follows. Raises EngineError."""
        ...


class NoKeeper:
    """For sessions without a story file: edits live in memory."""

    client = ""

    def append(self, command: Edit) -> None:
        """Keep nothing."""

    def save(self) -> None:
        """Refuse: there is no file."""
        raise EngineError("this session has no story file to save to")

    def reload(self) -> None:
        """Refuse: there is no file."""
        raise EngineError("this session has no story file to reload")

    def load(self, file: str) -> None:  # noqa: ARG002
        """Refuse: there is no folder."""
        raise EngineError("this session has no folder to load stories from")
