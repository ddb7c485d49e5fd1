"""What outlives a session: it is noted by name, and the session that comes after goes on with it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from engine.errors import UnknownThing
from engine.realtime.notes import Notes

Thing = TypeVar("Thing")


class Lasting(Mapping[str, Thing], Generic[Thing]):
    """Things of one kind by name, which another process works on.

    note: theirs among the notes. ask: that process, of all of them, whenever there is another one or one less.
    """

    def __init__(self, notes: Notes, note: str, ask: Callable[[Sequence[Thing]], None]) -> None:
        self._notes, self._note, self._ask = notes, note, ask
        self._things: dict[str, Thing] = {}

    def __getitem__(self, name: str) -> Thing:
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def put(self, name: str, thing: Thing) -> None:
        """Have another one."""
        self._things[name] = thing
        self._keep()

    def take(self, noun: str, name: str) -> Thing:
        """Let go of one, and return it. Raises UnknownThing, which calls it ``noun``."""
        if name not in self._things:
            raise UnknownThing(noun, name, self._things)
        thing = self._things.pop(name)
        self._keep()
        return thing

    def see(self, name: str, thing: Thing) -> None:
        """Know how one goes, which nobody has to be asked for."""
        self._things[name] = thing

    @property
    def recalls(self) -> bool:
        """Whether a session that is gone has had any, be it none in the end."""
        return self._notes.get(self._note) is not None

    def recall(self) -> None:
        """Go on with those of a session that is gone."""
        note = self._notes.get(self._note)
        if note is not None:
            self._things = pickle.loads(note)
            self._ask(tuple(self._things.values()))

    def _keep(self) -> None:
        self._notes.set(self._note, pickle.dumps(self._things))
        self._ask(tuple(self._things.values()))
