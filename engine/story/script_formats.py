"""Scripts in other forms than plain text: Fountain screenplays, tables (CSV, TSV), subtitles with times (SRT, VTT)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from engine.story.positions import seconds_from
from engine.story.problems import Problem
from engine.story.script import Reader, Speeches, Spoken, read_plain

NARRATOR = "narrator"
"""Who says what names nobody."""

_BONEYARD = re.compile(r"/\*.*?\*/|\[\[.*?\]\]", re.DOTALL)
_HEADING = re.compile(r"(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_TITLE_PAGE = re.compile(r"(?:[A-Za-z][A-Za-z ]*:.*\n(?:(?:[ \t]+.*|)\n)*?)+?\n")
_EMPHASIS = re.compile(r"(?<!\\)(?:\*{1,3}|_)")
_ASIDE = re.compile(r"\([^()]*\)")
_TIMES = re.compile(r"\s*(?P<start>(?:\d+:)?\d+:\d\d[.,]\d+)\s*-->\s*(?:\d+:)?\d+:\d\d[.,]\d+.*")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_VOICE_TAG = re.compile(r"<v(?:\.[^ >]*)?\s+(?P<name>[^>]+)>")
_NAMED = re.compile(r"(?P<name>[^\W\d_][^:.!?]{0,39}):\s+(?P<text>.*\S.*)", re.DOTALL)
_COLUMNS = {
    "name": ("speaker", "name", "character", "role", "voice"),
    "text": ("text", "line", "say", "dialogue", "words"),
    "start": ("start", "time", "in"),
    "gap": ("gap", "pause"),
}


def read_fountain(text: str, gap_seconds: float) -> tuple[list[Spoken], list[Problem]]:
    """Return the speeches of a Fountain screenplay; action, transitions, notes and title page are not spoken.

    A scene heading, or a section (``#``), becomes a marker. Parentheticals are directions.
    """
    bare = _BONEYARD.sub(lambda found: "\n" * found[0].count("\n"), text)
    title = _TITLE_PAGE.match(bare)
    first = bare[: title.end()].count("\n") if title else 0
    lines = [line.strip() for line in bare.splitlines()]
    speeches = Speeches(gap_seconds)
    number = first
    while number < len(lines):
        line, before = lines[number], lines[number - 1] if number else ""
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("#") or (line.startswith(".") and not line.startswith("..")) or _HEADING.match(line):
            speeches.scene(line.lstrip("#.").strip())
        elif not before and below and _is_character(line):
            number = _dialogue(lines, number, speeches)
        number += 1
    return speeches.said, []


def _is_character(line: str) -> bool:
    """Return whether a line names a speaker: it is in capitals, or forced with ``@``."""
    name = _ASIDE.sub("", line).rstrip("^ ")
    capital = name == name.upper() and any(sign.isalpha() for sign in name)
    return line.startswith("@") or (capital and not line.startswith((">", "!", "~", "=")) and not name.endswith("TO:"))


def _dialogue(lines: list[str], number: int, speeches: Speeches) -> int:
    """Take a speech from its speaker's line on; return the number of its last line."""
    name = _ASIDE.sub("", lines[number].removeprefix("@")).rstrip("^ ").strip()
    begin, words = number, []
    while number + 1 < len(lines) and lines[number + 1]:
        number += 1
        words.append(_ASIDE.sub(" ", lines[number].removeprefix("~")))
    said = " ".join(_EMPHASIS.sub("", " ".join(words)).split())
    if said:
        speeches.add(name, said, begin + 1)
    return number


def read_table(text: str, gap_seconds: float, delimiter: str = ",") -> tuple[list[Spoken], list[Problem]]:
    """Return the speeches of a table: columns speaker and text, and start or gap (times) where it has them.

    Without a row of names the first column is the speaker, the second the text.
    """
    speeches, problems = Speeches(gap_seconds), list[Problem]()
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=delimiter)
    columns: dict[str, int] | None = None
    for row in reader:
        if columns is None:
            columns = _columns(row)
            if "text" in columns:
                continue
            columns = {"name": 0, "text": 1}
        cells = {key: row[at].strip() for key, at in columns.items() if at < len(row)}
        if not cells.get("text"):
            if any(cell.strip() for cell in row):
                problems.append(Problem(path=(), text="this row has no text", line=reader.line_num))
            continue
        times = {key: seconds_from(cells[key]) for key in ("start", "gap") if cells.get(key)}
        for key, seconds in times.items():
            if seconds is None:
                problems.append(Problem(path=(key,), text=f"{cells[key]!r} is no time", line=reader.line_num))
        name = cells.get("name") or NARRATOR
        speeches.add(name, cells["text"], reader.line_num, start=times.get("start"), gap=times.get("gap"))
    return speeches.said, problems


def _columns(row: list[str]) -> dict[str, int]:
    plain = [cell.strip().casefold() for cell in row]
    return {key: plain.index(word) for key, words in _COLUMNS.items() for word in reversed(words) if word in plain}


def read_tabbed(text: str, gap_seconds: float) -> tuple[list[Spoken], list[Problem]]:
    """Return the speeches of a table with tabs between its columns."""
    return read_table(text, gap_seconds, "\t")


def read_subtitles(text: str, gap_seconds: float) -> tuple[list[Spoken], list[Problem]]:
    """Return the speeches of subtitles, at their times. Who speaks stands in a voice tag, or before a colon."""
    speeches = Speeches(gap_seconds)
    for number, start, words in _captions(text):
        tag = _VOICE_TAG.search(words)
        said = " ".join(_TAG.sub("", words).split())
        named = None if tag else _NAMED.fullmatch(said)
        name = tag["name"].strip() if tag else named["name"] if named else NARRATOR
        if said:
            speeches.add(name, named["text"] if named else said, number, start=start)
    return speeches.said, []


def _captions(text: str) -> Iterator[tuple[int, float, str]]:
    """Iterate over line number, start in seconds and text of captions."""
    lines = [*text.removeprefix("\ufeff").splitlines(), ""]
    for number, line in enumerate(lines, 1):
        if found := _TIMES.fullmatch(line):
            end = next(i for i in range(number, len(lines)) if not lines[i].strip())
            yield number, seconds_from(found["start"].replace(",", ".")) or 0.0, " ".join(lines[number:end])


FORMS: dict[str, Reader] = {
    ".fountain": read_fountain,
    ".spmd": read_fountain,
    ".csv": read_table,
    ".tsv": read_tabbed,
    ".srt": read_subtitles,
    ".vtt": read_subtitles,
}
"""How a script is read, by the end of its name; others are plain text."""


def reader_of(suffix: str) -> Reader:
    """Return how a script is read whose name ends like this."""
    return FORMS.get(suffix.lower(), read_plain)
