"""What the velocity of a press does to its loudness."""

from __future__ import annotations

import math

from engine.story.model import VelocityCurve

SOFTEST_DB = -40.0
"""No press is softer."""

_POWERS: dict[VelocityCurve, float] = {"gm": 40.0, "linear": 20.0, "soft": 10.0, "off": 0.0}


def velocity_db(curve: VelocityCurve, velocity: float) -> float:
    """Return the gain of a press in dB.

    ``gm`` is the curve of General MIDI, the square of the velocity; ``soft`` is its root; nothing is below -40 dB.
    """
    return max(SOFTEST_DB, _POWERS[curve] * math.log10(velocity))
