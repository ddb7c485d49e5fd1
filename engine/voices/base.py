"""What a voice is to the engine: it turns text into chunks of sound with word times. Backends implement it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadType, UnknownThing
from engine.params import ParamSpec
from engine.speech.script import Mark
from engine.voices.media import never
from engine.voices.take import Word

SettingValue = str | float
Settings = dict[str, SettingValue]
"""What shapes a backend's voice, complete and checked; see ``Backend.settings``."""


Timing = Literal["exact", "server", "none"]
"""Who times a voice's words: the synthesiser itself, the server that spoke, nobody (they are aligned later)."""

Report = Callable[[float, str], None]
"""Hears how far a load is, 0 to 1, and its stage."""


def unheard(_fraction: float, _stage: str) -> None:
    """Report to nobody."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a line as it is being spoken.

    audio: float32, (frames, channels), at the voice's own rate. words: those that became known with this chunk, in
    frames of the line; each word of the text comes in exactly one chunk, in order; where nobody times them, in none.
    ended: there is no more sound; a line's words that nobody timed may still come.
    """

    audio: NDArray[np.float32]
    words: tuple[Word, ...] = ()
    ended: bool = False


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

    @property
    def timing(self) -> Timing:
        """Who times its words."""
        ...

    def speak(self, text: str, *, seed: int = 0, stopped: Callable[[], bool] = never) -> Generator[Chunk, None, None]:
        """Return a stream of chunks that together are ``text``, spoken.

        Sound begins with the first frame; each word has ``start_frame < end_frame`` and starts where or after the one
        before it ends. Closing the generator stops the synthesis. Raises VoiceError for a text with nothing to speak.

        seed: a voice that draws by chance gives the same sound for the same seed. stopped: asked within the work, at
        least once in 80 ms of sound where the model works in steps; Stopped is raised once it says so.
        """
        ...


class BatchVoice(Voice, Protocol):
    """A voice that speaks several lines at once in less time than one after the other."""

    def speak_all(
        self, texts: Sequence[str], *, seeds: Sequence[int], stopped: Callable[[], bool] = never
    ) -> Generator[tuple[int, Chunk], None, None]:
        """Return (index of the text, chunk) as they come; a line's chunks together are what ``speak`` makes of it."""
        ...


class MarkedVoice(Voice, Protocol):
    """A voice that does what its backend's abilities say of phonemes and emphasis."""

    def speak_marked(
        self, text: str, marks: Sequence[Mark], *, seed: int = 0, stopped: Callable[[], bool] = never
    ) -> Generator[Chunk, None, None]:
        """Return ``text`` as ``speak`` does, with its marks; words are those of ``text``."""
        ...


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a line may ask of a backend's voices beside its text.

    speed, temperature, instruct: the setting that the line's own takes the place of (a speed multiplies it), "": none
    does. chance: a seed makes a difference. phonemes, emphasis: its voices are MarkedVoices and read those marks.
    longest: how many characters they speak in one go, 0: any.
    """

    speed: str = ""
    temperature: str = ""
    instruct: str = ""
    chance: bool = False
    phonemes: bool = False
    emphasis: bool = False
    longest: int = 0


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


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that is free text. kind: what an error calls it. file: a path, in a preset from the preset's folder."""

    kind: str
    default: str = ""
    file: bool = False

    def check(self, value: object, name: str) -> str:
        """Return ``value``, or raise BadType."""
        if not isinstance(value, str):
            raise BadType(f"{name}: expected {self.kind}, got {value!r}")
        return value


Setting = ParamSpec | Choice | Text


class Backend(Protocol):
    """A way to speak: one file in ``backends`` and one row in the registry.

    Its module loads no heavy library before ``open``: control checks presets with it.
    """

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Every setting with its range or choices, by the name that presets use."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What lines may ask of its voices."""
        ...

    def version(self) -> str:
        """Return what changes when the same settings may sound different: part of every take's digest."""
        ...

    def model(self, settings: Settings) -> str:
        """Return what has to be in memory to speak: model, revision, device, precision. One worker serves each.

        Empty: nothing worth a process of its own; any worker speaks it.
        """
        ...

    def batch(self, settings: Settings) -> int:
        """Return how many lines its voice speaks at once at most; above 1 it is a BatchVoice."""
        ...

    def fingerprint(self, settings: Settings) -> str:
        """Return what files behind ``settings`` add to a take's digest: a sample's content, a local model's."""
        ...

    def open(self, settings: Settings, report: Report = unheard) -> Voice:
        """Return a voice; ``settings`` has been checked. Worker processes only. Raises VoiceError."""
        ...

    def memory(self) -> dict[str, int]:
        """Return the bytes taken beside this process's own, by device: cpu, cuda:0. Worker processes only."""
        ...


SHOWN_CHOICES = 12
"""How many names an error lists; there are languages by the hundred."""


def _shortened(wanted: str, known: frozenset[str]) -> list[str]:
    near = difflib.get_close_matches(wanted, known, n=SHOWN_CHOICES, cutoff=0.3)
    shown = (near + sorted(known - set(near)))[:SHOWN_CHOICES]
    more = len(known) - len(shown)
    return [name for name in shown if name] + ([f"… and {more} more"] if more else [])
