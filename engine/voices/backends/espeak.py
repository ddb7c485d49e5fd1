"""The embedded voice: espeak-ng through ctypes, no download, about a thousand times faster than real time.

Its takes are not the same to the sample when a process has spoken before (the library keeps state between lines that
nothing resets); only a process's first line is. So a take is made once and cached by its digest.
"""

from __future__ import annotations

import ctypes
import threading
import unicodedata
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from queue import SimpleQueue

import msgspec
import numpy as np

from engine.errors import VoiceError
from engine.params import ParamSpec
from engine.speech.script import Mark
from engine.voices.backends.espeak_data import data_folder, language_files, languages, library_path, variants
from engine.voices.backends.espeak_notation import notated
from engine.voices.base import Abilities, Choice, Chunk, Report, Settings, Timing, unheard
from engine.voices.media import Stopped, never
from engine.voices.silence import Audio, EdgeTrimmer
from engine.voices.take import Word
from engine.voices.words import WordClock, tokens

BUFFER_MS = 20
"""How much is spoken between two looks at whether to go on."""

MOST_BATCHED = 32
"""Buffers that are handed over together at most: 0.6 s of sound, spoken in a millisecond."""

LEAD_SECONDS = 0.002
TAIL_SECONDS = 0.06
"""Kept before the first sound, and after the last: a pad sounds when it is hit, and lines don't end chopped."""

LONGEST_TEXT = 12_000
"""Characters of one line: about a quarter of an hour."""

_REVISION = "2"
"""Changes when this file makes another sound or other words from the same library."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_CHARS_UTF8, _SSML, _PHONEME_CODES = 0x01, 0x10, 0x100
_POS_CHARACTER = 1
_WORD, _PHONEME = 1, 7
_PARAMETERS = {"rate_wpm": 1, "volume": 2, "pitch": 3, "pitch_range": 4, "word_gap_ms": 7}
_WORD_GAP_UNIT_MS = 10.0
_STRESS, _VOWELS = b"',=%", frozenset(b"aeiouyAEIOUYVW@&0238")
"""What stands before a phoneme's name, and how the names of vowels begin, in every language of the library."""

_FLAGS = _CHARS_UTF8 | _SSML | _PHONEME_CODES

SETTINGS: Mapping[str, ParamSpec | Choice] = {
    "language": Choice(kind="language", default="en-gb", allowed=languages),
    "variant": Choice(kind="variant", default="", allowed=variants),
    "rate_wpm": ParamSpec(low=80.0, high=450.0, default=160.0, unit="words per minute"),
    "pitch": ParamSpec(low=0.0, high=100.0, default=50.0),
    "pitch_range": ParamSpec(low=0.0, high=100.0, default=50.0),
    "volume": ParamSpec(low=10.0, high=100.0, default=80.0),
    "word_gap_ms": ParamSpec(low=0.0, high=1000.0, default=0.0, unit="ms"),
}


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT, complete: the library hands out arrays of them."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class _Heard(msgspec.Struct, frozen=True):
    """One event: a word begins (position ≥ 0), a phoneme, perhaps a vowel, sounds or, silent, a pause begins."""

    frame: int
    position: int = -1
    silent: bool = False
    vowel: bool = False


class _Part(msgspec.Struct, frozen=True):
    """What one callback brought: 16-bit samples and events."""

    pcm: bytes
    events: tuple[_Heard, ...]


class _Utterance:
    """A line on its way through the library. Cancelling ends the synthesis at its next buffer."""

    def __init__(self, text: str, settings: Settings, flags: int = _CHARS_UTF8) -> None:
        self.text, self.settings, self.flags = text, settings, flags
        self.cancelled = False
        self._batches: SimpleQueue[list[_Part] | VoiceError] = SimpleQueue()
        self._batch: list[_Part] = []
        self._batch_size = 1

    def add(self, part: _Part) -> None:
        """Hand over one buffer: the first at once, later ones in growing batches, since each wakes the reader."""
        self._batch.append(part)
        if len(self._batch) >= self._batch_size:
            self._batches.put(self._batch)
            self._batch, self._batch_size = [], min(2 * self._batch_size, MOST_BATCHED)

    def end(self, error: VoiceError | None = None) -> None:
        """Hand over the rest, then the end, or why there is none."""
        if self._batch:
            self._batches.put(self._batch)
        self._batches.put(error or [])

    def next(self) -> list[_Part]:
        """Wait for sound and return it; nothing at the end. Raises VoiceError."""
        batch = self._batches.get()
        if isinstance(batch, VoiceError):
            raise batch
        return batch


class _Library:
    """The loaded library. Its state is global: one line at a time, and every parameter is set before each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._utterance: _Utterance | None = None
        self._library = _load()
        self._callback = _CALLBACK(self._on_buffer)  # must outlive every call
        flags = _PHONEME_EVENTS | _DONT_EXIT
        folder = str(data_folder()).encode()
        self.sample_rate: int = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, folder, flags)
        if self.sample_rate <= 0:
            raise VoiceError(f"espeak-ng does not start with its data in {data_folder()}")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, utterance: _Utterance) -> None:
        """Speak it; its parts arrive while this runs, then None. Waits for the line before it."""
        try:
            with self._lock:
                self._utterance = utterance
                if not utterance.cancelled:
                    self._synthesize(utterance)
        except VoiceError as error:
            utterance.end(error)
        else:
            utterance.end()

    def phonemes(self, text: str, language: str) -> str:
        """Return how ``text`` is said, in the library's own phonemes, a space between each."""
        place = ctypes.c_char_p(text.encode() + b"\0")
        pointer, clauses = ctypes.cast(place, ctypes.c_void_p), []
        with self._lock:
            _check(self._library.espeak_SetVoiceByName(language_files()[language].encode()), f"speak {language}")
            while pointer.value:
                told = self._library.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARS_UTF8, ord(" ") << 8)
                clauses.append((told or b"").decode())
        return " ".join(clauses)

    def _synthesize(self, utterance: _Utterance) -> None:
        settings = utterance.settings
        name = "+".join(filter(None, (language_files()[str(settings["language"])], str(settings["variant"]))))
        _check(self._library.espeak_SetVoiceByName(name.encode()), f"set the voice {name!r}")
        for setting, number in _PARAMETERS.items():
            value = float(settings[setting]) / (_WORD_GAP_UNIT_MS if setting == "word_gap_ms" else 1.0)
            _check(self._library.espeak_SetParameter(number, round(value), 0), f"set {setting}")
        data = utterance.text.encode() + b"\0"
        status = self._library.espeak_Synth(data, len(data), 0, _POS_CHARACTER, 0, utterance.flags, None, None)
        _check(status, "speak")
        _check(self._library.espeak_Synchronize(), "speak")

    def _on_buffer(self, samples: int | None, count: int, events: ctypes._Pointer[_Event]) -> int:
        utterance = self._utterance
        if utterance is None or utterance.cancelled:
            return 1
        pcm = ctypes.string_at(samples, 2 * count) if samples and count > 0 else b""
        utterance.add(_Part(pcm, _read_events(events)))
        return 0


def _read_events(events: ctypes._Pointer[_Event]) -> tuple[_Heard, ...]:
    heard: list[_Heard] = []
    index = 0
    while (event := events[index]).type:
        if event.type == _WORD:
            heard.append(_Heard(event.sample, position=event.text_position - 1))
        elif event.type == _PHONEME:
            name = event.id.string.lstrip(_STRESS)
            heard.append(_Heard(event.sample, silent=name.startswith(b"_"), vowel=bool(name) and name[0] in _VOWELS))
        index += 1
    return tuple(heard)


def _check(status: int, what: str) -> None:
    if status != 0:
        raise VoiceError(f"espeak-ng can't {what} (its error {status})")


def _load() -> ctypes.CDLL:
    path = library_path()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise VoiceError(f"the library of espeak-ng can't be loaded from {path}: {error}") from error
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p,
    ]  # fmt: skip
    return library


@cache
def _library() -> _Library:
    return _Library()


def phonemes(text: str, language: str) -> str:
    """Return how espeak-ng says ``text``: its phonemes, a space between each. Raises VoiceError."""
    return _library().phonemes(_plain(text), language)


class EspeakVoice:
    """espeak-ng with fixed settings. The library runs ahead of the reader: a whole line takes milliseconds."""

    channels = 1
    timing: Timing = "exact"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._library = _library()

    @property
    def sample_rate(self) -> int:
        """Frames per second; 22,050."""
        return self._library.sample_rate

    def speak(
        self,
        text: str,
        *,
        seed: int = 0,
        stopped: Callable[[], bool] = never,
    ) -> Generator[Chunk, None, None]:
        """Return ``text`` as a stream of chunks; see ``Voice``. Mark-up and phoneme codes are spoken as text."""
        return self.speak_marked(text, (), seed=seed, stopped=stopped)

    def speak_marked(
        self,
        text: str,
        marks: Sequence[Mark],
        *,
        seed: int = 0,  # noqa: ARG002
        stopped: Callable[[], bool] = never,
    ) -> Generator[Chunk, None, None]:
        """Return ``text`` with phonemes and emphasis; see ``MarkedVoice``."""
        if len(text) > LONGEST_TEXT:
            raise VoiceError(f"a line of {len(text):,} characters is too long to speak; at most {LONGEST_TEXT:,}")
        if not tokens(text):
            raise VoiceError(f"there is nothing to speak in {text!r}: no letter, digit or sign")
        return self._stream(text, marks, stopped)

    def _stream(self, text: str, marks: Sequence[Mark], stopped: Callable[[], bool]) -> Generator[Chunk, None, None]:
        told = notated(_plain(text), marks)
        utterance = _Utterance(told.text, self._settings, _FLAGS if marks else _CHARS_UTF8)
        speaker = threading.Thread(target=self._library.speak, args=(utterance,), name="espeak", daemon=True)
        speaker.start()
        listener = _Listener(text, self.sample_rate, told.position)
        try:
            while parts := utterance.next():
                if stopped():
                    raise Stopped
                chunk = listener.take(parts)
                if len(chunk.audio) or chunk.words:
                    yield chunk
            yield listener.finish()
        finally:
            utterance.cancelled = True
            speaker.join()


class _Listener:
    """Makes chunks of an utterance's parts: edges trimmed, events turned into words of the text."""

    def __init__(self, text: str, sample_rate: int, position: Callable[[int], int]) -> None:
        self._text, self._position = text, position
        self._clock = WordClock(text)
        self._edges = EdgeTrimmer(round(LEAD_SECONDS * sample_rate), round(TAIL_SECONDS * sample_rate))
        self._early: list[_Heard] = []
        self._begun: _Heard | None = None

    def take(self, parts: list[_Part]) -> Chunk:
        """Return what these parts add."""
        pcm = b"".join(part.pcm for part in parts)
        audio: Audio = np.frombuffer(pcm, np.int16).astype(np.float32)[:, np.newaxis] / 32768.0
        kept = self._edges.feed(audio)
        self._early.extend(event for part in parts for event in part.events)
        return Chunk(audio=kept, words=self._words())

    def _words(self) -> tuple[Word, ...]:
        cut = self._edges.cut_frames
        if cut is None:  # where frame 0 lies is known with the first sound
            return ()
        words: list[Word] = []
        for event in self._early:
            frame = max(0, event.frame - cut)
            if event.position >= 0 or not event.silent:
                words.extend(self._begin(frame if event.vowel else None))
            if event.position >= 0:
                self._begun = msgspec.structs.replace(event, frame=frame)
            elif event.silent:
                self._clock.silence(frame)
            else:
                self._clock.sound(frame)
        self._early.clear()
        return tuple(words)

    def _begin(self, vowel_frame: int | None = None) -> tuple[Word, ...]:
        """Tell the clock of the word that began last, and with which vowel, if with any.

        The library tells of such a word before the sonorant that ends the one before it is through ("again in"), and of
        the vowel when it is fully there: the word begins half-way.
        """
        begun, self._begun = self._begun, None
        if begun is None:
            return ()
        frame = begun.frame if vowel_frame is None else (begun.frame + vowel_frame) // 2
        return self._clock.hear(self._position(begun.position), frame)

    def finish(self) -> Chunk:
        """Return the end of the line. Raises VoiceError if nothing was heard."""
        if self._edges.cut_frames is None:
            raise VoiceError(f"espeak-ng has no sound for {self._text!r} in this language")
        words = (*self._begin(), *self._clock.finish(self._edges.sound_frames))
        return Chunk(audio=self._edges.finish(words[-1].end_frame if words else 0), words=words)


def _plain(text: str) -> str:
    """Return ``text`` with a space for each character that would steer espeak-ng or that UTF-8 can't hold."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Co") and c != "\n" else c for c in text)


class EspeakBackend:
    """The row of the registry."""

    settings = SETTINGS
    abilities = Abilities(speed="rate_wpm", phonemes=True, emphasis=True, longest=LONGEST_TEXT)

    def version(self) -> str:
        """Return the library's version and this file's."""
        return f"{_version()}+{_REVISION}"

    def model(self, settings: Settings) -> str:  # noqa: ARG002
        """Return nothing: the library is small and in every worker."""
        return ""

    def batch(self, settings: Settings) -> int:  # noqa: ARG002
        """Return 1: it is quick enough."""
        return 1

    def fingerprint(self, settings: Settings) -> str:  # noqa: ARG002
        """Return nothing: the version says it all."""
        return ""

    def open(self, settings: Settings, report: Report = unheard) -> EspeakVoice:  # noqa: ARG002
        """Return a voice."""
        return EspeakVoice(settings)

    def memory(self) -> dict[str, int]:
        """Return nothing: it speaks on the CPU."""
        return {}


@cache
def _version() -> str:
    info: bytes = _load().espeak_Info(None)
    return info.decode().split()[0]


BACKEND = EspeakBackend()
