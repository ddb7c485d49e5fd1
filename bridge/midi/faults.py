"""Faults: what MIDI got lost, and what left late, told once."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.midi.inbox import Inbox
from bridge.midi.port import MidiSystem
from bridge.port import EnginePort
from engine.events import Dropped, StartedLate


class Faults:
    """Compares what the systems count with what was told. Event loop only."""

    def __init__(self, engine: EnginePort, systems: Sequence[MidiSystem], inbox: Inbox) -> None:
        self._engine, self._systems, self._inbox = engine, systems, inbox
        self._lost = self._missed = self._late = 0

    def tell(self) -> None:
        """Tell what got lost, or left late, since the last call, and where something may have got lost."""
        lost = self._inbox.dropped + sum(system.lost for system in self._systems)
        missed = sum(system.missed for system in self._systems)
        late = sum(system.late for system in self._systems)
        if lost > self._lost:
            self._drop("lost", f"{lost - self._lost} events were lost")
        if missed > self._missed:
            cycles = missed - self._missed
            self._drop(
                "missed", f"JACK ran {cycles} cycles without waiting for us; what they held, if anything, is lost"
            )
        if late > self._late:
            behind = max(system.latest_seconds for system in self._systems)
            self._engine.tell(StartedLate(what="midi", late_seconds=behind, sequence=late))
        self._lost, self._missed, self._late = lost, missed, late

    def _drop(self, code: str, text: str) -> None:
        self._engine.tell(Dropped(what="midi", code=code, text=text))
