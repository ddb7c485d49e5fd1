"""Patching: the user's text with only those values changed that differ between two versions of a story."""

from __future__ import annotations

from engine.errors import StoryError
from engine.story.dump import field_lines, flow_text, leaf_text, row_lines, word_text
from engine.story.model import Story
from engine.story.nodes import Mapping, Node, Scalar, Sequence, compose
from engine.story.tree import Leaf, Planter, Rows, Table, Tree, may_be_left_away

Edit = tuple[int, int, str]
"""Characters from, to, and what stands there instead."""


def patch(text: str, old: Story, new: Story) -> str:
    """Return ``text``, which tells ``old``, so that it tells ``new``: comments, order, quotes and layout stay.

    Raises StoryError where the text says something in a way that can't be patched in place (through an alias).
    """
    planter = Planter()
    patcher = _Patcher(text)
    patcher.table(compose(text, "story"), planter.story(old), planter.story(new))
    return patcher.result()


class _Patcher:
    """Collects edits of one text; none overlap."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: list[Edit] = []

    def result(self) -> str:
        """Return the text with all edits made, the last ones first so that positions stay true."""
        text = self._text
        for start, end, word in sorted(self._edits, key=lambda e: (e[0], e[1]), reverse=True):
            text = text[:start] + word + text[end:]
        return text

    def table(self, node: Node, old: Table, new: Table) -> None:
        """Patch a mapping's fields."""
        if not isinstance(node, Mapping):
            self._replace(node, new)
            return
        for key in [*old.fields, *(k for k in new.fields if k not in old.fields)]:
            before, after = old.fields.get(key), new.fields.get(key)
            if before == after:
                continue
            self._field(node, key, before, after)

    def _field(self, node: Mapping, key: str, before: Tree | None, after: Tree | None) -> None:
        there = node.own.get(key)
        if there is None and key in node.fields:
            raise StoryError(f"{key!r} comes from a merged mapping (<<); write it where it is to differ")
        if after is None or (may_be_left_away(after) and key != "id"):
            if there is not None:
                self._remove_field(node, key)
        elif there is None:
            self._insert_field(node, key, after)
        else:
            self._value(there, before, after)

    def _value(self, node: Node, before: Tree | None, after: Tree) -> None:
        if node.alias or node.anchor:
            raise StoryError(f"line {node.line}: a value that has an anchor or alias can't be changed in place")
        match before, after:
            case (Table(), Table()) if isinstance(node, Mapping):
                self.table(node, before, after)
            case (Rows(named=True), Rows(named=True)) if isinstance(node, Mapping):
                self._named_rows(node, before, after)
            case (Rows(named=False), Rows(named=False, short=None)) if isinstance(node, Sequence):
                self._rows(node, before, after)
            case _:
                self._replace(node, after)

    def _named_rows(self, node: Mapping, before: Rows, after: Rows) -> None:
        old, new = dict(before.rows), dict(after.rows)
        order = [key for key in old if key in new] + [key for key in new if key not in old]
        if order != list(new):
            self._replace(node, after)
            return
        self.table(node, _as_table(old), _as_table(new))

    def _rows(self, node: Sequence, before: Rows, after: Rows) -> None:
        """Patch rows that are still there, drop those that are gone, append new ones; another order is written anew."""
        old, new = dict(before.rows), dict(after.rows)
        order = [key for key in old if key in new] + [key for key in new if key not in old]
        if order != list(new) or len(node.items) != len(old) or not new:
            self._replace(node, after)
            return
        for index, (key, item) in enumerate(zip(old, node.items, strict=True)):
            if key not in new:
                self._remove_item(node, index)
            elif old[key] != new[key]:
                self._value(item, old[key], new[key])
        for key in order[len([k for k in old if k in new]) :]:
            self._append_item(node, new[key])

    def _replace(self, node: Node, tree: Tree) -> None:
        """Write a value anew: a scalar in its own notation, anything else on one line or in the dump's layout."""
        if isinstance(node, Scalar) and isinstance(tree, Leaf):
            pad = "" if node.end > node.start or self._text[node.start - 1 : node.start] in (" ", "") else " "
            self._edits.append((node.start, node.end, pad + leaf_text(tree, node)))
            return
        end = self._trimmed_end(node)
        if isinstance(tree, Leaf) or isinstance(node, Scalar) or getattr(node, "flow", False):
            pad = " " if node.start == node.end and self._text[node.start - 1 : node.start] != " " else ""
            self._edits.append((node.start, end, pad + flow_text(tree)))
            return
        lines = list(row_lines(tree, node.column)) if isinstance(tree, Table) else self._block(tree, node.column)
        self._edits.append((node.start, end, "\n".join(lines).lstrip(" ")))

    def _block(self, tree: Tree, column: int) -> list[str]:
        if isinstance(tree, Rows) and not tree.named and tree.rows and tree.short is None:
            return [line for _, row in tree.rows for line in row_lines(row, column)]
        return [flow_text(tree)]

    def _insert_field(self, node: Mapping, key: str, tree: Tree) -> None:
        if node.flow:
            last = self._trimmed_end(node.entries[-1][1]) if node.entries else node.start + 1
            comma = ", " if node.entries else ""
            self._edits.append((last, last, f"{comma}{word_text(key)}: {flow_text(tree)}"))
            return
        end = self._line_end(self._trimmed_end(_last(node.entries[-1][1], node.entries[-1][0])))
        lines = "\n".join(field_lines(key, tree, node.column))
        self._edits.append((end, end, "\n" + lines))

    def _remove_field(self, node: Mapping, key: str) -> None:
        index = next(i for i, (word, _) in enumerate(node.entries) if word.text == key)
        word, value = node.entries[index]
        end = self._trimmed_end(_last(value, word))
        if node.flow:
            self._cut_from_flow([(k.start, self._trimmed_end(_last(v, k))) for k, v in node.entries], index)
        elif len(node.entries) == 1 or word.column != node.column or self._shares_line(word.start):
            # The first key of a list's row stands behind its dash: the next one moves up there.
            following = node.entries[index + 1][0].start if index + 1 < len(node.entries) else end
            self._edits.append((word.start, following, "" if index + 1 < len(node.entries) else "{}"))
        else:
            self._edits.append((self._line_start(word.start), self._next_line(end), ""))

    def _remove_item(self, node: Sequence, index: int) -> None:
        item = node.items[index]
        end = self._trimmed_end(item)
        if node.flow:
            self._cut_from_flow([(i.start, self._trimmed_end(i)) for i in node.items], index)
        else:
            dash = self._text.rfind("-", 0, item.start)
            self._edits.append((self._line_start(dash), self._next_line(end), ""))

    def _cut_from_flow(self, spans: list[tuple[int, int]], index: int) -> None:
        start, end = spans[index]
        if index + 1 < len(spans):
            self._edits.append((start, spans[index + 1][0], ""))
        else:
            self._edits.append((spans[index - 1][1] if index else start, end, ""))

    def _append_item(self, node: Sequence, tree: Tree) -> None:
        last = self._trimmed_end(node.items[-1])
        if node.flow:
            self._edits.append((last, last, ", " + flow_text(tree)))
        else:
            end = self._line_end(last)
            self._edits.append((end, end, "\n" + "\n".join(row_lines(tree, node.column))))

    def _trimmed_end(self, node: Node) -> int:
        """Return where a node's own text ends: a block's end mark lies behind comments and empty lines."""
        inner: Node = node
        while not isinstance(inner, Scalar) and not inner.flow and not inner.alias:
            inner = inner.entries[-1][1] if isinstance(inner, Mapping) else inner.items[-1]
        return inner.start + len(self._text[inner.start : inner.end].rstrip())

    def _shares_line(self, position: int) -> bool:
        return self._text[self._line_start(position) : position].strip() != ""

    def _line_start(self, position: int) -> int:
        return self._text.rfind("\n", 0, position) + 1

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        return len(self._text) if end < 0 else end

    def _next_line(self, position: int) -> int:
        return min(len(self._text), self._line_end(position) + 1)


def _as_table(rows: dict[object, Tree]) -> Table:
    return Table({str(key): tree for key, tree in rows.items()})


def _last(value: Node, key: Scalar) -> Node:
    """Return the node that ends a field: its key where the value is empty."""
    return key if isinstance(value, Scalar) and value.start == value.end and value.start < key.end else value
