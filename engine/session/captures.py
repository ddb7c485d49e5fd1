"""Captures: lines that somebody speaks into an input. The control process has who listens."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.commands import Listening
from engine.errors import EngineError
from engine.events import Event

CAPTURES = "captures"
"""The folder beside the story in which captures lie, and what voices said after them."""


class CaptureStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How it goes. state: off, listening, capturing, or ending: it was stopped and is being written to its end.

    name: of the capture. peak_db: of the last half second of it.
    """

    state: str = "off"
    device: str = ""
    name: str = ""
    seconds: float = 0.0
    peak_db: float = -120.0


class Captures(Protocol):
    """Listens beside a running session. Nothing blocks; events tell what comes of it."""

    def apply(self, command: Listening, at_frame: int | None) -> tuple[Event, ...]:
        """Do it at an engine frame, None: now. Raises EngineError where it can't begin."""
        ...

    def status(self) -> CaptureStatus:
        """Return how it goes."""
        ...


class NoCaptures:
    """For sessions without an input."""

    def apply(self, command: Listening, at_frame: int | None) -> tuple[Event, ...]:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has no input to listen to")

    def status(self) -> CaptureStatus:
        """Return that nothing goes on."""
        return CaptureStatus()
