"""Long text in pieces that a model can speak in one go: at sentences, else at clauses, else between words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import msgspec
import sentencex

Cut = Literal["sentence", "clause", "length"]

_CLAUSE = re.compile(r"(?:[,;:…—–]+[\"'”’»)\]]*\s+)|(?:[、，；：])|(?:\s+[—–-]+\s+)")
_SPACE = re.compile(r"\s+")
_BRACKETED = re.compile(r"\[[^\[\]]{1,80}\]|\([^()]{1,80}\)")
_CODE = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_NAMED = {"cmn": "zh", "yue": "zh", "jpn": "ja", "eng": "en", "deu": "de", "fra": "fr", "spa": "es", "ita": "it"}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Characters start to end of the text. cut: where it was cut off from the one before; None: the first."""

    start: int
    end: int
    cut: Cut | None = None


def language_code(language: str) -> str:
    """Return the code by which sentences are told apart; English for what is no code."""
    found = _CODE.match(language.lower())
    code = found[0] if found else "en"
    return _NAMED.get(code, code)


def split(text: str, longest: int, language: str = "en") -> tuple[Piece, ...]:
    """Return ``text`` in pieces of at most ``longest`` characters (0: in one); each goes to the next one's start.

    Whole sentences go together as long as they fit. A sentence that is longer is cut at clauses, a clause between
    words, a word anywhere. Brackets are not torn, nor numbers, unless they are longer themselves.
    """
    if not longest or len(text) <= longest:
        return (Piece(start=0, end=len(text)),)
    pieces: list[Piece] = []
    for start, end, cut in _atoms(text, longest, language_code(language)):
        if pieces and end - pieces[-1].start <= longest:
            pieces[-1] = msgspec.structs.replace(pieces[-1], end=end)
        else:
            pieces.append(Piece(start=start, end=end, cut=cut if pieces else None))
    return tuple(pieces)


def sentences(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Return where the sentences of ``text`` lie, without gaps between them."""
    boundaries = sentencex.get_sentence_boundaries(language_code(language), _whole(text))
    ends = [end for found in boundaries if not _is_inside(text, end := int(found["end_index"]))]
    edges = [0, *(end for end in ends if 0 < end < len(text)), len(text)]
    return [(start, end) for start, end in pairwise(edges) if end > start]


def _atoms(text: str, longest: int, language: str) -> Iterator[tuple[int, int, Cut]]:
    """Yield what is not cut unless it must be, with what it begins."""
    for start, end in sentences(text, language):
        cut: Cut = "sentence"
        for first, last in _cut(text, start, end, longest, _CLAUSE):
            for one, other in _cut(text, first, last, longest, _SPACE):
                for place in range(one, other, longest):
                    yield place, min(place + longest, other), cut
                    cut = "length"
            cut = "clause"


def _cut(text: str, start: int, end: int, longest: int, edge: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Cut what is longer than ``longest`` behind every ``edge``; neighbours that fit stay together."""
    if end - start <= longest:
        yield start, end
        return
    begin = last = start
    for found in edge.finditer(text, start, end):
        place = found.end()
        if place >= end or _is_inside(text, place):
            continue
        if place - begin > longest and last > begin:
            yield begin, last
            begin = last
        last = place
    if end - begin > longest and last > begin:
        yield begin, last
        begin = last
    yield begin, end


def _is_inside(text: str, place: int) -> bool:
    """Return whether ``place`` lies in a bracket."""
    near = max(0, place - 90)
    return any(found.start() < place < found.end() for found in _BRACKETED.finditer(text, near, place + 90))


def _whole(text: str) -> str:
    """Return ``text`` without halves of characters, which no other library takes."""
    return text if text.isascii() else "".join(" " if "\ud800" <= sign <= "\udfff" else sign for sign in text)
