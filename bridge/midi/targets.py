"""Targets: what the addresses of a surface mean in the story that is open, as positions 0 to 1."""

from __future__ import annotations

import re

import msgspec

from bridge.arguments import spec_of
from bridge.errors import BadValue, BridgeError
from bridge.message import Message
from bridge.port import EnginePort
from bridge.route import Arg
from bridge.tree import AddressTree, Leaf
from engine.errors import EngineError

_PLACE = re.compile(r"#([0-9]{1,4})")
SWITCH_ON = 0.5
"""A switch that is moved by a continuous control is on from here."""


class Target(msgspec.Struct, frozen=True):
    """An address that a control can reach. arg: what it moves; None: it fires."""

    leaf: Leaf
    arg: Arg | None

    @property
    def address(self) -> str:
        """Return the address."""
        return self.leaf.address


class Targets:
    """Resolves addresses against the table and the engine. Control process only."""

    def __init__(self, tree: AddressTree, engine: EnginePort) -> None:
        self._tree, self._engine = tree, engine

    def find(self, address: str) -> Target:
        """Return what an address is to a control; ``#2`` in it is the second strip, cue or voice.

        Raises NoSuchAddress, BadValue for one that a control can't move.
        """
        leaf = self._tree.find(self._filled(address))
        route = leaf.route
        if route.trigger and not any(not a.optional for a in route.args):
            return Target(leaf, None)
        if route.trigger or route.command is None or len(route.args) != 1 or route.args[0].type in "st":
            raise BadValue(f"{leaf.address} can't be moved by a control: it takes no one number")
        arg = route.args[0]
        if not arg.truth and not arg.norm and arg.spec is None:
            raise BadValue(f"{leaf.address} can't be moved by a control: it has no range")
        return Target(leaf, arg)

    def message(self, target: Target, position: float) -> Message:
        """Return the message that puts a target at a position of its travel. Raises EngineError when it is gone."""
        arg = target.arg
        if arg is None or arg.truth:
            return Message(target.address, (1 if position >= SWITCH_ON else 0,))
        if arg.norm:
            return Message(target.address, (position,))
        spec = spec_of(arg, self._engine, target.leaf.path)
        value = spec.from_norm(position) if spec else position
        return Message(target.address, (round(value) if arg.type in "ih" else value,))

    def position(self, target: Target) -> float | None:
        """Return where a target stands now; None: it can't be read."""
        read = target.leaf.route.read
        if read is None or target.arg is None:
            return None
        try:
            return self.travel(target, read(self._engine, target.leaf.path)[0])
        except (BridgeError, EngineError):
            return None

    def travel(self, target: Target, value: object) -> float | None:
        """Return the position of a value in the parameter's own unit."""
        if not isinstance(value, (int, float)) or target.arg is None:
            return None
        if target.arg.truth:
            return float(value > 0)
        spec = spec_of(target.arg, self._engine, target.leaf.path)
        return spec.to_norm(float(value)) if spec else float(value)

    def _filled(self, address: str) -> str:
        """Put ids in the place of ``#n``."""
        if "#" not in address:
            return address
        parts = address.split("/")
        for place, part in enumerate(parts):
            found = _PLACE.fullmatch(part)
            if found:
                parts[place] = self._nth(parts[place - 1], int(found[1]), address)
        return "/".join(parts)

    def _nth(self, kind: str, number: int, address: str) -> str:
        ids = {"strip": self._engine.strip_ids, "cue": self._engine.cue_ids, "voice": self._engine.voice_ids}
        known = tuple(ids[kind]()) if kind in ids else ()
        if not 1 <= number <= len(known):
            raise BadValue(f"{address}: this story has {len(known)} {kind}s, no number {number}")
        return known[number - 1]
