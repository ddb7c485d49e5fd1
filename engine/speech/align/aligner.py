"""The aligner: when each word of a text is spoken in a recording, however long, by the best means there is."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

import msgspec
import numpy as np

from engine.speech.align.heard import RATE, AlignError, Audio, Span
from engine.speech.align.reference import spoken_as
from engine.speech.split import split

log = logging.getLogger(__name__)

WHOLE_SECONDS = 25.0
WHOLE_CHARACTERS = 320
"""What is longer in either is aligned in pieces."""

PIECE_CHARACTERS, FOLLOWING_CHARACTERS = 240, 60
_SPARE_SECONDS, _SPARE_PART = 3.0, 0.6
"""How much longer than expected a piece is looked for."""

_SLOWEST, _FASTEST = 3.0, 0.4
"""How the pace may differ from espeak-ng's."""

Means = Callable[[Audio, str], tuple[Span, ...]]
Begin = Callable[[Audio, str], Callable[[], tuple[Span, ...]]]
"""Begins to align a piece with its text; what it returns waits for the words. Either raises AlignError."""


class Recording(Protocol):
    """Sound that is read piece by piece: mono at 16 kHz."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        ...

    def read(self, start_seconds: float, end_seconds: float) -> Audio:
        """Return a part of it."""
        ...


class Held(msgspec.Struct, frozen=True):
    """A recording that is in memory."""

    audio: Audio

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.audio) / RATE

    def read(self, start_seconds: float, end_seconds: float) -> Audio:
        """Return a part of it."""
        return self.audio[max(0, round(start_seconds * RATE)) : round(end_seconds * RATE)]


def align(
    recording: Recording,
    text: str,
    language: str,
    hear: Callable[[float], None] = lambda _: None,
    *,
    begin: Begin | None = None,
    ahead: int = 0,
) -> Iterator[Span]:
    """Yield the words of ``text`` in order, in seconds of the recording; memory does not grow with its length.

    hear: how far it is, 0 to 1. begin: aligns the pieces of a long recording, of which ``ahead`` may be under way at
    once; None: this process does. Raises AlignError where libraries, the language, sound or words are missing.
    """
    means = means_for(language)
    if recording.seconds <= WHOLE_SECONDS and len(text) <= WHOLE_CHARACTERS:
        yield from aligned(means, recording.read(0.0, recording.seconds), text)
        hear(1.0)
        return
    begun: deque[_Piece] = deque()
    for piece in _pieces(recording, text, language, begin or _here(means)):
        begun.append(piece)
        if len(begun) > ahead:
            yield from begun.popleft().spans(hear)
    for piece in begun:
        yield from piece.spans(hear)


def means_for(language: str) -> tuple[Means, ...]:
    """Return what can align a language, the best first. Raises AlignError, naming what to install."""
    means: list[Means] = []
    if language.split("-")[0] == "en" and find_spec("pocketsphinx"):
        means.append(_means("sphinx", "force"))
    if find_spec("librosa"):
        spoken, warp = spoken_as(language), _means("warp", "warp")
        means.append(lambda audio, text: warp(audio, text, spoken))
    if not means:
        raise AlignError("word times need libraries that are not installed: pip install 'cuevox[align]'")
    return tuple(means)


def _means(module: str, name: str) -> Callable[..., tuple[Span, ...]]:
    """Return a function whose module, and the libraries it needs, is loaded when it is called."""

    def call(*part: object) -> tuple[Span, ...]:
        return cast(tuple[Span, ...], getattr(import_module(f"engine.speech.align.{module}"), name)(*part))

    return call


def _here(means: tuple[Means, ...]) -> Begin:
    return lambda audio, text: partial(aligned, means, audio, text)


def aligned(means: tuple[Means, ...], audio: Audio, text: str) -> tuple[Span, ...]:
    """Return the words by the first means that finds them. Raises the last one's AlignError.

    What a better one could not follow is half as sure: perhaps it was never said.
    """
    trust = 1.0
    for each in means[:-1]:
        try:
            return each(audio, text)
        except AlignError as error:
            log.info("aligning %r by another means: %s", text[:40], error)
            trust /= 2.0
    return tuple(msgspec.structs.replace(s, confidence=s.confidence * trust) for s in means[-1](audio, text))


class _Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the text that is being aligned. words: waits for them. part: how much of the text ends with it."""

    text_start: int
    start_seconds: float
    words: Callable[[], tuple[Span, ...]]
    part: float

    def spans(self, hear: Callable[[float], None]) -> Iterator[Span]:
        """Yield its words as those of the whole text and recording."""
        for span in self.words():
            yield msgspec.structs.replace(
                span,
                text_start=span.text_start + self.text_start,
                text_end=span.text_end + self.text_start,
                start_seconds=span.start_seconds + self.start_seconds,
                end_seconds=span.end_seconds + self.start_seconds,
            )
        hear(self.part)


def _pieces(recording: Recording, text: str, language: str, begin: Begin) -> Iterator[_Piece]:
    finder = _Finder(recording, language)
    pieces = split(text, PIECE_CHARACTERS, language)
    for number, piece in enumerate(pieces, 1):
        said = text[piece.start : piece.end]
        if not any(sign.isalnum() for sign in said):
            continue
        following = text[piece.end : piece.end + FOLLOWING_CHARACTERS].rpartition(" ")[0]
        start, end = finder.find(said, following)
        words = begin(recording.read(start, end), said)
        yield _Piece(text_start=piece.start, start_seconds=start, words=words, part=number / len(pieces))


class _Finder:
    """Finds one piece after the other: where it ends is where it fits best, cut in the quietest moment near by."""

    def __init__(self, recording: Recording, language: str) -> None:
        if not find_spec("librosa"):
            raise AlignError("long recordings need librosa: pip install 'cuevox[align]'")
        self._rough = import_module("engine.speech.align.rough")
        self._recording, self._language = recording, language
        self._from, self._pace = 0.0, 1.0

    def find(self, said: str, following: str) -> tuple[float, float]:
        """Return where the piece begins and ends, in seconds; following: what is said next."""
        start = self._from
        if not following.strip():
            return start, self._recording.seconds
        alone, together = self._rough.seconds_of(said, following, self._language)
        expected = self._pace * together
        until = min(self._recording.seconds, start + expected * (1.0 + _SPARE_PART) + _SPARE_SECONDS)
        audio = self._recording.read(start, until)
        if len(audio) < RATE // 10:
            raise AlignError(f"the recording ends before {said[:40]!r} is said")
        begin, end = self._rough.place(audio, said, following, self._language)
        pace = (end - begin) / max(0.1, alone)
        self._pace = float(np.clip(0.7 * self._pace + 0.3 * pace, _FASTEST, _SLOWEST))
        self._from = start + end
        return start, self._from
