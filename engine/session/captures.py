"""Captures: lines that somebody speaks into an input. The control process has who listens."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from engine.capture.kept import CAPTURES, names
from engine.capture.placing import clip_of
from engine.commands import Listening
from engine.edits import AddAudio, AddCapture
from engine.errors import EngineError, UnknownThing
from engine.events import Event


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

    def names(self) -> tuple[str, ...]:
        """Return the names of all captures."""
        ...

    def clip_of(self, edit: AddCapture) -> AddAudio:
        """Return the edit that puts a capture on a track, by its file. Raises EngineError where it can't be put."""
        ...


class NoCaptures:
    """For sessions without an input. project: with captures that were made before; None: there are none."""

    def __init__(self, project: Path | None = None, sample_rate: int = 48_000) -> None:
        self._project, self._sample_rate = project, sample_rate

    def apply(self, command: Listening, at_frame: int | None) -> tuple[Event, ...]:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has no input to listen to")

    def status(self) -> CaptureStatus:
        """Return that nothing goes on."""
        return CaptureStatus()

    def names(self) -> tuple[str, ...]:
        """Return the names of captures that were made before."""
        return () if self._project is None else names(self._project / CAPTURES)

    def clip_of(self, edit: AddCapture) -> AddAudio:
        """Return the edit that puts a capture on a track. Raises UnknownThing."""
        if self._project is None:
            raise UnknownThing("capture", edit.capture, ())
        return clip_of(self._project, edit, self._sample_rate)
