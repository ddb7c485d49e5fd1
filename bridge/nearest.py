"""The nearest known address: what somebody may have meant who sent one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bridge.errors import NoSuchAddress
from bridge.patterns import is_pattern
from bridge.port import EnginePort
from bridge.tree import AddressTree

MAX_PARTS = 12
MAX_LOOKED_AT = 64
"""How many names of a level are compared: a wrong address must not cost much."""


def hinted(error: NoSuchAddress, address: str, tree: AddressTree, port: EnginePort) -> NoSuchAddress:
    """Return ``error`` with the nearest known address in its text."""
    if is_pattern(address):
        return error
    return NoSuchAddress(f"{error}; the nearest is {nearest(address, tree, port)}")


def nearest(address: str, tree: AddressTree, port: EnginePort) -> str:
    """Return an address that exists now and looks most like ``address``."""
    found: list[str] = []
    for part in [part for part in address[:256].split("/") if part][:MAX_PARTS]:
        names = tree.below(found, port)
        if not names:
            break
        found.append(_most_like(part, names))
    while not tree.is_address(found) and (names := tree.below(found, port)):
        found.append(names[0])
    return "/" + "/".join(found)


def _most_like(part: str, names: Sequence[str]) -> str:
    if part in names:
        return part
    return max(names[:MAX_LOOKED_AT], key=lambda name: difflib.SequenceMatcher(None, part[:64], name).ratio())
