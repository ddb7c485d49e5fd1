"""Reading one mapping of a story file: typed fields, every problem noted, none raised."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from engine.story.model import Position
from engine.story.nodes import Mapping, Node, Scalar, Sequence
from engine.story.positions import POSITION_FORMS, TIME_FORMS, frames_from, number_from, position_from
from engine.story.problems import Path, Problem, allowed_text

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})
_MOST_ITEMS = 1_000_000


class Notes:
    """What was found wrong while reading, and how much has been read (aliases can make much out of little)."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.quiet: set[Path] = set()
        self._items = 0

    def add(self, node: Node, path: Path, text: str) -> None:
        """Note a problem at a node."""
        self.problems.append(Problem(path=path, text=text, line=node.line))

    @property
    def found(self) -> int:
        """How much was found wrong."""
        return len(self.problems) + len(self.quiet)

    def count(self, items: int) -> bool:
        """Return whether that many more list items may be read."""
        self._items += items
        return self._items <= _MOST_ITEMS


class Fields:
    """The fields of one mapping. A field that can't be read is noted, and gives what stands for nothing there."""

    __slots__ = ("_fields", "_notes", "node", "path")

    def __init__(self, node: Node, path: Path, notes: Notes, allowed: Collection[str]) -> None:
        self.node, self.path, self._notes = node, path, notes
        self._fields: dict[str, Node] = {}
        if isinstance(node, Mapping):
            self._fields = node.fields
            for key in node.repeated:
                notes.add(key, (*path, key.text), "stands here a second time; keep one")
            if not self._fields.keys() <= set(allowed):
                self._note_unknown(node, allowed)
        elif not (isinstance(node, Scalar) and node.is_null):
            notes.add(node, path, f"expected a mapping with the keys {allowed_text(allowed)}, got {found(node)}")

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def child(self, key: str) -> Node | None:
        """Return the field's node, or None where there is none or it says nothing."""
        node = self._fields.get(key)
        return None if node is None or (isinstance(node, Scalar) and node.is_null) else node

    def complain(self, key: str, expected: str) -> None:
        """Note that a field is not what was expected."""
        node = self._fields.get(key, self.node)
        self._notes.add(node, (*self.path, key), f"expected {expected}, got {found(node)}")

    def missing(self, key: str) -> None:
        """Note that the mapping lacks a field."""
        self._notes.add(self.node, (*self.path, key), "is missing")

    def text(self, key: str, default: str = "") -> str:
        """Return a text; numbers and words like ``no`` are text here too."""
        node = self._fields.get(key)
        if node is None:
            return default
        if not isinstance(node, Scalar) or node.is_null:
            self.complain(key, "text")
            return default
        return node.text

    def word(self, key: str) -> str | None:
        """Return a text that may be left away or null."""
        return None if self.child(key) is None else self.text(key)

    def required(self, key: str, stand_in: str) -> str:
        """Return a text that has to be there; the stand-in lets reading go on when it is not."""
        if key in self._fields:
            return self.text(key, stand_in)
        self.missing(key)
        return stand_in

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a number."""
        node = self._fields.get(key)
        if node is None:
            return default
        number = number_from(node.text) if isinstance(node, Scalar) and node.style is None else None
        if number is None or number in (float("inf"), float("-inf")):
            self.complain(key, "a number")
            return default
        return number

    def whole(self, key: str, default: int) -> int:
        """Return a whole number."""
        node = self._fields.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and node.style is None and _WHOLE.fullmatch(node.text):
            return int(node.text)
        self.complain(key, "a whole number")
        return default

    def switch(self, key: str, default: bool = False) -> bool:
        """Return true or false (yes, no, on, off are fine too); ``default`` where it is left away."""
        node = self._fields.get(key)
        if node is None:
            return default
        word = node.text.lower() if isinstance(node, Scalar) and node.style is None else ""
        if word not in _TRUE | _FALSE:
            self.complain(key, "true or false")
        return word in _TRUE

    def is_off(self, key: str) -> bool:
        """Return whether the field says null, off, no or false."""
        node = self._fields.get(key)
        return isinstance(node, Scalar) and (node.is_null or (node.style is None and node.text.lower() in _FALSE))

    def choice(self, key: str, allowed: Collection[str], default: str) -> str:
        """Return one of the allowed words."""
        word = self.text(key, default)
        if word in allowed:
            return word
        self.complain(key, f"one of {allowed_text(allowed)}")
        return default

    def frames(self, key: str, sample_rate: int) -> int:
        """Return a time in frames; 0 where it is left away."""
        node = self._fields.get(key)
        if node is None:
            return 0
        frames = frames_from(node.text, sample_rate) if isinstance(node, Scalar) else None
        if frames is None:
            self.complain(key, TIME_FORMS)
        return frames or 0

    def position(self, key: str, sample_rate: int, default: Position) -> Position:
        """Return a position on the timeline."""
        node = self._fields.get(key)
        if node is None:
            return default
        position = position_from(node.text.strip(), sample_rate) if isinstance(node, Scalar) else None
        if position is None:
            self.complain(key, POSITION_FORMS)
        return default if position is None else position

    def times(self, key: str, sample_rate: int) -> tuple[int | None, int | None]:
        """Return from and to in frames of a pair of times, each None where it is null."""
        node = self.child(key)
        if node is None:
            return None, None
        frames: list[int | None] = []
        for item in node.items if isinstance(node, Sequence) else ():
            null = isinstance(item, Scalar) and item.is_null
            frames.append(frames_from(item.text, sample_rate) if isinstance(item, Scalar) and not null else None)
            if frames[-1] is None and not null:
                frames.clear()
                break
        if len(frames) != 2:
            self.complain(key, f"[from, to] in {TIME_FORMS}, to may be null")
            return None, None
        return frames[0], frames[1]

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of words; a single word stands for a list of one; nothing when it is neither."""
        node = self._fields.get(key)
        nodes = node.items if isinstance(node, Sequence) else [node]
        words = tuple(n.text for n in nodes if isinstance(n, Scalar) and not n.is_null)
        return words if len(words) == len(nodes) else ()

    def items(self, key: str) -> Iterator[tuple[Node, Path]]:
        """Iterate over the nodes of a list and their paths; nothing where it is left away."""
        node = self.child(key)
        if isinstance(node, Sequence):
            if not self._notes.count(len(node.items)):
                self._notes.add(node, (*self.path, key), f"the file's lists have more than {_MOST_ITEMS} items")
                return
            yield from ((item, (*self.path, key, i)) for i, item in enumerate(node.items))
        elif node is not None:
            self.complain(key, "a list")

    def inner(self, key: str, allowed: Collection[str]) -> Fields:
        """Return the fields of a mapping inside; none where it is left away."""
        empty = Scalar("", self.node.start, self.node.start, self.node.line, self.node.column)
        return Fields(self.child(key) or empty, (*self.path, key), self._notes, allowed)

    def all_numbers(self, key: str) -> dict[str, float]:
        """Return a mapping of free keys to numbers, in the file's order."""
        node = self.child(key)
        if isinstance(node, Mapping):
            numbers = Fields(node, (*self.path, key), self._notes, node.fields)
            return {name: numbers.number(name) for name in node.fields}
        if node is not None:
            self.complain(key, "a mapping of names to numbers")
        return {}

    def _note_unknown(self, node: Mapping, allowed: Collection[str]) -> None:
        for key, _ in node.entries:
            if key.text not in allowed and key.text != "<<":
                self._notes.add(key, (*self.path, key.text), f"unknown key; allowed are {allowed_text(allowed)}")
        brought = [key for key in node.fields if key not in node.own and key not in allowed]
        if brought:
            self._notes.add(node, self.path, f"<< brings unknown keys: {allowed_text(brought)}")


def found(node: Node) -> str:
    """Return what stands there, for an error message."""
    if isinstance(node, Scalar):
        shown = node.text if len(node.text) <= 60 else f"{node.text[:57]}…"
        return "nothing" if node.is_null else f'"{shown}"' + (" in quotes" if node.style in {'"', "'"} else "")
    return "a list" if isinstance(node, Sequence) else "a mapping"
