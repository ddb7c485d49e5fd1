"""Soft take-over: a fader without a motor moves a parameter only once it has reached it."""

from __future__ import annotations

from typing import Literal, get_args

Takeover = Literal["pickup", "scale", "jump"]
TAKEOVERS: tuple[Takeover, ...] = get_args(Takeover)

NEAR = 0.02
"""As close as this a fader holds its parameter: two steps of a 7-bit controller, and what rounding does."""


class Pickup:
    """One control's hold on its parameter, both as positions 0 to 1.

    pickup: it takes hold when it meets or crosses the parameter. scale: it moves the parameter at once, by what is left
    of the way on both sides, until they meet. jump: no take-over. Whoever else moves the parameter takes the hold away.
    """

    def __init__(self, mode: Takeover = "pickup") -> None:
        self._mode = mode
        self._last: float | None = None
        self._given: float | None = None

    def take(self, position: float, current: float) -> float | None:
        """Return where the parameter goes now that the control is at ``position``; None: it stays where it is."""
        last, self._last = self._last, position
        held = self._given is not None and abs(current - self._given) <= NEAR
        if self._mode == "jump" or held or self._meets(last, position, current):
            self._given = position
            return position
        self._given = None
        if self._mode == "pickup" or last is None:
            return None
        return _scaled(last, position, current)

    @staticmethod
    def _meets(last: float | None, position: float, current: float) -> bool:
        if abs(position - current) <= NEAR:
            return True
        return last is not None and min(last, position) <= current <= max(last, position)


def _scaled(last: float, position: float, current: float) -> float:
    """Move ``current`` by the same part of its way to the end as the control moved of its own."""
    if position > last:
        moved = current + (position - last) * (1.0 - current) / max(1e-9, 1.0 - last)
    else:
        moved = current - (last - position) * current / max(1e-9, last)
    return min(1.0, max(0.0, moved))
