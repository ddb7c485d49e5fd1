"""Word times: maps a synthesiser's events onto the words of the user's text. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import msgspec

from engine.voices.take import Word

SHORTEST_WORD_FRAMES = 64
"""No word is shorter, at the voice's rate: what sounds too short to split shares its time with its neighbour."""

_BREAKS = re.compile(r"\s+|[—–…]|--+|\.{2,}")
_ALONE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Kana and ideographs, written without spaces: each is a word."""

_PAIRS = re.compile("th|sh|ch|ck|ll|ss", re.IGNORECASE)
"""Letters that are one phoneme in most languages that write them."""

_SPOKEN_PUNCTUATION = frozenset("&@%#*_/\\§¶†‰")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A word of the text, by characters. certain: it has letters or digits; other signs may stay unspoken."""

    start: int
    end: int
    certain: bool


def tokens(text: str) -> tuple[Token, ...]:
    """Return the words of ``text``: what stands between spaces and dashes, without the punctuation around it."""
    return tuple(token for start, end in _pieces(text) if (token := _token(text, start, end)) is not None)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _BREAKS.finditer(text):
        yield from _split_alone(text, start, gap.start())
        start = gap.end()
    yield from _split_alone(text, start, len(text))


def _split_alone(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for sign in _ALONE.finditer(text, start, end):
        if sign.start() > start:
            yield start, sign.start()
        yield sign.span()
        start = sign.end()
    if end > start:
        yield start, end


def _token(text: str, start: int, end: int) -> Token | None:
    kinds = [_kind(character) for character in text[start:end]]
    heard = [index for index, kind in enumerate(kinds) if kind]
    if not heard:
        return None
    return Token(start=start + heard[0], end=start + heard[-1] + 1, certain="certain" in kinds)


def _kind(character: str) -> str:
    """Return ``certain`` for letters and digits, ``sign`` for what may be spoken, nothing for punctuation."""
    category = unicodedata.category(character)
    if category[0] in "LN":
        return "certain"
    return "sign" if category[0] in "SM" or character in _SPOKEN_PUNCTUATION else ""


class WordClock:
    """Takes a synthesiser's events in order of time and gives each word of the text its start and end.

    A word may have several events ("25": twenty, five) or share one with its neighbours ("of the"): the former starts
    with its first, the latter divide the phonemes by their letters, or the time where there are too few phonemes. Signs
    without an event are not spoken, hence no words.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._first = 0
        self._current = -1
        self._start = 0
        self._silent_since: int | None = None
        self._heard: set[int] = set()
        self._sounds: list[int] = []

    def hear(self, position: int, frame: int) -> tuple[Word, ...]:
        """Note that what stands at character ``position`` begins at ``frame``; return the words that ended thereby."""
        token = self._token_at(position)
        if token <= self._current or token < 0:
            return ()
        self._heard.add(token)
        ended: tuple[Word, ...] = ()
        if self._current < 0:
            self._start = frame
        elif self._end(frame) - self._start >= SHORTEST_WORD_FRAMES * max(1, len(self._pending(token))):
            ended = self._close(token, self._end(frame))
            self._start, self._first = frame, token
            self._sounds.clear()
        self._current, self._silent_since = token, None
        return ended

    def sound(self, frame: int) -> None:
        """Note that the current word sounds on: a phoneme begins."""
        self._silent_since = None
        self._sounds.append(frame)

    def silence(self, frame: int) -> None:
        """Note that a pause begins."""
        if self._silent_since is None:
            self._silent_since = frame

    def finish(self, frame: int) -> tuple[Word, ...]:
        """Return the last words; the line's sound ends at ``frame``. They may end later if they got no time at all."""
        shortest = SHORTEST_WORD_FRAMES * len(self._pending(len(self._tokens)))
        return self._close(len(self._tokens), max(self._end(frame), self._start + shortest))

    def _end(self, frame: int) -> int:
        return frame if self._silent_since is None else min(frame, self._silent_since)

    def _token_at(self, position: int) -> int:
        """Return the token at ``position``; between two, spaces belong to the one before, punctuation to the next."""
        index = max(0, self._current)
        while index < len(self._tokens) and position >= self._tokens[index].end:
            index += 1
        after = self._tokens[index - 1].end if index else 0
        only_spaces = not self._text[after : position + 1].strip()
        return index - 1 if index == len(self._tokens) or (index and only_spaces) else index

    def _pending(self, upto: int) -> list[int]:
        return [i for i in range(self._first, upto) if self._tokens[i].certain or i in self._heard]

    def _close(self, upto: int, end: int) -> tuple[Word, ...]:
        pending = self._pending(upto)
        if not pending:
            return ()
        edges = self._edges(pending, end)
        return tuple(
            self._word(self._tokens[index], *edge) for index, edge in zip(pending, pairwise(edges), strict=True)
        )

    def _edges(self, pending: Sequence[int], end: int) -> list[int]:
        """Return where each of these words begins, and where the last one ends."""
        shares = list(accumulate((self._letters(index) for index in pending), initial=0))
        sounds = [self._start, *(frame for frame in self._sounds[1:] if self._start < frame < end), end]
        edges = [sounds[round((len(sounds) - 1) * share / shares[-1])] for share in shares]
        if all(last - first >= SHORTEST_WORD_FRAMES for first, last in pairwise(edges)):
            return edges
        spare = end - self._start - SHORTEST_WORD_FRAMES * len(pending)
        return [
            self._start + SHORTEST_WORD_FRAMES * number + spare * share // shares[-1]
            for number, share in enumerate(shares)
        ]

    def _letters(self, index: int) -> int:
        """Return about how many phonemes a word has."""
        token = self._tokens[index]
        return token.end - token.start - len(_PAIRS.findall(self._text, token.start, token.end))

    def _word(self, token: Token, start: int, end: int) -> Word:
        return Word(
            text=self._text[token.start : token.end],
            start_frame=start,
            end_frame=end,
            text_start=token.start,
            text_end=token.end,
        )
