"""What a listener is to the engine: it turns a recording into words. Whisper is one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Protocol

from engine.speech.transcript import Passage
from engine.voices.base import Report, Setting, Settings, unheard
from engine.voices.media import never


class Listener(Protocol):
    """A model that hears speech. Used by one worker process, one recording at a time."""

    def listen(
        self, path: Path, *, language: str = "", stopped: Callable[[], bool] = never
    ) -> Generator[Passage, None, None]:
        """Yield what is said, window by window, in order; memory does not grow with the recording's length.

        language: a code (en, de), empty: found out. stopped: asked within the work; Stopped is raised once it says so.
        Raises MediaError, VoiceError, BadRange for a language that the model does not know.
        """
        ...


class ListenerBackend(Protocol):
    """A way to listen: one row of the registry. See ``Backend``, whose names these are."""

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Every setting with its range or choices."""
        ...

    def version(self) -> str:
        """Return what changes when the same settings may hear otherwise."""
        ...

    def model(self, settings: Settings) -> str:
        """Return what has to be in memory. One worker serves each."""
        ...

    def open(self, settings: Settings, report: Report = unheard) -> Listener:
        """Return a listener. Worker processes only. Raises VoiceError."""
        ...

    def memory(self) -> dict[str, int]:
        """Return the bytes taken on devices other than the CPU, by device. Worker processes only."""
        ...
