"""What a voice is to the engine: it turns text into chunks of sound with word times. Backends implement it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Generator, Mapping
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadType, UnknownThing
from engine.params import ParamSpec
from engine.voices.take import Word

SettingValue = str | float
Settings = dict[str, SettingValue]
"""What shapes a backend's voice, complete and checked; see ``Backend.settings``."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a line as it is being spoken.

    audio: float32, (frames, channels), at the voice's own rate. words: those that became known with this chunk, in
    frames of the line; each word of the text comes in exactly one chunk, in order.
    """

    audio: NDArray[np.float32]
    words: tuple[Word, ...] = ()


class Voice(Protocol):
    """A speaker with fixed settings. Used by one worker process; one line at a time is spoken."""

    @property
    def sample_rate(self) -> int:
        """Frames per second of its audio."""
        ...

    @property
    def channels(self) -> int:
        """Channels of its audio: 1 or 2."""
        ...

    def speak(self, text: str) -> Generator[Chunk, None, None]:
        """Return a stream of chunks that together are ``text``, spoken.

        Sound begins with the first frame; each word has ``start_frame < end_frame`` and starts where or after the one
        before it ends. Closing the generator stops the synthesis. Raises VoiceError for a text with nothing to speak.
        """
        ...


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that is one of several names. kind: what an error calls it. allowed: asked when it is needed."""

    kind: str
    default: str
    allowed: Callable[[], frozenset[str]]

    def check(self, value: object, name: str) -> str:
        """Return ``value``, or raise BadType or UnknownThing naming those nearest to it."""
        if not isinstance(value, str):
            raise BadType(f"{name}: expected a {self.kind}, got {value!r}")
        if value not in self.allowed():
            raise UnknownThing(self.kind, value, _shortened(value, self.allowed()))
        return value


class Backend(Protocol):
    """A way to speak: one file in ``backends`` and one row in the registry.

    Its module loads no heavy library before ``open``: control checks presets with it.
    """

    @property
    def settings(self) -> Mapping[str, ParamSpec | Choice]:
        """Every setting with its range or choices, by the name that presets use."""
        ...

    def version(self) -> str:
        """Return what changes when the same settings may sound different: part of every take's digest."""
        ...

    def open(self, settings: Settings) -> Voice:
        """Return a voice; ``settings`` has been checked. Worker processes only. Raises VoiceError."""
        ...


SHOWN_CHOICES = 12
"""How many names an error lists; there are languages by the hundred."""


def _shortened(wanted: str, known: frozenset[str]) -> list[str]:
    near = difflib.get_close_matches(wanted, known, n=SHOWN_CHOICES, cutoff=0.3)
    shown = (near + sorted(known - set(near)))[:SHOWN_CHOICES]
    more = len(known) - len(shown)
    return [name for name in shown if name] + ([f"… and {more} more"] if more else [])
