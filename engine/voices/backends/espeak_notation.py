"""Phonemes and emphasis as espeak-ng reads them, and the way back from its positions to the text's. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from xml.sax.saxutils import escape

from engine.speech.script import Mark


class Notation:
    """A text in espeak-ng's notation."""

    def __init__(self) -> None:
        self.text = ""
        self._starts: list[int] = []
        self._pieces: list[tuple[int, bool]] = []

    def add(self, written: str, place: int, *, moves: bool) -> None:
        """Append what stands for the text from character ``place`` on. moves: each character for the next one."""
        self._starts.append(len(self.text))
        self._pieces.append((place, moves))
        self.text += written

    def position(self, place: int) -> int:
        """Return the character of the text that ``place`` in the notation stands for."""
        index = bisect_right(self._starts, place) - 1
        if index < 0:
            return place
        start, moves = self._pieces[index]
        return start + (place - self._starts[index] if moves else 0)


def notated(text: str, marks: Sequence[Mark]) -> Notation:
    """Return ``text`` with its marks; without any it is as it was."""
    notation = Notation()
    if not marks:
        notation.add(text, 0, moves=True)
        return notation
    done = 0
    for mark in sorted(marks, key=lambda each: each.start):
        _plainly(notation, text, done, mark.start)
        if mark.emphasis:
            notation.add("<emphasis level='strong'>", mark.start, moves=False)
        if mark.phonemes:  # between spaces: a tag right behind it is read out
            notation.add(f" [[{escape(mark.phonemes)}]] ", mark.start, moves=False)
        else:
            _plainly(notation, text, mark.start, mark.end)
        if mark.emphasis:
            notation.add("</emphasis>", mark.end - 1, moves=False)
        done = mark.end
    _plainly(notation, text, done, len(text))
    return notation


def _plainly(notation: Notation, text: str, start: int, end: int) -> None:
    """Add text as it is, but for the signs that would steer espeak-ng."""
    begin = start
    for place in range(start, end):
        if text[place] in "<>&[":
            notation.add(text[begin:place], begin, moves=True)
            notation.add(escape(text[place]) if text[place] != "[" else " ", place, moves=False)
            begin = place + 1
    notation.add(text[begin:end], begin, moves=True)
