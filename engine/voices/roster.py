"""The roster: the slots that there are. Some keep no model; a model has one, and more where it has more to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

from msgspec.structs import replace

from engine.voices.model_state import ModelState
from engine.voices.slot import Slot

BEST = ("speaking", "warm", "loading", "failed", "cold")
"""A model that several keep is as the one that is best off."""


class Roster:
    """Event loop only. make: a new slot, of a number and a model. workers: slots without a model; per_model: at most.

    on_state: hears how models are; one that several keep takes what all of them take.
    """

    def __init__(
        self, make: Callable[[int, str], Slot], workers: int, per_model: int, on_state: Callable[[ModelState], None]
    ) -> None:
        self._make, self._per_model, self._on_state = make, per_model, on_state
        self._numbers = count()
        self._slots: dict[str, list[Slot]] = {"": [make(next(self._numbers), "") for _ in range(workers)]}
        self._told: dict[str, ModelState] = {}
        self._full: set[str] = set()

    def __iter__(self) -> Iterator[Slot]:
        return iter([slot for slots in self._slots.values() for slot in slots])

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that was ever asked for, and the empty name."""
        return tuple(self._slots)

    @property
    def keepers(self) -> tuple[Slot, ...]:
        """The slots that keep models."""
        return tuple(slot for slot in self if slot.model)

    @property
    def states(self) -> tuple[ModelState, ...]:
        """How each model is that was ever asked for."""
        return tuple(self._state(model) for model in self._slots if model)

    def of(self, model: str) -> tuple[Slot, ...]:
        """Return the slots that keep ``model``."""
        return tuple(self._slots.get(model, ()))

    def first(self, model: str) -> Slot:
        """Return the slot that a model always has; of those without a model any."""
        if model not in self._slots:
            self._slots[model] = [self._make(next(self._numbers), model)]
        return self._slots[model][0]

    def widen(self, model: str) -> Slot | None:
        """Return one more slot for a model that is loaded; None where there may be no more, or is no room."""
        slots = self._slots.get(model, [])
        if not model or len(slots) >= self._per_model or model in self._full or not any(slot.bytes for slot in slots):
            return None
        slots.append(self._make(next(self._numbers), model))
        return slots[-1]

    def is_more(self, slot: Slot) -> bool:
        """Return whether a slot is one that its model could do without."""
        return bool(slot.model) and slot is not self._slots[slot.model][0]

    def drop(self, slot: Slot, *, full: bool = False) -> None:
        """Do without ``slot``, if its model can. full: there is no room for more, until something makes some."""
        if self.is_more(slot):
            if slot in self._slots[slot.model]:
                self._slots[slot.model].remove(slot)
                self.hear(slot.model)
            if full:
                self._full.add(slot.model)

    def freed(self) -> None:
        """Hear that there is more room than before."""
        self._full.clear()

    def hear(self, model: str) -> None:
        """Tell how a model is, if that is news."""
        state = self._state(model)
        if self._told.get(model) != state:
            self._told[model] = state
            self._on_state(state)

    def _state(self, model: str) -> ModelState:
        states = [slot.state for slot in self._slots.get(model, ())] or [ModelState(model=model)]
        taken = Counter[str]()
        for state in states:
            taken.update(state.bytes)
        return replace(min(states, key=lambda state: BEST.index(state.state)), bytes=dict(taken))
