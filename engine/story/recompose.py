"""Composing a text again that is another one in some places: rows around them are read, all others only moved."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, cast

from engine.errors import StoryError
from engine.story import nodes
from engine.story.nodes import Mapping, Node, Scalar
from engine.story.seen import has_anchors

Edit = tuple[int, int, str]
"""Characters of the old text from, to, and what stands there instead."""

Block = Mapping | nodes.Sequence
Row = nodes.Entry | Node
"""A key with its value, or an item of a list."""

_UNUSUAL = ("\r", "\x85", "\u2028", "\u2029", "\ufeff", "<<", "\n---", "\n...", "\n%")
"""Where a text has these, what a line means may hang on more than the lines around it, or a line is something else."""


class _Otherwise(Exception):
    """This can't be told from a part of the text."""


class _Head(NamedTuple):
    start: int
    line: int


def recompose(root: Node, old: str, edits: Sequence[Edit], text: str, name: str) -> Node:
    """Return what ``compose(text, name)`` does, where ``edits``, in order, have made ``text`` of ``old``.

    root: what ``old`` was composed to; it stays as it is. A block's ``end`` may lie anywhere between its own text and
    what comes next. Raises StoryError.
    """
    plain = not any(each in text for each in _UNUSUAL) and not has_anchors(text)
    if plain and isinstance(root, Mapping) and not root.flow:
        try:
            return _Again(old, edits, text).block(root, len(old))
        except (_Otherwise, StoryError):
            pass  # who reads all of it knows, or says what is wrong and in which line
    return nodes.compose(text, name)


class _Again:
    def __init__(self, old: str, edits: Sequence[Edit], text: str) -> None:
        self._old, self._edits, self._text = old, edits, text
        self._starts = [start for start, _, _ in edits]
        self._chars = [0, *accumulate(len(word) - (end - start) for start, end, word in edits)]
        self._lines = [0, *accumulate(word.count("\n") - old.count("\n", start, end) for start, end, word in edits)]

    def block(self, node: Block, end: int) -> Block:
        """Return a block in which there are edits. end: where in the old text the line begins that comes behind it."""
        begins = list(self._begins(node))
        borders = [node.start, *map(self._line_start, begins[1:]), end]
        head = _Head(self._new(node.start), node.line + self._lines[self._before(node.start)])
        rows: list[Row] = []
        done = 0
        for first, last in self._runs(borders):
            rows += self._moved_rows(node, done, first)
            fresh = self._within(node, first, borders) if first == last else None
            if fresh is None:
                behind = begins[last + 1] if last + 1 < len(begins) else node.end
                found, fresh = self._read(node, borders[first], borders[last + 1], self._new(behind))
                head = head if first else found
            rows += fresh
            done = last + 1
        rows += self._moved_rows(node, done, len(begins))
        return _block(node, rows, head, self._new(node.end))

    def _within(self, node: Block, at: int, borders: list[int]) -> list[Row] | None:
        """Return a row whose value is a block, with all edits in that; None: it is something else."""
        value = node.entries[at][1] if isinstance(node, Mapping) else node.items[at]
        if not isinstance(value, Block) or value.flow or self._starts[self._before(borders[at])] < value.start:
            return None
        try:
            again = self.block(value, borders[at + 1])
        except _Otherwise:
            return None
        return [(self._moved_key(node.entries[at][0]), again) if isinstance(node, Mapping) else again]

    def _read(self, node: Block, begin: int, end: int, behind: int) -> tuple[_Head, list[Row]]:
        """Return the rows of some lines, read from the new text. behind: where the next word stands there."""
        start = self._new(begin)
        pad = " " * node.column if begin == node.start else ""
        source = pad + self._text[start : self._new(end)]
        found = nodes.compose(source, "")
        if not isinstance(found, Block) or type(found) is not type(node) or found.flow or found.column != node.column:
            raise _Otherwise
        by, lines = start - len(pad), self._text.count("\n", 0, start)
        moved = _shifted(found, by, lines, len(source) + by, behind)
        assert isinstance(moved, Block)
        rows: Sequence[Row] = moved.entries if isinstance(moved, Mapping) else moved.items
        return _Head(moved.start, moved.line), list(rows)

    def _runs(self, borders: list[int]) -> Iterator[tuple[int, int]]:
        """Iterate over the stretches of rows, first and last, that edits lie in."""
        run: tuple[int, int] | None = None
        for start, end, _ in self._edits[self._before(borders[0]) :]:
            if start >= borders[-1]:
                break
            if end > borders[-1]:
                raise _Otherwise
            first, last = (bisect_right(borders, place) - 1 for place in (start, max(start, end - 1)))
            if run is not None and first > run[1]:
                yield run
                run = None
            run = (first, last) if run is None else (run[0], max(run[1], last))
        if run is not None:
            yield run

    def _begins(self, node: Block) -> Iterator[int]:
        """Iterate over where rows begin, keys or dashes: all but the first have their lines for themselves."""
        yield node.start
        starts = (key.start for key, _ in node.entries[1:]) if isinstance(node, Mapping) else self._dashes(node)
        for start in starts:
            if self._old[self._line_start(start) : start].strip(" "):
                raise _Otherwise
            yield start

    def _dashes(self, node: nodes.Sequence) -> Iterator[int]:
        for item in node.items[1:]:
            line = self._line_start(item.start)
            while self._old[line : line + node.column + 1].strip(" ") != "-":
                if not line:
                    raise _Otherwise
                line = self._line_start(line - 1)
            yield line + node.column

    def _moved_rows(self, node: Block, first: int, end: int) -> list[Row]:
        if isinstance(node, Mapping):
            return [(self._moved_key(key), self._moved(value)) for key, value in node.entries[first:end]]
        return [self._moved(item) for item in node.items[first:end]]

    def _moved(self, node: Node) -> Node:
        edits = self._before(node.start)
        chars, lines = self._chars[edits], self._lines[edits]
        return _shifted(node, chars, lines) if chars or lines else node

    def _moved_key(self, key: Scalar) -> Scalar:
        edits = self._before(key.start)
        return _shifted_scalar(key, self._chars[edits], self._lines[edits])

    def _new(self, place: int) -> int:
        return place + self._chars[self._before(place)]

    def _before(self, place: int) -> int:
        """Return how many edits begin before a place of the old text."""
        return bisect_left(self._starts, place)

    def _line_start(self, place: int) -> int:
        return self._old.rfind("\n", 0, place) + 1


def _block(like: Block, rows: list[Row], head: _Head, end: int) -> Block:
    """Return a block of these rows."""
    if isinstance(like, Mapping):
        return nodes.mapping(cast(list[nodes.Entry], rows), head.start, end, head.line, like.column)
    return nodes.Sequence(cast(list[Node], rows), head.start, end, head.line, like.column, flow=False)


def _shifted(node: Node, chars: int, lines: int, last: int = -1, behind: int = -1) -> Node:
    """Return a node so many characters and lines further down. last: blocks that end there end at ``behind``."""
    if isinstance(node, Scalar):
        return _shifted_scalar(node, chars, lines)
    start, end, line = node.start + chars, node.end + chars, node.line + lines
    end = behind if end == last and not node.flow else end
    if isinstance(node, Mapping):
        entries = [
            (_shifted_scalar(key, chars, lines), _shifted(value, chars, lines, last, behind))
            for key, value in node.entries
        ]
        return nodes.mapping(entries, start, end, line, node.column, flow=node.flow)
    items = [_shifted(item, chars, lines, last, behind) for item in node.items]
    return nodes.Sequence(items, start, end, line, node.column, node.flow)


def _shifted_scalar(node: Scalar, chars: int, lines: int) -> Scalar:
    return Scalar(node.text, node.start + chars, node.end + chars, node.line + lines, node.column, node.style)
