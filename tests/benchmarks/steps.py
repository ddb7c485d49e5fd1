"""Finding how much is just not too much, on a machine whose own stalls spoil a try now and then."""

from __future__ import annotations

import math
from collections.abc import Callable

COARSE, FINE = 1.5, 1.08


def most(fits: Callable[[int], bool], *, first: int, limit: int) -> int:
    """Return the largest number that fits, tried upwards in coarse steps, then in fine ones; 0 if none does.

    A number that does not fit gets a second try.
    """
    good, count = 0, first
    while count > 0 and not (fits(count) or fits(count)):
        count //= 2
    for growth in (COARSE, FINE):
        good = max(good, count)
        while (count := math.ceil(good * growth)) <= limit and good and (fits(count) or fits(count)):
            good = count
        count = good
    return good
