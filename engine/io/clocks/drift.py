"""How far two clocks drift apart, learnt from how full the buffer between them is."""

from __future__ import annotations

import math

LOOP_HZ = 0.03
"""How quickly the loop follows: slowly enough that nobody hears it, quickly enough for a crystal that warms up."""
NOISE_HZ = 0.3
"""Faster changes of the fill are jitter."""
MOST_CORRECTION = 0.005
"""No two clocks are further apart; what needs more is no drift."""


class Drift:
    """A loop of second order: what is over the aim is taken out faster, and the mean of that is learnt.

    correction: by what part more than nominal is to be taken out; 1e-6: one frame in a million.
    """

    def __init__(self) -> None:
        self.correction = 0.0
        self._learnt = 0.0
        self._once = self._twice = 0.0

    @property
    def ppm(self) -> float:
        """What was learnt: parts per million by which the source is faster."""
        return 1e6 * self._learnt

    def settle(self) -> None:
        """Begin from a fill that is as it should be; what was learnt stays."""
        self._once = self._twice = 0.0
        self.correction = self._learnt

    def update(self, over_seconds: float, since_seconds: float) -> float:
        """Take in how much too much there is, ``since_seconds`` after the last time; return the correction."""
        follow = 1.0 - math.exp(-2.0 * math.pi * NOISE_HZ * since_seconds)
        self._once += follow * (over_seconds - self._once)
        self._twice += follow * (self._once - self._twice)
        omega = 2.0 * math.pi * LOOP_HZ
        self._learnt = _within(self._learnt + omega * omega * self._twice * since_seconds)
        self.correction = _within(self._learnt + 2.0 * omega * self._twice)
        return self.correction


def _within(value: float) -> float:
    return min(MOST_CORRECTION, max(-MOST_CORRECTION, value))
