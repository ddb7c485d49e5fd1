"""The kept tree: every address as JSON, laid out once; what is asked for again is read again only where it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import get_args

import msgspec

from bridge.http.turn import Turn
from bridge.hub import Hub
from bridge.tree import Leaf
from engine.events import Event

BLOCK_LEAVES = 64
"""Branches with so many leaves or fewer are kept as one text."""

STILL_SECONDS = 0.25
"""What moves by itself rests when it is the same after so long; an event wakes it again."""

GROWTHS = 3
"""How often the tree is laid out anew for one question while addresses come and go."""


class Branch:
    """One node: its attributes as JSON but for value and contents, and what is below it.

    value: as JSON with its comma, None: to be read. block: in whose text it is kept. leaves: at and below it.
    """

    __slots__ = ("below", "block", "kept", "leaf", "leaves", "text", "value")

    def __init__(self, path: str) -> None:
        self.text = b'"FULL_PATH":' + msgspec.json.encode(path or "/") + b',"ACCESS":0'
        self.leaf: Leaf | None = None
        self.value: bytes | None = b""
        self.below: dict[str, Branch] = {}
        self.leaves = 0
        self.block: Branch | None = None
        self.kept: bytes | None = None

    def touch(self) -> None:
        """Have its value read again."""
        self.value = None
        if self.block is not None:
            self.block.kept = None


class _Moving(msgspec.Struct):
    """A value that moves by itself for a while. since: when it was last seen to be another one."""

    branch: Branch
    since: float


class KeptTree:
    """What OSCQuery tells. Event loop of the control process only; long work is done in slices.

    Values are kept until an event of their row says that they are others. Rows that move by themselves (``stream``) are
    read at every question: without an event of their own always, with a ``steady`` mark when that is another one, else
    from an event on until they rest.

    text: a leaf's attributes as JSON, but for its path and value. value: its value with a comma before, or nothing.
    """

    def __init__(self, hub: Hub, text: Callable[[Leaf], bytes], value: Callable[[Leaf], bytes]) -> None:
        self._hub, self._text, self._read = hub, text, value
        self._root: Branch | None = None
        self._epoch = 0
        self._growing: asyncio.Task[Branch] | None = None
        self._now = asyncio.get_running_loop().time
        rows = [route for route in hub.tree.routes if route.read is not None]
        self._rows = {event: tuple(r for r in rows if event in r.changed) for event in get_args(Event)}
        self._begin()
        self._end = hub.engine.subscribe(self._hear)

    def close(self) -> None:
        """Hear no more events."""
        self._end()
        if self._growing is not None:
            self._growing.cancel()

    def forget(self) -> None:
        """Take notice that addresses came or went; a tree that somebody asked for is laid out again at once."""
        asked = self._root is not None
        self._root = None
        self._epoch += 1
        if asked and self._growing is None:
            self._grow_aside()

    async def told(self, path: str) -> bytes | None:
        """Return what is at an address and below it as JSON with present values; None: nothing."""
        branch: Branch | None = self._root or await self._grown()
        for part in path.split("/")[1:]:
            branch = branch.below.get(part) if branch else None
        if branch is None:
            return None
        turn, parts = Turn(), list[bytes]()
        await self._look(turn)
        await self._write(branch, parts, turn)
        return b"".join(parts)

    def _begin(self) -> None:
        self._places: dict[str, Branch] = {}
        self._always: list[Branch] = []
        self._marked: dict[Callable[..., object], list[Branch]] = {}
        self._marks: dict[Callable[..., object], object] = {}
        self._moving: dict[str, _Moving] = {}

    def _hear(self, events: tuple[Event, ...]) -> None:
        if not self._places:
            return
        for event in events:
            for route in self._rows[type(event)]:
                address = route.fill({name: getattr(event, name) for name in route.placeholders})
                branch = self._places.get(address)
                if branch is not None:
                    branch.touch()
                    if route.stream:
                        self._moving[address] = _Moving(branch, self._now())

    async def _grown(self) -> Branch:
        """Return a tree of what exists now, or did a moment ago."""
        return await asyncio.shield(self._growing or self._grow_aside())

    def _grow_aside(self) -> asyncio.Task[Branch]:
        task = self._growing = asyncio.create_task(self._grow())
        task.add_done_callback(self._has_grown)
        return task

    def _has_grown(self, task: asyncio.Task[Branch]) -> None:
        self._growing = None
        if not task.cancelled() and task.exception() is None and self._root is None:
            self._root = task.result()

    async def _grow(self) -> Branch:
        for _ in range(GROWTHS):
            epoch, turn = self._epoch, Turn()
            self._begin()
            root = await self._laid_out(turn)
            await self._divide(root, turn)
            if epoch == self._epoch:
                break
        return root

    async def _laid_out(self, turn: Turn) -> Branch:
        root = Branch("")
        for leaf in self._hub.tree.every("", self._hub.engine):
            if leaf.route.wrapper:
                continue
            here, path = root, ""
            for part in leaf.address.split("/")[1:]:
                path += f"/{part}"
                here.leaves += 1
                if part not in here.below:
                    here.below[part] = Branch(path)
                here = here.below[part]
            here.leaves += 1
            here.leaf, here.text = leaf, b'"FULL_PATH":' + msgspec.json.encode(path) + b"," + self._text(leaf)
            if leaf.route.read is not None:
                self._place(leaf, here)
            await turn.over()
        return root

    def _place(self, leaf: Leaf, branch: Branch) -> None:
        """Note how a value is known to be another one."""
        branch.value = None
        self._places[leaf.address] = branch
        route = leaf.route
        if route.steady is not None:
            self._marked.setdefault(route.steady, []).append(branch)
        elif route.stream and route.changed:
            self._moving[leaf.address] = _Moving(branch, self._now())
        elif route.stream:
            self._always.append(branch)

    async def _divide(self, here: Branch, turn: Turn, block: Branch | None = None) -> None:
        """Say in whose text each branch is kept."""
        if block is None and here.leaves <= BLOCK_LEAVES:
            block = here
        here.block = block
        for below in here.below.values():
            await self._divide(below, turn, block)
            await turn.over()

    async def _look(self, turn: Turn) -> None:
        """Have read what moves by itself."""
        for branch in self._always:
            branch.touch()
        for steady, branches in self._marked.items():
            mark = steady(self._hub.engine)
            if self._marks.get(steady, self) != mark:
                self._marks[steady] = mark
                for branch in branches:
                    branch.touch()
                    await turn.over()
        for address, moving in tuple(self._moving.items()):
            self._follow(address, moving)
            await turn.over()

    def _follow(self, address: str, moving: _Moving) -> None:
        branch, before = moving.branch, moving.branch.value
        if branch.leaf is None:
            return
        now = self._now()
        value = self._read(branch.leaf)
        if value != before:
            branch.touch()
            branch.value, moving.since = value, now
        elif now - moving.since > STILL_SECONDS and self._moving.get(address) is moving:
            del self._moving[address]

    async def _write(self, here: Branch, parts: list[bytes], turn: Turn) -> None:
        if here.block is not None:
            parts.append(self._kept(here))
            await turn.over()
            return
        parts.append(b"{" + here.text + self._value(here))
        for number, (name, below) in enumerate(here.below.items()):
            parts.append((b"," if number else b',"CONTENTS":{') + msgspec.json.encode(name) + b":")
            await self._write(below, parts, turn)
        parts.append(b"}}" if here.below else b"}")

    def _kept(self, here: Branch) -> bytes:
        if here.kept is not None:
            return here.kept
        parts: list[bytes] = []
        self._compose(here, parts)
        text = b"".join(parts)
        if here.block is here:
            here.kept = text
        return text

    def _compose(self, here: Branch, parts: list[bytes]) -> None:
        parts.append(b"{" + here.text + self._value(here))
        for number, (name, below) in enumerate(here.below.items()):
            parts.append((b"," if number else b',"CONTENTS":{') + msgspec.json.encode(name) + b":")
            self._compose(below, parts)
        parts.append(b"}}" if here.below else b"}")

    def _value(self, branch: Branch) -> bytes:
        if branch.value is None and branch.leaf is not None:
            branch.value = self._read(branch.leaf)
        return branch.value or b""
