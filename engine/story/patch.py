"""Patching: the user's text with only those values changed that differ between two versions of a story."""

from __future__ import annotations

from collections.abc import Hashable

from engine.errors import StoryError
from engine.story.dump import field_lines, flow_text, leaf_text, row_lines, table_lines, word_text
from engine.story.model import Story
from engine.story.nodes import Entry, Mapping, Node, Scalar, Sequence, compose
from engine.story.recompose import Edit
from engine.story.tree import Leaf, Planter, Rows, Table, Tree, may_be_left_away


def patch(text: str, old: Story, new: Story, root: Node | None = None, planter: Planter | None = None) -> str:
    """Return ``text``, which tells ``old``, so that it tells ``new``: comments, order, quotes and layout stay.

    root: what the text was composed to. planter: has made the tree of ``old`` before, so that it need not be made anew.
    Raises StoryError where the text says something in a way that can't be patched in place (through an alias).
    """
    if text.startswith("\ufeff"):
        return "\ufeff" + patch(text[1:], old, new, planter=planter)
    return edited(text, patches(text, old, new, root, planter))


def patches(text: str, old: Story, new: Story, root: Node | None = None, planter: Planter | None = None) -> list[Edit]:
    """Return the edits that ``patch`` makes, in the order of their places; none overlap."""
    planter = planter or Planter()
    patcher = _Patcher(text)
    patcher.table(root or compose(text, "story"), planter.story(old), planter.story(new))
    return patcher.edits()


def edited(text: str, edits: list[Edit]) -> str:
    """Return a text with edits made that are in order."""
    done, pieces = 0, []
    for start, end, word in edits:
        pieces += [text[done:start], word]
        done = end
    return "".join([*pieces, text[done:]])


class _Patcher:
    """Collects edits of one text; none overlap."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: list[Edit] = []

    def edits(self) -> list[Edit]:
        """Return all edits in order; what is added at one place keeps the order in which it was added."""
        line_end = "\r\n" if "\r\n" in self._text else "\n"
        ordered = sorted(self._edits, key=lambda e: (e[0], e[1]))
        return [(start, end, word.replace("\n", line_end)) for start, end, word in ordered]

    def table(self, node: Node, old: Table, new: Table) -> None:
        """Patch a mapping's fields."""
        if not isinstance(node, Mapping):
            self._replace(node, new)
            return
        keys = [key for key in {**old.fields, **new.fields} if old.fields.get(key) != new.fields.get(key)]
        for key in keys:
            if key in node.fields and key not in node.own:
                raise StoryError(f"{key!r} comes from a merged mapping (<<); write it where it is to differ")
        told = {key: new.fields[key] for key in keys if key in new.fields and _is_told(key, new.fields[key])}
        gone = {i for i, (word, _) in enumerate(node.entries) if word.text in keys and word.text not in told}
        kept = [entry for i, entry in enumerate(node.entries) if i not in gone]
        if not kept and (gone or node.flow):
            self._replace(node, new)
            return
        for key in (k for k in told if k in node.own):
            self._value(node.own[key], old.fields.get(key), told[key])
        self._remove_fields(node, gone)
        for key in (k for k in told if k not in node.own):
            self._insert_field(node, kept[-1], key, told[key])

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
        """Patch rows that are still there, drop those that are gone, put new ones in; another order is written anew."""
        old, new = dict(before.rows), dict(after.rows)
        kept = [key for key in old if key in new]
        if kept != [key for key in new if key in old] or len(node.items) != len(old) or not kept:
            self._replace(node, after)
            return
        items = dict(zip(old, node.items, strict=True))
        for key in kept:
            if old[key] != new[key]:
                self._value(items[key], old[key], new[key])
        self._remove_items(node, {i for i, key in enumerate(old) if key not in new})
        above: Hashable | None = None
        for key, row in new.items():
            if key in old:
                above = key
            elif above is None:
                self._insert_first(node, items[kept[0]], row)
            else:
                self._insert_item(node, items[above], row)

    def _replace(self, node: Node, tree: Tree) -> None:
        """Write a value anew: a scalar in its own notation, anything else on one line or in the dump's layout."""
        if isinstance(node, Scalar) and isinstance(tree, Leaf):
            pad = "" if node.end > node.start or self._text[node.start - 1 : node.start] in (" ", "") else " "
            end = self._trimmed_end(node) if node.style in {"|", ">"} else node.end
            self._edits.append((node.start, end, pad + leaf_text(tree, node)))
            return
        end = self._trimmed_end(node)
        if isinstance(tree, Leaf) or isinstance(node, Scalar) or node.flow or not self._block(tree, node.column):
            pad = " " if node.start == node.end and self._text[node.start - 1 : node.start] != " " else ""
            if isinstance(node, Sequence | Mapping) and not node.flow and not self._shares_line(node.start):
                pad = "  "  # a block may stand as far left as its key, what replaces it may not
            self._edits.append((node.start, end, pad + flow_text(tree)))
            return
        lines = list(table_lines(tree, node.column)) if isinstance(tree, Table) else self._block(tree, node.column)
        self._edits.append((node.start, end, "\n".join(lines).lstrip(" ")))

    def _block(self, tree: Table | Rows, column: int) -> list[str]:
        """Return the lines of a block, the first one's dash or key at ``column``; none where it goes on one line."""
        if isinstance(tree, Table):
            return [] if tree.short else list(table_lines(tree, column))
        if tree.named or tree.short is not None:
            return []
        return [line for _, row in tree.rows for line in row_lines(row, column)]

    def _insert_field(self, node: Mapping, after: Entry, key: str, tree: Tree) -> None:
        last = self._trimmed_end(_last(after))
        if node.flow:
            self._edits.append((last, last, f", {word_text(key)}: {flow_text(tree)}"))
        else:
            end = self._line_end(last)
            self._edits.append((end, end, "\n" + "\n".join(field_lines(key, tree, node.column))))

    def _insert_item(self, node: Sequence, after: Node, tree: Tree) -> None:
        last = self._trimmed_end(after)
        if node.flow:
            self._edits.append((last, last, ", " + flow_text(tree)))
        else:
            end = self._line_end(last)
            self._edits.append((end, end, "\n" + "\n".join(row_lines(tree, node.column))))

    def _insert_first(self, node: Sequence, before: Node, tree: Tree) -> None:
        """Put a row before another one, and before the comments that stand right above that."""
        if node.flow:
            self._edits.append((before.start, before.start, flow_text(tree) + ", "))
            return
        dash = self._dash(before.start, node.column)
        place = self._line_start(dash)
        while place and self._text[self._line_start(place - 1) : place].lstrip().startswith("#"):
            place = self._line_start(place - 1)
        if self._shares_line(dash):  # a list in a list's row: - - one
            place = dash
        lines = row_lines(tree, node.column)
        indented = "\n".join(lines) + "\n"
        self._edits.append((place, place, indented.lstrip(" ") + " " * node.column if place == dash else indented))

    def _remove_fields(self, node: Mapping, gone: set[int]) -> None:
        """Remove some fields, never all. The first key of a list's row stands behind its dash: the next moves up."""
        spans = [(key.start, self._trimmed_end(_last((key, value)))) for key, value in node.entries]
        if node.flow:
            self._cut_from_flow(spans, gone)
            return
        first = next(i for i in range(len(spans)) if i not in gone) if self._shares_line(spans[0][0]) else 0
        if first:
            self._edits.append((spans[0][0], spans[first][0], ""))
        for index in gone - set(range(first)):
            self._cut_lines(*spans[index])

    def _remove_items(self, node: Sequence, gone: set[int]) -> None:
        spans = [(item.start, self._trimmed_end(item)) for item in node.items]
        if node.flow:
            self._cut_from_flow(spans, gone)
            return
        for index in gone:
            start, end = spans[index]
            self._cut_lines(self._dash(start, node.column), end)

    def _cut_from_flow(self, spans: list[tuple[int, int]], gone: set[int]) -> None:
        """Cut some, never all, each with one comma: those in front with the one behind, the others the other way."""
        first = next(i for i in range(len(spans)) if i not in gone)
        for index in gone:
            if index < first:
                self._edits.append((spans[index][0], spans[index + 1][0], ""))
            else:
                self._edits.append((spans[index - 1][1], spans[index][1], ""))

    def _cut_lines(self, start: int, end: int) -> None:
        """Cut whole lines and the line end before them, so that what is added behind them does not lie in the cut."""
        above = self._line_start(start)
        if above:
            self._edits.append((self._line_end(above - 1), self._line_end(end), ""))
        else:
            self._edits.append((0, self._line_start(self._text.find("\n", end) + 1), ""))

    def _dash(self, position: int, column: int) -> int:
        """Return where the dash of the list's row at ``position`` stands: on its line, or above comments."""
        while self._text[self._line_start(position) :][: column + 1].strip() != "-":
            position = self._line_start(position) - 1
        return self._line_start(position) + column

    def _trimmed_end(self, node: Node) -> int:
        """Return where a node's own text ends: a block's end mark lies behind comments and empty lines.

        The empty lines below a text that keeps them (``|+``) are its own.
        """
        inner: Node = node
        while not isinstance(inner, Scalar) and not inner.flow and not inner.alias:
            inner = inner.entries[-1][1] if isinstance(inner, Mapping) else inner.items[-1]
        text = self._text[inner.start : inner.end]
        keeps = isinstance(inner, Scalar) and inner.style in {"|", ">"} and "+" in text.partition("\n")[0].split("#")[0]
        return inner.start + len(text.removesuffix("\n") if keeps else text.rstrip())

    def _shares_line(self, position: int) -> bool:
        return self._text[self._line_start(position) : position].strip() != ""

    def _line_start(self, position: int) -> int:
        return self._text.rfind("\n", 0, position) + 1

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        return end - 1 if self._text[end - 1 : end] == "\r" else end


def _is_told(key: str, tree: Tree) -> bool:
    return key == "id" or not may_be_left_away(tree)


def _as_table(rows: dict[object, Tree]) -> Table:
    return Table({str(key): tree for key, tree in rows.items()})


def _last(entry: Entry) -> Node:
    """Return the node that ends a field: its key where the value is empty."""
    key, value = entry
    return key if isinstance(value, Scalar) and value.start == value.end and value.start < key.end else value
