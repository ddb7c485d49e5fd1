"""Readiness: what is told of pads and cues of sections, whenever a clip, a marker or the timeline makes it another."""

from __future__ import annotations

from collections.abc import Iterator

from engine.events import CueChanged, Event, SlotChanged, SlotState
from engine.session.cues import Cues
from engine.session.players import CueOwner, SlotOwner
from engine.session.sections import Sections
from engine.session.slots import Slots

_RUNS = frozenset({"waiting", "playing", "paused"})
"""A cue that is so tells it itself."""


class Readiness:
    """Knows what was told last."""

    def __init__(self, cues: Cues, slots: Slots, sections: Sections) -> None:
        self._cues, self._slots, self._sections = cues, slots, sections
        self._told: dict[SlotOwner | CueOwner, SlotState] = {}

    def forget(self) -> None:
        """Begin anew: whoever hears of another story asks for its states."""
        self._told.clear()
        self._sections.stirred = True

    def note(self) -> None:
        """Take those that are new as told."""
        for owner, state in self._states():
            self._told.setdefault(owner, state)

    def changes(self) -> tuple[Event, ...]:
        """Return the events of those that are otherwise than they were; quick where nothing has stirred."""
        if not self._sections.stirred:
            return ()
        self._sections.stirred = False
        events: list[Event] = []
        for owner, state in self._states():
            before, self._told[owner] = self._told.get(owner, state), state
            if before == state:
                continue
            if isinstance(owner, SlotOwner):
                events.append(SlotChanged(bank=owner.bank, index=owner.index, state=state))
            else:
                events.append(CueChanged(cue=owner.cue, cuelist=owner.cuelist, state=state))
        return tuple(events)

    def _states(self) -> Iterator[tuple[SlotOwner | CueOwner, SlotState]]:
        for bank, index in self._slots.with_sections():
            yield SlotOwner(bank=bank, index=index), self._slots.state(bank, index)
        for cuelist, cue in self._cues.with_sections():
            state = self._cues.state(cue, cuelist)
            if state not in _RUNS:
                yield CueOwner(cue=cue, cuelist=cuelist), state
