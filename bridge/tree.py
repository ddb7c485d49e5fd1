"""The address tree: from an address or a pattern to the rows of the table and what stands in their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bridge.errors import NoSuchAddress, TooBig
from bridge.patterns import is_pattern, matches_part, split
from bridge.port import EnginePort
from bridge.route import COUNTED, PLACEHOLDER, Path, Route
from engine.errors import EngineError

MAX_MATCHES = 256
"""How many addresses one incoming pattern may mean."""

MAX_ID = 64

MAX_REMEMBERED = 4096
"""Addresses that came before and are found without a search."""


class Leaf(msgspec.Struct, frozen=True):
    """One address that exists: its row and what stands in the row's places."""

    address: str
    route: Route
    path: Path


class _Node:
    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.placeholder: tuple[str, _Node] | None = None
        self.route: Route | None = None


class AddressTree:
    """Rows, found by the parts of an address. A literal part wins over a placeholder."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._remembered: dict[str, Leaf] = {}
        self.routes = tuple(routes)
        for route in self.routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.address.split("/")[1:]:
            placeholder = PLACEHOLDER.fullmatch(part)
            if placeholder:
                node.placeholder = node.placeholder or (placeholder[1], _Node())
                if node.placeholder[0] != placeholder[1]:
                    raise ValueError(f"{route.address}: {placeholder[0]} stands where {{{node.placeholder[0]}}} does")
                node = node.placeholder[1]
            else:
                node = node.literal.setdefault(part, _Node())
        if node.route is not None:
            raise ValueError(f"{route.address} is in the table twice")
        node.route = route

    def find(self, address: str) -> Leaf:
        """Return the leaf of an address; whether its ids exist is for the engine to say. Raises NoSuchAddress."""
        leaf = self._remembered.get(address)
        if leaf is not None:
            return leaf
        found = self._find(self._root, tuple(address.split("/")[1:]))
        if found is None:
            raise NoSuchAddress(f"nothing answers to {address}; /list tells what there is")
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        leaf = self._remembered[address] = Leaf(address, *found)
        return leaf

    def _find(self, node: _Node, parts: tuple[str, ...]) -> tuple[Route, dict[str, str | int]] | None:
        if not parts:
            return (node.route, {}) if node.route else None
        literal = node.literal.get(parts[0])
        found = self._find(literal, parts[1:]) if literal else None
        if found is not None or node.placeholder is None:
            return found
        name, child = node.placeholder
        value = _value(name, parts[0])
        found = None if value is None else self._find(child, parts[1:])
        if found is not None and value is not None:
            found[1][name] = value
        return found

    def expand(self, pattern: str, port: EnginePort) -> list[Leaf]:
        """Return what an incoming address means: itself, or every leaf that its pattern matches.

        Raises NoSuchAddress when that is nothing, TooBig when it is more than ``MAX_MATCHES``, BadValue for a
        malformed pattern.
        """
        if not is_pattern(pattern):
            return [self.find(pattern)]
        found: list[Leaf] = []
        for leaf in self._walk(self._root, split(pattern), "", {}, port):
            found.append(leaf)
            if len(found) > MAX_MATCHES:
                raise TooBig(f"{pattern} means more than {MAX_MATCHES} addresses")
        if not found:
            raise NoSuchAddress(f"nothing matches {pattern}; /list tells what there is")
        return found

    def candidates(self, pattern: str, port: EnginePort) -> Iterator[Leaf]:
        """Yield every address that exists now in those rows that ``pattern`` may match, in the order of the table.

        Lazy, so that a caller may take a few at a time; which of them match is for ``patterns.matches`` to say.
        """
        parts = split(pattern)
        for route in self.routes:
            if _may_match(parts, route):
                for path in paths(route.placeholders, {}, port):
                    yield Leaf(route.fill(path), route, path)

    def below(self, parts: Sequence[str], port: EnginePort) -> list[str]:
        """Return the names that exist now one level below ``parts``, an address or the beginning of one."""
        found = self._descend(parts)
        if found is None:
            return []
        node, path = found
        placed = node.placeholder
        ids = [] if placed is None else [str(n) for n in names(placed[0], path, port)]
        return [*node.literal, *ids]

    def is_address(self, parts: Sequence[str]) -> bool:
        """Tell whether ``parts`` are a whole address."""
        found = self._descend(parts)
        return found is not None and found[0].route is not None

    def _descend(self, parts: Sequence[str]) -> tuple[_Node, Path] | None:
        node, path = self._root, dict[str, str | int]()
        for part in parts:
            literal = node.literal.get(part)
            if literal is not None:
                node = literal
                continue
            if node.placeholder is None or (value := _value(node.placeholder[0], part)) is None:
                return None
            path[node.placeholder[0]] = value
            node = node.placeholder[1]
        return node, path

    def every(self, prefix: str, port: EnginePort) -> Iterator[Leaf]:
        """Yield every address that exists now at ``prefix`` or below it (empty: all), in the order of the table."""
        wanted = prefix.split("/")[1:]
        for route in self.routes:
            row = route.address.split("/")[1:]
            if len(row) < len(wanted) or any(
                not r.startswith("{") and w != r for w, r in zip(wanted, row, strict=False)
            ):
                continue
            for path in paths(route.placeholders, {}, port):
                address = route.fill(path)
                if address.split("/")[1 : len(wanted) + 1] == wanted:
                    yield Leaf(address, route, path)

    def _walk(self, node: _Node, parts: tuple[str, ...], address: str, path: Path, port: EnginePort) -> Iterator[Leaf]:
        if not parts:
            if node.route is not None:
                yield Leaf(address, node.route, path)
            return
        for part, child in node.literal.items():
            if matches_part(parts[0], part):
                yield from self._walk(child, parts[1:], f"{address}/{part}", path, port)
        if node.placeholder is None:
            return
        name, child = node.placeholder
        for value in names(name, path, port):
            if matches_part(parts[0], str(value)):
                yield from self._walk(child, parts[1:], f"{address}/{value}", {**path, name: value}, port)


def _may_match(parts: tuple[str, ...], route: Route) -> bool:
    """Tell whether a pattern can match an address of that row, whatever stands in its placeholders."""
    row = route.address.split("/")[1:]
    if "" in parts:  # any parts between: only what stands before it is known
        parts = parts[: parts.index("")]
        row = row[: len(parts)]
    fits = zip(parts, row, strict=False)
    return len(parts) == len(row) and all(r.startswith("{") or matches_part(p, r) for p, r in fits)


def _value(name: str, part: str) -> str | int | None:
    if name in COUNTED:
        return int(part) if part.isascii() and part.isdecimal() and len(part) < 10 else None
    return part if 0 < len(part) <= MAX_ID else None


def paths(placeholders: tuple[str, ...], path: Path, port: EnginePort) -> Iterator[Path]:
    """Yield what may stand in placeholders now, all of it together."""
    if not placeholders:
        yield path
        return
    for value in names(placeholders[0], path, port):
        yield from paths(placeholders[1:], {**path, placeholders[0]: value}, port)


def names(placeholder: str, path: Path, port: EnginePort) -> Iterable[str | int]:
    """Return what may stand in a placeholder, given what stands before it."""
    match placeholder:
        case "strip":
            return port.strip_ids()
        case "cue":
            return port.cue_ids(path.get("cuelist"))
        case "cuelist":
            return port.cue_lists()
        case "clip":
            return port.clip_ids()
        case "snapshot":
            return port.snapshot_ids()
        case "voice":
            return port.voice_ids()
        case "bank":
            return dict.fromkeys(bank for bank, _ in port.slot_keys())
        case "index":
            return [index for bank, index in port.slot_keys() if bank == path["bank"]]
    return _inside_strip(placeholder, path, port)


def _inside_strip(placeholder: str, path: Path, port: EnginePort) -> Iterable[str | int]:
    if "strip" not in path:
        return ()
    try:
        state = port.strip_state(path["strip"])
    except EngineError:
        return ()  # a pattern names nothing that does not exist
    match placeholder:
        case "bus":
            return state.sends
        case "knob":
            return tuple(state.duck)
        case "insert":
            return range(1, len(state.inserts) + 1)
        case "param":
            number: int = path["insert"]
            return tuple(state.inserts[number - 1].specs)
    return ()
