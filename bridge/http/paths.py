"""Tells OSCQuery's listeners which addresses came and went when the story or the mix changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bridge.http.turn import Turn
from bridge.hub import Hub
from bridge.tree import paths
from engine.events import (
    ClipsChanged,
    CueRenumbered,
    Event,
    InsertsChanged,
    MixChanged,
    SnapshotsChanged,
    StoryReloaded,
    VoicesChanged,
)

CHANGES = (StoryReloaded, MixChanged, SnapshotsChanged, InsertsChanged, VoicesChanged, CueRenumbered, ClipsChanged)

Things = dict[tuple[str, ...], dict[tuple[object, ...], None]]
"""What exists, by what it is: of ("strip", "bus") all pairs of a strip and a bus that it sends to."""


class Told(Protocol):
    """Who hears of it."""

    def paths(
        self,
        added: Sequence[str],
        removed: Sequence[str],
        renamed: Sequence[tuple[str, str]] = (),
        changed: Sequence[str] = (),
    ) -> None:
        """Hear which addresses came and went, which nodes are called otherwise (before, now), which are other ones."""
        ...


class PathWatch:
    """Compares what exists now with what existed before, in slices. forget: hears at once that something came or went.

    Things are compared, not addresses: each has many.
    """

    def __init__(self, hub: Hub, told: Told, forget: Callable[[], None]) -> None:
        self._hub, self._told, self._forget = hub, told, forget
        self._kinds = tuple(dict.fromkeys(route.placeholders for route in hub.tree.routes))
        self._known: Things | None = None
        self._renamed: list[CueRenumbered] = []
        self._others: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._changed.set()
        self._watching = asyncio.create_task(self._watch())
        self._end = hub.engine.subscribe(self._hear)

    def close(self) -> None:
        """Look no more."""
        self._end()
        self._watching.cancel()

    def _hear(self, events: tuple[Event, ...]) -> None:
        if any(isinstance(event, CHANGES) for event in events):
            self._renamed += [event for event in events if isinstance(event, CueRenumbered)]
            self._others |= {f"/strip/{e.strip}/insert": None for e in events if isinstance(e, InsertsChanged)}
            self._forget()
            self._changed.set()

    async def _watch(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            now = await self._all()
            if self._changed.is_set():
                continue  # it changed while it was looked at
            before, self._known = self._known, now
            renamed, self._renamed = self._renamed, []
            others, self._others = list(self._others), {}
            if before is not None:
                names = [name for event in renamed for name in self._follow(event, before)]
                self._told.paths(list(self._beyond(now, before)), list(self._beyond(before, now)), names, others)

    def _follow(self, event: CueRenumbered, before: Things) -> Iterator[tuple[str, str]]:
        """Yield the nodes that an event names otherwise, and call what was known so, too."""
        first = event.cuelist == next(iter(self._hub.engine.cue_lists()), None)
        old, new = (event.cuelist, event.cue), (event.cuelist, event.number)
        for kind, cut in ((("cue",), 1), (("cuelist", "cue"), 0)):
            things = before.get(kind, {})
            if old[cut:] in things and (first or not cut):
                del things[old[cut:]]
                things[new[cut:]] = None
                at = f"/cuelist/{event.cuelist}/cue" if not cut else "/cue"
                yield f"{at}/{event.cue}", f"{at}/{event.number}"

    async def _all(self) -> Things:
        found: Things = {}
        turn = Turn()
        for kind in self._kinds:
            things = found[kind] = {}
            for path in paths(kind, {}, self._hub.engine):
                things[tuple(path[name] for name in kind)] = None
                await turn.over()
        return found

    def _beyond(self, things: Things, others: Things) -> Iterator[str]:
        """Yield the addresses of those things that are not among the others, in the order of the table."""
        fresh = {kind: [thing for thing in things[kind] if thing not in others[kind]] for kind in self._kinds}
        for route in self._hub.tree.routes:
            for thing in fresh[route.placeholders]:
                yield route.fill(dict(zip(route.placeholders, thing, strict=True)))
