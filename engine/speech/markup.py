"""The markup of lines: ``[pause 0.5]``, ``*never*``, ``[Hermione](/h3:maI@ni/)``, ``[WWF](the federation)``. Pure.

What is no markup is text. A text that begins with ``<speak`` is read as SSML instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from msgspec.structs import replace

from engine.speech.parts import Marked, MarkupError, Part, Pause, Said, pause, written
from engine.speech.ssml import is_ssml, read_ssml

PAUSE_SECONDS = 0.5
"""How long ``[pause]`` is."""

FORMS = "[pause 0.5], *emphasis*, [word](/phonemes/), [word](say instead), \\* and \\[ for the signs themselves"

_MARKUP = re.compile(
    r"""
      \\(?P<escaped>[\\\[\]*<])
    | \[(?P<tag>[Pp]ause)(?P<rest>\b[^\[\]\n]*)\]
    | \[(?P<word>[^\[\]\n]+)\]\((?P<as>[^()\n]+)\)
    | (?<![\w*])\*(?P<strong>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])
    | \[(?P<unknown>[A-Za-z]+)(?P<number>[ :=][ ]*[\d.]+[ ]*m?s?)?[ ]*/?\]
    """,
    re.VERBOSE,
)
_LENGTH = re.compile(r"\s*(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>ms|s)?\s*")
_PHONEMES = re.compile(r"/[^/\[\]\s]+(?: [^/\[\]\s]+)*/")
_TAGS = ("pause",)


def read_markup(text: str) -> Marked:
    """Return the parts of a line's text. Raises MarkupError."""
    if is_ssml(text):
        return read_ssml(text)
    return Marked(parts=tuple(_parts(text, 0, len(text), strong=False)))


def shown(text: str, start: int = 0, end: int | None = None) -> str:
    """Return a line's text, or what lies between two characters of it, without markup; as it is where that is wrong."""
    if not _MARKUP.search(text) and not is_ssml(text):
        return text[start:end]
    try:
        return written(read_markup(text).parts, start, end)
    except MarkupError:
        return text[start:end]


def _parts(text: str, start: int, end: int, *, strong: bool) -> Iterator[Part]:
    done = start
    for found in _MARKUP.finditer(text, start, end):
        parts = list(_read(text, found))
        if parts:
            if found.start() > done:
                yield Said(text=text[done : found.start()], start=done, end=found.start(), emphasis=strong)
            yield from (replace(p, emphasis=True) if strong and isinstance(p, Said) else p for p in parts)
            done = found.end()
    if end > done:
        yield Said(text=text[done:end], start=done, end=end, emphasis=strong)


def _read(text: str, found: re.Match[str]) -> Iterator[Part]:
    """Return what stands for one piece of markup; nothing for what is text after all."""
    start, end = found.span()
    if found["escaped"]:
        yield Said(text=found["escaped"], start=start + 1, end=end)
    elif found["tag"]:
        yield _pause(found)
    elif found["word"]:
        inner, outer = found.span("word"), found["as"]
        if outer.startswith("/"):
            yield Said(text=found["word"], start=inner[0], end=inner[1], phonemes=_phonemes(found))
        else:
            yield Said(text=found["word"], start=inner[0], end=inner[1], say=outer)
    elif found["strong"]:
        yield from _parts(text, *found.span("strong"), strong=True)
    elif found["unknown"]:
        _check_tag(found)


def _pause(found: re.Match[str]) -> Pause:
    if not found["rest"].strip():
        return Pause(seconds=PAUSE_SECONDS)
    length = _LENGTH.fullmatch(found["rest"])
    if length is None:
        raise MarkupError(f"{found[0]}: write [pause 0.5], [pause 500 ms] or [pause]")
    return pause(float(length["number"]) / (1000.0 if length["unit"] == "ms" else 1.0), found[0])


def _phonemes(found: re.Match[str]) -> str:
    if not _PHONEMES.fullmatch(found["as"]):
        raise MarkupError(f"{found[0]}: phonemes stand between two slashes, as in [Hermione](/h3:maI@ni/)")
    return found["as"][1:-1]


def _check_tag(found: re.Match[str]) -> None:
    """Refuse what looks like a tag that was meant: a voice would read it out."""
    name = found["unknown"].lower()
    if difflib.get_close_matches(name, _TAGS, cutoff=0.8) or (found["number"] and name in {"break", "silence", "wait"}):
        raise MarkupError(f"{found[0]}: no such tag; there is: {FORMS}")
