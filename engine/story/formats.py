"""Formats: how a story file of an older Cuevox becomes one of today's, step by step, as text: its comments stay.

A file is brought up to date in memory when it is read; the next save writes it so, and what it said before is a backup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from engine.errors import StoryError

VERSION = 1
"""Of the format that this Cuevox writes. Add a step below whenever it changes so that older ones can't be read."""

Step = Callable[[str], str]

STEPS: Mapping[int, Step] = {}
"""What makes a text of a version one of the next."""

_VERSION = re.compile(r"^version:[ \t]*(\d{1,6})[ \t]*(?=#|\r?$)", re.MULTILINE)


def upgraded(text: str, name: str, *, steps: Mapping[int, Step] = STEPS, to: int = VERSION) -> str:
    """Return a story's text as today's format has it. name: the file's, for errors.

    Raises StoryError for one of a later Cuevox. A text whose version can't be seen is left to the reader's judgement.
    """
    found = _VERSION.search(text)
    if found is None:
        return text
    version = int(found[1])
    if version > to:
        line = text.count("\n", 0, found.start()) + 1
        raise StoryError(
            f"{name}:{line}: version {version} is of a later Cuevox; this one reads up to {to}: update Cuevox"
        )
    while version < to and version in steps:
        text = _numbered(steps[version](text), version + 1)
        version += 1
    return text


def _numbered(text: str, version: int) -> str:
    return _VERSION.sub(lambda found: found[0].replace(found[1], str(version), 1), text, count=1)
