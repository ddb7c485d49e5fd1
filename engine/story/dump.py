"""Trees as YAML text, in the layout that people write by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from engine.story.nodes import Scalar
from engine.story.positions import (
    clock_text,
    number_from,
    number_text,
    position_from,
    position_text,
    seconds_text,
)
from engine.story.tree import Leaf, Rows, Table, Tree, may_be_left_away

_PLAIN = re.compile(r"[A-Za-zÀ-ɏ_](?:[\wÀ-ɏ .!?()/'-]*[\wÀ-ɏ.!?)/'])?")
_RESOLVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_SWITCHES = ({"yes", "no"}, {"on", "off"})
_SINGLE_QUOTABLE = re.compile(r"[ -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]+")
_HIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def dump(tree: Table) -> str:
    """Return a whole new file; its big parts stand apart."""
    parts = [(key, field) for key, field in tree.fields.items() if not may_be_left_away(field)]
    text = ""
    for key, field in parts:
        lines = list(field_lines(key, field, 0))
        text += "\n" * (len(lines) > 1) + "\n".join(lines) + "\n"
    return text


def field_lines(key: str, tree: Tree, column: int) -> Iterator[str]:
    """Iterate over the lines of ``key: value`` in block layout, indented to ``column``."""
    margin = " " * column
    short = _one_line(tree)
    if short is not None:
        yield f"{margin}{word_text(key)}: {short}"
    elif isinstance(tree, Rows):
        yield f"{margin}{word_text(key)}:"
        for _, row in tree.rows:
            yield from row_lines(row, column + 2)
    elif isinstance(tree, Table):
        yield f"{margin}{word_text(key)}:"
        yield from table_lines(tree, column + 2)


def table_lines(tree: Table, column: int) -> Iterator[str]:
    """Iterate over the lines of a mapping in block layout. An id is always told."""
    for key, field in tree.fields.items():
        if key == "id" or not may_be_left_away(field):
            yield from field_lines(key, field, column)


def row_lines(tree: Tree, column: int) -> Iterator[str]:
    """Iterate over the lines of a list's row, its dash at ``column``."""
    short = _one_line(tree)
    if short is None and isinstance(tree, Table):
        first, *others = table_lines(tree, column + 2)
        yield f"{' ' * column}- {first.lstrip()}"
        yield from others
    else:
        yield f"{' ' * column}- {short}"


def flow_text(tree: Tree) -> str:
    """Return a tree on one line, with brackets."""
    match tree:
        case Leaf():
            return leaf_text(tree)
        case Table(short=Leaf() as short) | Rows(short=Leaf() as short):
            return leaf_text(short)
        case Table(fields=fields):
            told = (f for f in fields.items() if f[0] == "id" or not may_be_left_away(f[1]))
            return "{" + ", ".join(f"{word_text(key)}: {flow_text(field)}" for key, field in told) + "}"
        case Rows(rows=rows, named=True):
            return "{" + ", ".join(f"{word_text(str(key))}: {flow_text(row)}" for key, row in rows) + "}"
        case Rows(rows=rows):
            return "[" + ", ".join(flow_text(row) for _, row in rows) + "]"


def leaf_text(leaf: Leaf, like: Scalar | None = None) -> str:
    """Return a value's text. like: the scalar that it replaces, whose notation and quotes it takes over."""
    value: Any = leaf.value
    rate, old = leaf.sample_rate, like.text if like else ""
    match leaf.kind:
        case "word":
            return "null" if value is None else word_text(value, like)
        case "text":
            return word_text(value, like, plain=_PLAIN)
        case "speech":
            return quoted(value, like.style if like else '"')
        case "number":
            return number_text(value)
        case "limit":
            return "off" if value is None else number_text(value)
        case "switch":
            yes, no = next((w for w in (("yes", "no"), ("on", "off")) if old.lower() in w), ("true", "false"))
            return yes if value else no
        case "time":
            return clock_text(value, rate) if ":" in old and value >= 0 else seconds_text(value, rate)
        case "span":
            return "[" + ", ".join("null" if f is None else seconds_text(f, rate) for f in value) + "]"
        case "position":
            return position_text(value, rate, old)
        case "point":
            at, number, curve = value
            after = "" if curve == "linear" else f", {curve}"
            return f"[{position_text(at, rate, '')}, {number_text(number)}{after}]"
        case "args":
            return "[" + ", ".join(map(_argument, value)) + "]"
        case "words":
            return "[" + ", ".join(word_text(word) for word in value) + "]"


def _argument(value: object) -> str:
    """Return an OSC argument so that its type can be read back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return str(value) if isinstance(value, int) else quoted(str(value))


_ID = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


def word_text(word: str, like: Scalar | None = None, plain: re.Pattern[str] = _ID) -> str:
    """Return a word plain where every YAML reader takes it for text, else in quotes."""
    if like is not None and like.style in {'"', "'"}:
        return quoted(word, like.style)
    return word if plain.fullmatch(word) and word.lower() not in _RESOLVED else quoted(word)


def quoted(text: str, style: str | None = '"') -> str:
    """Return a text in quotes: single ones where the style has them and they can hold it, else double ones."""
    if style == "'" and _SINGLE_QUOTABLE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return _HIDDEN.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def reads_as(node: Scalar, leaf: Leaf) -> bool:
    """Return whether the scalar says the value already, in whatever notation."""
    value: Any = leaf.value
    match leaf.kind:
        case "word" | "text" | "speech":
            return node.is_null if value is None else bool(node.text == value) and not node.is_null
        case "number" | "limit":
            return value is not None and node.style is None and bool(number_from(node.text) == value)
        case "position":
            return bool(position_from(node.text.strip(), leaf.sample_rate) == value)
        case _:
            return False


def _one_line(tree: Tree) -> str | None:
    """Return the text of a tree that goes on one line, or None."""
    match tree:
        case Leaf():
            return leaf_text(tree)
        case Table(short=Leaf()) | Rows(short=Leaf()) | Table(inline=True) | Rows(named=True) | Rows(rows=()):
            return flow_text(tree)
        case _:
            return None
