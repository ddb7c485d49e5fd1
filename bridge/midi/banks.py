"""Banks: which slots a device's pads stand for."""

from __future__ import annotations

from bridge.midi.surface import Pads
from bridge.port import EnginePort


class Banks:
    """The bank of slots that a device has chosen, and its pads' places in it."""

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine
        self._chosen: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the story's banks in its order."""
        return tuple(dict.fromkeys(bank for bank, _ in self._engine.slot_keys()))

    @property
    def current(self) -> str | None:
        """Return the chosen bank; the first one while none is, None: the story has no slots."""
        names = self.names
        return self._chosen if self._chosen in names else next(iter(names), None)

    def choose(self, number: int) -> str | None:
        """Take the bank of that number, from 1; None: there is none."""
        names = self.names
        if not 1 <= number <= len(names):
            return None
        self._chosen = names[number - 1]
        return self._chosen

    def slot(self, pads: Pads, place: int) -> tuple[str, int] | None:
        """Return the slot of a pad; place: in ``pads.notes``. None: the story has none there.

        The first pad is slot 0 of a bank that has a slot 0, else slot 1.
        """
        bank = pads.bank or self.current
        indices = {index for name, index in self._engine.slot_keys() if name == bank}
        if bank is None or not indices:
            return None
        index = pads.first + place + (0 if 0 in indices else 1)
        return (bank, index) if index in indices else None
