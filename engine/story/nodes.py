"""YAML text as a tree of nodes that know their text and their place in the file.

Scalars stay text: ``0:30`` is no sexagesimal number, ``12`` no integer, ``no`` no truth value. What a text means
is the reader's business, which knows what is wanted there. PyYAML's C parser gives the events.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from engine.story.problems import Problem, story_error

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_LEVELS = 32
_MOST_MERGED = 1_000_000
_PLAIN_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})


class Scalar(msgspec.Struct, gc=False):
    """A word or text. start, end: characters of the file; line: from 1; style: None when it is not quoted."""

    text: str
    start: int
    end: int
    line: int
    column: int
    style: str | None = None
    anchor: str | None = None
    alias: bool = False

    @property
    def is_null(self) -> bool:
        """Whether this says "nothing": empty, ``~`` or ``null``, not quoted."""
        return self.style is None and self.text in {"", "~", "null", "Null", "NULL"}


class Sequence(msgspec.Struct):
    """A list of nodes. flow: written with brackets. column: of the first dash or the bracket."""

    items: list[Node]
    start: int
    end: int
    line: int
    column: int
    flow: bool
    anchor: str | None = None
    alias: bool = False


class Mapping(msgspec.Struct):
    """Keys and their nodes. own: what is written here, by key; fields: with what ``<<`` brings along.

    entries: key and value as they stand in the file, ``<<`` too. repeated: keys that stand here a second time.
    """

    entries: list[tuple[Scalar, Node]]
    own: dict[str, Node]
    fields: dict[str, Node]
    start: int
    end: int
    line: int
    column: int
    flow: bool
    anchor: str | None = None
    alias: bool = False
    repeated: tuple[Scalar, ...] = ()


Node = Scalar | Sequence | Mapping
Entry = tuple[Scalar, Node]
"""A key and its value."""


def mapping(entries: list[Entry], start: int, end: int, line: int, column: int, flow: bool = False) -> Mapping:
    """Return a mapping of entries that merges nothing."""
    own: dict[str, Node] = {}
    repeated = tuple(key for key, value in entries if own.setdefault(key.text, value) is not value)
    return Mapping(entries, own, own, start, end, line, column, flow, repeated=repeated)


def compose(text: str, name: str) -> Node:
    """Return the root node of a YAML text.

    name: the file's, for errors. Raises StoryError for what is not YAML, is empty, holds several documents,
    nests or merges without end, or carries tags.
    """
    composer = _Composer(text, name)
    try:
        return composer.root()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise composer.error(error.problem or "this is no YAML", mark.line + 1 if mark else None) from error
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise composer.error(f"{error.reason} (#x{_character_code(error):04x})", line) from error


class _Composer:
    """Turns events into nodes: PyYAML's own composer is slower, forgets where aliases stand, and has no limits."""

    def __init__(self, text: str, name: str) -> None:
        self._next = _Loader(text).get_event
        self._name = name
        self._anchors: dict[str, Node | None] = {}
        self._merged = 0

    def root(self) -> Node:
        """Return the only document's node."""
        self._next()
        if isinstance(event := self._next(), yaml.StreamEndEvent):
            raise self.error("the file is empty; a story begins with kind: story", 1)
        root = self._node(self._next(), 0)
        self._next()
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            raise self.error("a second document begins here; a file holds one story", event.start_mark.line + 1)
        return root

    def error(self, text: str, line: int | None) -> Exception:
        """Return the error that names file and line."""
        return story_error(self._name, [Problem(path=(), text=text, line=line)])

    def _node(self, event: Any, level: int) -> Node:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            return self._scalar(event)
        mark = event.start_mark
        if kind is yaml.AliasEvent:
            return self._alias(event)
        if level >= _MOST_LEVELS:
            raise self.error(f"this lies more than {_MOST_LEVELS} levels deep; no story is that deep", mark.line + 1)
        self._check_tag(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        node: Node = self._sequence(event, level) if kind is yaml.SequenceStartEvent else self._mapping(event, level)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Scalar:
        start = event.start_mark
        node = Scalar(event.value, start.index, event.end_mark.index, start.line + 1, start.column, event.style or None)
        if event.tag is not None:
            self._check_tag(event)
            node.style = node.style or "!"
        if event.anchor:
            node.anchor = event.anchor
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, event: Any, level: int) -> Sequence:
        mark, items = event.start_mark, []
        while type(inner := self._next()) is not yaml.SequenceEndEvent:
            items.append(self._node(inner, level + 1))
        end: Any = inner.end_mark
        return Sequence(items, mark.index, end.index, mark.line + 1, mark.column, event.flow_style, event.anchor)

    def _mapping(self, event: Any, level: int) -> Mapping:
        mark = event.start_mark
        entries: list[tuple[Scalar, Node]] = []
        while type(inner := self._next()) is not yaml.MappingEndEvent:
            key = self._node(inner, level + 1)
            if not isinstance(key, Scalar):
                raise self.error("a key has to be a word", key.line)
            entries.append((key, self._node(self._next(), level + 1)))
        end: Any = inner.end_mark
        found = mapping(entries, mark.index, end.index, mark.line + 1, mark.column, event.flow_style)
        found.anchor = event.anchor
        if "<<" in found.own and (inherited := self._merge(found.own.pop("<<"))):
            found.fields = {**inherited, **found.own}
        return found

    def _merge(self, value: Node) -> dict[str, Node]:
        """Return the fields that ``<<`` brings; in a list the first mapping that has a key wins."""
        fields: dict[str, Node] = {}
        for source in value.items if isinstance(value, Sequence) else [value]:
            if not isinstance(source, Mapping):
                raise self.error("<< takes a mapping, or a list of mappings", value.line)
            fields = {**source.fields, **fields}
            self._merged += len(source.fields)
            if self._merged > _MOST_MERGED:
                raise self.error(f"<< brings more than {_MOST_MERGED} keys into this file", value.line)
        return fields

    def _alias(self, event: Any) -> Node:
        mark, target = event.start_mark, self._anchors.get(event.anchor)
        if target is None:
            known = event.anchor in self._anchors
            why = "stands inside itself" if known else "is not defined above"
            raise self.error(f"*{event.anchor}: the anchor &{event.anchor} {why}", mark.line + 1)
        return msgspec.structs.replace(
            target, start=mark.index, end=event.end_mark.index, line=mark.line + 1, column=mark.column,
            anchor=None, alias=True,
        )  # fmt: skip

    def _check_tag(self, event: Any) -> None:
        if event.tag not in _PLAIN_TAGS:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self.error(f"{tag}: a story has no tags; write the plain value", event.start_mark.line + 1)


def _character_code(error: yaml.reader.ReaderError) -> int:
    character: Any = error.character
    return character if isinstance(character, int) else ord(character[:1] or "\0")
