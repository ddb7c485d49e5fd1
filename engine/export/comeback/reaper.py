"""Reading an edited Reaper project: its items with the notes by which we know them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from engine.export.comeback.edited import EditedClip, unreadable
from engine.export.plan import STEMS_FOLDER
from engine.export.sessions.identity import clip_of_note
from engine.units import gain_to_db

_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`|(\S+)")
_SAME_RATE = 1e-9


class Chunk:
    """An element of the file: its name, its lines as words by their first word, the elements inside."""

    def __init__(self, words: list[str]) -> None:
        self.name, self.words = words[0], words[1:]
        self.lines: dict[str, list[str]] = {}
        self.text: list[str] = []
        self.children: list[Chunk] = []

    def number(self, key: str, index: int, default: float) -> float:
        """Return a number of the first line that begins with ``key``."""
        values = self.lines.get(key, [])
        try:
            return float(values[index])
        except (IndexError, ValueError):
            return default

    def each(self, name: str) -> Iterator[Chunk]:
        """Iterate over the elements of a name."""
        return (child for child in self.children if child.name == name)


def read(path: Path, sample_rate: int) -> list[EditedClip]:
    """Return every item of a project. Raises MediaError for a file that is none."""
    try:
        project = parse(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError) as error:
        raise unreadable(path, "a Reaper project", error) from error
    return [
        _clip(item, " ".join(track.lines.get("NAME", [""])[:1]), sample_rate)
        for track in project.each("TRACK")
        for item in track.each("ITEM")
        if not _is_printed(item)
    ]


def parse(text: str) -> Chunk:
    """Return the project that a text tells; ValueError where it is none."""
    stack: list[Chunk] = []
    for line in (raw.strip() for raw in text.splitlines()):
        if line.startswith("<"):
            chunk = Chunk(_words(line[1:]) or [""])
            if stack:
                stack[-1].children.append(chunk)
            stack.append(chunk)
        elif line == ">" and len(stack) > 1:
            stack.pop()
        elif line.startswith("|") and stack:
            stack[-1].text.append(line[1:])
        elif stack and (words := _words(line)):
            stack[-1].lines.setdefault(words[0], words[1:])
    if not stack or stack[0].name != "REAPER_PROJECT":
        raise ValueError("it does not begin with <REAPER_PROJECT")
    return stack[0]


def _words(line: str) -> list[str]:
    return [next((part for part in match.groups() if part is not None), "") for match in _WORD.finditer(line)]


def _clip(item: Chunk, track: str, rate: int) -> EditedClip:
    def frames(key: str, index: int = 0) -> int:
        return round(item.number(key, index, 0.0) * rate)

    note = "\n".join(line for child in item.each("NOTES") for line in child.text)
    source = next((child for child in item.each("SOURCE")), None)
    gain = item.number("VOLPAN", 0, 1.0) * abs(item.number("VOLPAN", 2, 1.0))
    is_stretched = abs(item.number("PLAYRATE", 0, 1.0) - 1.0) > _SAME_RATE
    return EditedClip(
        clip=clip_of_note(note),
        name=" ".join(item.lines.get("NAME", [])[:1]),
        track=track,
        media=_file_name(source),
        start_frame=frames("POSITION"),
        length_frames=frames("LENGTH"),
        trim_start_frames=frames("SOFFS"),
        fade_in_frames=frames("FADEIN", 1),
        fade_out_frames=frames("FADEOUT", 1),
        gain_db=gain_to_db(gain),
        pan=item.number("VOLPAN", 1, 0.0),
        muted=item.number("MUTE", 0, 0.0) != 0.0,
        why_not="its playback rate was changed" if is_stretched else "",
    )


def _is_printed(item: Chunk) -> bool:
    """Tell whether an item is one of the printed stems that came with the project."""
    path = " ".join(part for child in item.each("SOURCE") for part in child.lines.get("FILE", [])[:1])
    return STEMS_FOLDER in path.replace("\\", "/").split("/")[:-1]


def _file_name(source: Chunk | None) -> str:
    path = " ".join(source.lines.get("FILE", [])[:1]) if source else ""
    return PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name
