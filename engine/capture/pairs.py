"""Pairs: which word of one speaker is which of another one's. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from engine.voices.take import Word

Pair = tuple[Word, Word]


def pairs(captured: Sequence[Word], spoken: Sequence[Word]) -> tuple[Pair, ...]:
    """Return the words that both say, in order; where as many words differ, one stands for the other."""
    return tuple(_pairs(captured, spoken))


def _pairs(captured: Sequence[Word], spoken: Sequence[Word]) -> Iterator[Pair]:
    matcher = SequenceMatcher(None, [_bare(w) for w in captured], [_bare(w) for w in spoken], autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and end - start == other_end - other_start):
            yield from zip(captured[start:end], spoken[other_start:other_end], strict=True)


def _bare(word: Word) -> str:
    """Return a word as it is compared: without case, accents and punctuation."""
    letters = unicodedata.normalize("NFKD", word.text.casefold())
    return "".join(c for c in letters if c.isalnum())
