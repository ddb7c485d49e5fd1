"""Word times that a server tells, laid onto the words of the text that it was given. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import msgspec

from engine.speech.align.heard import Span
from engine.voices.words import Token, tokens

SHARED_CONFIDENCE = 0.5
"""Of words that the server cut or spelt otherwise than the text: they share the time of all by their letters."""


class ToldWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word as the server has it, in seconds of its sound."""

    text: str
    start_seconds: float
    end_seconds: float

    @property
    def sane(self) -> bool:
        """Whether it says something, at a time that can be."""
        timed = math.isfinite(self.start_seconds) and math.isfinite(self.end_seconds)
        return timed and 0.0 <= self.start_seconds <= self.end_seconds and bool(_plain(self.text))


def server_spans(text: str, told: Sequence[ToldWord]) -> list[Span]:
    """Return when each word of ``text`` is spoken; nothing where the server left one of them out.

    Marks that it tells by themselves are passed over; words that it joins, splits or spells out share their time.
    """
    places = tokens(text)
    heard = [word for word in told if word.sane]
    mine, theirs = [_plain(text[p.start : p.end]) for p in places], [_plain(word.text) for word in heard]
    spans: list[Span] = []
    for kind, first, last, begin, end in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        group = places[first:last]
        if kind == "equal":
            pairs = zip(group, heard[begin:end], strict=True)
            spans += [_span(place, word.start_seconds, word.end_seconds, 1.0) for place, word in pairs]
        elif kind == "replace":
            spans += _shared(group, heard[begin].start_seconds, heard[end - 1].end_seconds)
        elif any(place.certain for place in group):
            return []
    return spans


def _shared(places: Sequence[Token], start: float, end: float) -> Iterator[Span]:
    letters = sum(place.end - place.start for place in places)
    before = 0
    for place in places:
        after = before + place.end - place.start
        part = (end - start) / letters
        yield _span(place, start + part * before, start + part * after, SHARED_CONFIDENCE)
        before = after


def _span(place: Token, start: float, end: float, confidence: float) -> Span:
    return Span(
        text_start=place.start,
        text_end=place.end,
        start_seconds=start,
        end_seconds=end,
        source="server",
        confidence=confidence,
    )


def _plain(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
