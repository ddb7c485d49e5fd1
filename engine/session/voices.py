"""Voices: what the session asks of those who speak, beside takes. The control process has the real ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from engine.errors import UnknownThing
from engine.events import VoiceChanged


class Voices(Protocol):
    """Loads and unloads what voices speak with. Nothing blocks; VoiceChanged events tell what came of it."""

    @property
    def ids(self) -> Collection[str] | None:
        """The voices that may be named; None: any."""
        ...

    def load(self, voice: str, *, warm: bool) -> None:
        """Begin to load; warm: and to speak once, unheard. Raises UnknownThing."""
        ...

    def unload(self, voice: str) -> None:
        """Begin to unload. Raises UnknownThing."""
        ...

    def state(self, voice: str) -> VoiceChanged:
        """Return how a voice is now. Raises UnknownThing."""
        ...


class EmbeddedVoices:
    """For sessions without a voice pool: every voice is always warm."""

    def __init__(self, ids: Collection[str] | None = None) -> None:
        self.ids = ids

    def load(self, voice: str, *, warm: bool) -> None:  # noqa: ARG002
        """Do nothing."""
        self.state(voice)

    def unload(self, voice: str) -> None:
        """Do nothing."""
        self.state(voice)

    def state(self, voice: str) -> VoiceChanged:
        """Return that it is warm."""
        if self.ids is not None and voice not in self.ids:
            raise UnknownThing("voice", voice, self.ids)
        return VoiceChanged(voice=voice, state="warm")
