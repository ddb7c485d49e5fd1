"""Prose as a script: headings are scenes, ``NAME: words`` is spoken by NAME, everything else by the narrator."""

from __future__ import annotations

import re

from engine.story.problems import Problem
from engine.story.script import Speeches, Spoken
from engine.story.script_formats import NARRATOR

_NAMED = re.compile(r"(?P<name>[^\W\d_][^:.!?,;]{0,39}):\s+(?P<text>\S.*)", re.DOTALL)
_DIRECTION = re.compile(r"\([^()]*\)")


class Prose:
    """Takes headings and paragraphs in, one after the other."""

    def __init__(self, gap_seconds: float) -> None:
        self._speeches = Speeches(gap_seconds)

    def heading(self, text: str) -> None:
        """Begin a scene."""
        if plain := " ".join(text.split()):
            self._speeches.scene(plain)

    def paragraph(self, text: str, line: int) -> None:
        """Take a paragraph; line: where it stands."""
        plain = " ".join(text.split())
        named = _NAMED.fullmatch(plain)
        if named:
            self.said(named["name"], named["text"], line)
        elif any(sign.isalnum() for sign in plain):
            self._speeches.add(NARRATOR, plain, line)

    def said(self, name: str, text: str, line: int) -> None:
        """Take what somebody says; other things in parentheses are directions."""
        bare = " ".join(_DIRECTION.sub(" ", text).split())
        who = " ".join(_DIRECTION.sub(" ", name).split())
        if bare and who:
            self._speeches.add(who, bare, line)

    def told(self) -> tuple[list[Spoken], list[Problem]]:
        """Return all speeches; nothing can be wrong with prose."""
        return self._speeches.said, []
