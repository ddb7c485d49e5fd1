"""Seen: clips by the text of their rows. A story that is read again is read only where its text is another one."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.story.model import Clip, Pronunciation
from engine.story.nodes import Node

_ANCHOR = re.compile(r"(?<![^\s\[{,])[&*]\S")

_Row = tuple[str, int, str, str | None]
"""A row's text, its column, the id that it has by itself, and its track's voice."""


def has_anchors(text: str) -> bool:
    """Return whether a text may have anchors or aliases."""
    return ("&" in text or "*" in text) and _ANCHOR.search(text) is not None


class Seen:
    """Remembers the clips of one file. With anchors in it a row's text does not tell all: nothing is remembered."""

    def __init__(self) -> None:
        self._before: dict[_Row, Clip] = {}
        self._now: dict[_Row, Clip] = {}
        self._around: tuple[int, tuple[Pronunciation, ...]] | None = None
        self._text = ""
        self._plain = False

    def look(self, text: str) -> None:
        """Go on with another text of the same file; what the one before it had, and it has not, is forgotten."""
        self._before, self._now = self._now, {}
        self._text, self._plain = text, not has_anchors(text)

    def around(self, rate: int, pronounce: tuple[Pronunciation, ...]) -> None:
        """Hear what else shapes a clip; where that is another one, nothing is remembered of before."""
        if (rate, pronounce) != self._around:
            self._around = rate, pronounce
            self._before.clear()

    def clip(self, node: Node, auto_id: str, voice: str | None, read: Callable[[], Clip | None]) -> Clip | None:
        """Return the clip of a row; ``read`` reads one that was not seen, and returns None for one that is wrong."""
        if not self._plain:
            return read()
        key = self._text[node.start : node.end], node.column, auto_id, voice
        clip = self._before.get(key) or read()
        if clip is not None:
            self._now[key] = clip
        return clip
