"""Words by name: ``dragon``, ``dragon#2`` (the second one), ``#3`` (the third word of all)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from engine.errors import BadRange, UnknownThing

_REFERENCE = re.compile(r"(?P<text>[^#]*)(?:#(?P<number>[1-9][0-9]{0,5}))?")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})


def word_fault(reference: str) -> str:
    """Return what is wrong with the way a word is named; nothing when it is fine."""
    found = _REFERENCE.fullmatch(reference)
    if found is None or not (_plain(found["text"]) or found["number"]):
        return f"{reference!r} names no word; write dragon, dragon#2 (the second one) or #3 (the third word)"
    return ""


def find_word(words: Sequence[str], reference: str, what: str, after: int = 0) -> int:
    """Return the index in ``words`` of the one that ``reference`` names.

    Case, accents' encoding and the punctuation around a word do not matter. after: where the search starts; a
    reference with a number counts from the first word on all the same.
    Raises BadRange for a reference that names nothing, UnknownThing with the words that there are (of ``what``).
    """
    found = _REFERENCE.fullmatch(reference)
    fault = word_fault(reference)
    if found is None or fault:
        raise BadRange(fault)
    text, number = _plain(found["text"]), int(found["number"] or 0)
    matching = [i for i, word in enumerate(words) if not text or _plain(word) == text]
    if not number:
        matching = [i for i in matching if i >= after]
    if len(matching) < max(1, number):
        raise UnknownThing(f"word of {what}", reference, numbered(words))
    return matching[max(1, number) - 1]


def same_word(word: str, other: str) -> bool:
    """Return whether two texts are the same word: case and the punctuation around it do not matter."""
    return bool(_plain(word)) and _plain(word) == _plain(other)


def numbered(words: Sequence[str]) -> list[str]:
    """Return the words as references: the second ``the`` is ``the#2``."""
    counts: dict[str, int] = {}
    references = []
    for word in words:
        count = counts[_plain(word)] = counts.get(_plain(word), 0) + 1
        references.append(f"{word}#{count}" if count > 1 else word)
    return references


def _plain(word: str) -> str:
    text = unicodedata.normalize("NFC", word).translate(_APOSTROPHES).casefold()
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return text[start:end]
