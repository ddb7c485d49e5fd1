"""The words by which lines are found: folded alike for every database, so that all of them find the same."""

from __future__ import annotations

import re
import unicodedata

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|(?:(?![{_IDEOGRAPHS}])[^\W_])+")
"""Where a script knows no spaces, each character is a word."""


def words_of(text: str) -> list[str]:
    """Return the words of ``text``: without case, accents and punctuation."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _WORD.findall(bare.casefold())


def folded(text: str) -> str:
    """Return ``text`` as it is kept to be searched."""
    return " ".join(words_of(text))
