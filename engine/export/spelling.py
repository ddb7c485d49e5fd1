"""Spelling: the words of a take as its line has them, punctuation included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from engine.speech.markup import shown
from engine.voices.take import Word

_OPENING = re.compile(r"(?<=\s)\S*\Z")


def spelled(text: str, words: Sequence[Word]) -> list[str]:
    """Return each word with the signs around it and the space behind it; together they are ``text`` without markup.

    Words that stand for one place, as "forty" and "two" for 42, are "" but for the first. Where places are not known,
    words are as they were spoken.
    """
    places = [(word.text_start, word.text_end) for word in words]
    firsts = [place for number, place in enumerate(places) if not number or place != places[number - 1]]
    if not firsts or any(b <= a for a, b in firsts) or any(b < a for (_, a), (b, _) in pairwise(firsts)):
        return [f"{word.text} " for word in words]
    told = iter(_around(text, firsts))
    return [next(told) if not n or place != places[n - 1] else "" for n, place in enumerate(places)]


def _around(text: str, places: Sequence[tuple[int, int]]) -> list[str]:
    """Return what stands at ``places``; what lies between two goes to the second from its last space on."""
    found: list[str] = []
    opening = shown(text, 0, places[0][0])
    for (start, end), (following, _) in pairwise([*places, (len(text), 0)]):
        gap = shown(text, end, following)
        ahead = _OPENING.search(gap) if following < len(text) else None
        begin = ahead.start() if ahead else len(gap)
        found.append(re.sub(r"\s+", " ", opening + shown(text, start, end) + gap[:begin]))
        opening = gap[begin:]
    return found
