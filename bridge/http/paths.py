"""Tells OSCQuery's listeners which addresses came and went when the story or the mix changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.hub import Hub
from engine.events import Event, InsertsChanged, MixChanged, SnapshotsChanged, StoryReloaded

CHANGES = (StoryReloaded, MixChanged, SnapshotsChanged, InsertsChanged)


class Told(Protocol):
    """Who hears of it."""

    def paths(self, added: Sequence[str], removed: Sequence[str]) -> None:
        """Hear which addresses came and went."""
        ...


class PathWatch:
    """Compares what exists now with what existed before. forget: hears at once that something came or went."""

    def __init__(self, hub: Hub, told: Told, forget: Callable[[], None]) -> None:
        self._hub, self._told, self._forget = hub, told, forget
        self._known = self._all()
        self._looking = False
        self._end = hub.engine.subscribe(self._hear)

    def close(self) -> None:
        """Look no more."""
        self._end()

    def _hear(self, events: tuple[Event, ...]) -> None:
        if not any(isinstance(event, CHANGES) for event in events):
            return
        self._forget()
        if self._looking:
            return
        self._looking = True
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        before, self._known = self._known, self._all()
        self._told.paths([a for a in self._known if a not in before], [a for a in before if a not in self._known])

    def _all(self) -> dict[str, None]:
        return dict.fromkeys(leaf.address for leaf in self._hub.tree.every("", self._hub.engine))
