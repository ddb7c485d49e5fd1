"""Velocity curves: from how hard a key was hit to how hard the slot is told it was."""

from __future__ import annotations

from typing import Literal, get_args

Curve = Literal["linear", "soft", "hard", "fixed"]
CURVES: tuple[Curve, ...] = get_args(Curve)

TOP = 127
_POWER: dict[Curve, float] = {"linear": 1.0, "soft": 0.5, "hard": 2.0, "fixed": 0.0}


def level(velocity: int, curve: Curve = "linear", floor: float = 0.0) -> float:
    """Return a slot's velocity, above 0 and up to 1, for a note's 1 to 127.

    soft: a light touch is loud; hard: one has to hit; fixed: always 1. floor: what the lightest touch gives, 0 to 1.
    The slot itself makes gain, a start word or a take of it.
    """
    shaped = (velocity / TOP) ** _POWER[curve]
    return float(floor + (1.0 - floor) * shaped)
