"""The pronunciation dictionary of a story, put into its lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec.structs import replace

from engine.speech.parts import Part, Said
from engine.story.model import Pronunciation

_POSSESSIVE = re.compile(r"['’ʼ]s\b")
_SIBILANTS, _VOICELESS = ("s", "z", "S", "Z"), ("p", "t", "k", "f", "T")


def pronounced(parts: Iterable[Part], entries: Sequence[Pronunciation]) -> Iterator[Part]:
    """Yield ``parts`` with the dictionary's words said its way; what the markup says itself stays."""
    if not entries:
        yield from parts
        return
    pattern = _pattern(tuple(entries))
    by_word = {entry.word.casefold(): entry for entry in entries}
    for part in parts:
        if not isinstance(part, Said) or part.say or part.phonemes or not part.is_literal:
            yield part
            continue
        done = 0
        for found in pattern.finditer(part.text):
            entry = by_word[found[0].casefold()]
            tail = _POSSESSIVE.match(part.text, found.end())
            end = tail.end() if tail else found.end()
            if found.start() > done:
                yield _slice(part, done, found.start())
            yield _said(_slice(part, found.start(), end), entry, has_tail=tail is not None)
            done = end
        if done < len(part.text):
            yield _slice(part, done, len(part.text))


def _said(part: Said, entry: Pronunciation, *, has_tail: bool) -> Said:
    phonemes, say = entry.phonemes, entry.say
    if has_tail:
        phonemes = phonemes and phonemes + _tail(phonemes)
        say = say and f"{say}'s"
    return replace(part, phonemes=phonemes, say=say)


def _tail(phonemes: str) -> str:
    """Return how English says a possessive behind ``phonemes``."""
    if phonemes.endswith(_SIBILANTS):
        return "Iz"
    return "s" if phonemes.endswith(_VOICELESS) else "z"


def _slice(part: Said, start: int, end: int) -> Said:
    return replace(part, text=part.text[start:end], start=part.start + start, end=part.start + end)


@lru_cache(maxsize=64)
def _pattern(entries: tuple[Pronunciation, ...]) -> re.Pattern[str]:
    words = sorted({entry.word for entry in entries}, key=len, reverse=True)
    return re.compile("|".join(f"{_edge(w[0], '<!')}{re.escape(w)}{_edge(w[-1], '!')}" for w in words), re.IGNORECASE)


def _edge(sign: str, look: str) -> str:
    """Return what forbids a letter beside a word that begins or ends with one; CJK has no such edges."""
    return rf"(?{look}\w)" if sign.isalnum() and ord(sign) < 0x2E80 else ""
