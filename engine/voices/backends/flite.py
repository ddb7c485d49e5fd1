"""flite, where its library is installed: small English voices, natural enough, with the exact times of their words.

The library draws by chance and takes no seed: a line differs by a few samples from one time to the next.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Generator, Mapping
from functools import cache

import msgspec
import numpy as np

from engine.errors import VoiceError
from engine.voices.base import Abilities, Choice, Chunk, Report, Setting, Settings, Timing, unheard
from engine.voices.media import Stopped, never
from engine.voices.take import Word
from engine.voices.words import WordClock, tokens

SPEAKERS = frozenset({"slt", "rms", "awb", "kal", "kal16"})
LEAD_SECONDS, TAIL_SECONDS, FADE_SECONDS = 0.01, 0.06, 0.005
"""Kept before the first word, and after the last; its own pauses there are noise at a low level."""

SETTINGS: Mapping[str, Setting] = {
    "speaker": Choice(kind="speaker", default="slt", allowed=lambda: SPEAKERS),
}

_FIRST = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_LAST = b"R:SylStructure.daughtern.daughtern.R:Segment.end"
_PLACE, _TOKEN = b"R:Token.parent.file_pos", b"R:Token.parent.name"


class _Wave(ctypes.Structure):
    """cst_wave."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _Said(msgspec.Struct, frozen=True):
    """One spoken word: seconds, the token that it belongs to, and where in the text that ends at the latest."""

    start: float
    end: float
    token: str
    before: int


class _Library:
    """The loaded library. One line at a time."""

    def __init__(self) -> None:
        try:
            self._flite = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
            for part in ("usenglish", "cmulex"):
                ctypes.CDLL(f"libflite_{part}.so.1", mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise VoiceError(f"flite is not installed ({error}); on Debian: apt-get install libflite1") from error
        self._lock = threading.Lock()
        pointer = ctypes.c_void_p
        for name, result, arguments in (
            ("flite_synth_text", pointer, (ctypes.c_char_p, pointer)),
            ("utt_wave", ctypes.POINTER(_Wave), (pointer,)),
            ("utt_relation", pointer, (pointer, ctypes.c_char_p)),
            ("relation_head", pointer, (pointer,)),
            ("item_next", pointer, (pointer,)),
            ("ffeature_float", ctypes.c_float, (pointer, ctypes.c_char_p)),
            ("ffeature_int", ctypes.c_int, (pointer, ctypes.c_char_p)),
            ("ffeature_string", ctypes.c_char_p, (pointer, ctypes.c_char_p)),
            ("delete_utterance", None, (pointer,)),
        ):
            function = getattr(self._flite, name)
            function.restype, function.argtypes = result, arguments
        self._flite.flite_init()

    def speaker(self, name: str) -> int:
        """Return a speaker's voice. Raises VoiceError when its library is not there."""
        try:
            library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
        except OSError as error:
            raise VoiceError(f"flite's speaker {name} is not installed: {error}") from error
        register = getattr(library, f"register_cmu_us_{name}")
        register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
        return int(register(None))

    def speak(self, text: str, voice: int) -> tuple[np.ndarray, int, list[_Said]]:
        """Return samples, their rate, and the words."""
        flite = self._flite
        with self._lock:
            utterance = flite.flite_synth_text(text.encode("ascii"), voice)
            if not utterance:
                raise VoiceError(f"flite can't speak {text[:40]!r}")
            try:
                wave = flite.utt_wave(utterance).contents
                samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float32) / 32768.0
                return samples, int(wave.sample_rate), self._words(utterance)
            finally:
                flite.delete_utterance(utterance)

    def _words(self, utterance: int) -> list[_Said]:
        flite, said = self._flite, []
        item = flite.relation_head(flite.utt_relation(utterance, b"Word"))
        while item:
            token = flite.ffeature_string(item, _TOKEN).decode("ascii", "replace")
            start, end = (float(flite.ffeature_float(item, path)) for path in (_FIRST, _LAST))
            said.append(_Said(start, end, token, int(flite.ffeature_int(item, _PLACE))))
            item = flite.item_next(item)
        return said


@cache
def _library() -> _Library:
    return _Library()


class FliteVoice:
    """One speaker. A line is made as a whole: a hundred times faster than real time."""

    channels = 1
    timing: Timing = "exact"

    def __init__(self, settings: Settings) -> None:
        self._voice = _library().speaker(str(settings["speaker"]))
        self.sample_rate = _library().speak("a", self._voice)[1]

    def speak(
        self,
        text: str,
        *,
        seed: int = 0,  # noqa: ARG002 - nothing here is drawn by chance
        stopped: Callable[[], bool] = never,
    ) -> Generator[Chunk, None, None]:
        """Return ``text`` as one chunk; see ``Voice``. What is not ASCII is not spoken."""
        if not tokens(text):
            raise VoiceError(f"there is nothing to speak in {text!r}: no letter, digit or sign")
        return self._stream(text, stopped)

    def _stream(self, text: str, stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        plain = "".join(sign if sign.isascii() and sign.isprintable() else " " for sign in text)
        samples, rate, said = _library().speak(plain, self._voice)
        if stopped():
            raise Stopped
        if not said:
            raise VoiceError(f"flite has no sound for {text!r}")
        cut = max(0, round((said[0].start - LEAD_SECONDS) * rate))
        audio = samples[cut : round((said[-1].end + TAIL_SECONDS) * rate), np.newaxis].copy()
        fade = np.linspace(0.0, 1.0, round(FADE_SECONDS * rate), dtype=np.float32)[:, np.newaxis]
        audio[: len(fade)] *= fade
        audio[-len(fade) :] *= fade[::-1]
        yield Chunk(audio=audio, words=_words(text, plain, said, rate, cut, round(said[-1].end * rate) - cut))


def _words(text: str, plain: str, said: list[_Said], rate: int, cut: int, end: int) -> tuple[Word, ...]:
    clock = WordClock(text)
    words: list[Word] = []
    for each in said:
        place = plain.rfind(each.token, 0, each.before or len(plain))
        start = max(0, round(each.start * rate) - cut)
        words.extend(clock.hear(max(0, place), start))
        clock.sound(start)
        clock.silence(max(0, round(each.end * rate) - cut))
    return (*words, *clock.finish(end))


class FliteBackend:
    """The row of the registry."""

    settings = SETTINGS
    abilities = Abilities()

    def version(self) -> str:
        """Return ours; the library tells none."""
        return "1"

    def model(self, settings: Settings) -> str:  # noqa: ARG002
        """Return nothing: it is small."""
        return ""

    def batch(self, settings: Settings) -> int:  # noqa: ARG002
        """Return 1: it is quick enough."""
        return 1

    def fingerprint(self, settings: Settings) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""

    def open(self, settings: Settings, report: Report = unheard) -> FliteVoice:  # noqa: ARG002
        """Return a voice. Raises VoiceError where the library is not."""
        return FliteVoice(settings)

    def memory(self) -> dict[str, int]:
        """Return nothing: it speaks on the CPU."""
        return {}


BACKEND = FliteBackend()
