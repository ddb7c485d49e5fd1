"""Moves: packets that set a value, of which only the newest counts; known by their beginnings, undecoded."""

from __future__ import annotations

from collections.abc import Hashable

from bridge.errors import NoSuchAddress
from bridge.patterns import is_pattern
from bridge.routes import plain_address
from bridge.tree import AddressTree

MAX_KNOWN = 1024
"""Beginnings that were looked up; with so many it forgets them all."""

_SHORT, _LONG = (b",f\0\0", b",i\0\0"), b",d\0\0"


class Moves:
    """Tells moves of faders and knobs from whatever else is sent."""

    def __init__(self, tree: AddressTree) -> None:
        self._tree = tree
        self._known: dict[bytes, Hashable] = {}

    def target(self, packet: bytes) -> Hashable:
        """Return what a packet moves, the same whether in its own unit or as travel; None: it is no move."""
        if packet[-8:-4] in _SHORT:
            head = packet[:-4]
        elif packet[-12:-8] == _LONG:
            head = packet[:-8]
        else:
            return None
        if head not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[head] = self._target(head[:-4])
        return self._known[head]

    def _target(self, padded: bytes) -> Hashable:
        address = padded.rstrip(b"\0")
        if address + b"\0" * (4 - len(address) % 4) != padded:
            return None
        try:
            leaf = self._tree.find(plain_address(address.decode()))
        except (NoSuchAddress, UnicodeDecodeError):
            return None
        if not leaf.route.continuous or is_pattern(leaf.address):
            return None
        return leaf.route.command, leaf.route.args[0].name, *leaf.path.items()
