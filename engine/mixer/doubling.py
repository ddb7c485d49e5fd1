"""Doubling: twice as many samples, those between two samples by a sum of products of their neighbours.

Between samples that lie so close, eight taps are enough where it would take 32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.mixer.vectors import LANES, gather, index, load, multiply_add, pointer, shuffle, spread, store

NEIGHBOURS = 16
"""Samples on either side that one between them is made of."""
GROUP = 3
AT_ONCE = GROUP * LANES
"""Samples that are doubled at once."""


def _typed(typing: Any, weights: Any, sound: Any, first: Any, out: Any, at: Any) -> Any:
    del typing
    return types.void(weights, sound, first, out, at), _generate


def _generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    kinds = signature.args
    weights = pointer(context, builder, kinds[0], given[0], index(0))
    sound = pointer(context, builder, kinds[1], given[1], builder.add(given[2], index(NEIGHBOURS - 1)))
    out = pointer(context, builder, kinds[3], given[3], given[4])

    def add(tap: Any, sums: list[Any]) -> list[Any]:
        weight = spread(builder, builder.load(builder.gep(weights, [tap])))
        earlier, later = builder.gep(sound, [builder.neg(tap)]), builder.gep(sound, [builder.add(tap, index(1))])
        pairs = [builder.fadd(load(builder, earlier, at), load(builder, later, at)) for at in places]
        return [multiply_add(builder, pair, weight, total) for pair, total in zip(pairs, sums, strict=True)]

    places = [index(LANES * group) for group in range(GROUP)]
    for group, between in enumerate(gather(builder, index(NEIGHBOURS), 1, GROUP, add)):
        samples = load(builder, sound, places[group])
        for half in range(2):
            lanes = [lane for pair in range(LANES // 2) for lane in _pair(pair + half * LANES // 2)]
            store(builder, shuffle(builder, samples, between, lanes), out, index(LANES * (2 * group + half)))
    return context.get_dummy_value()


def _pair(lane: int) -> tuple[int, int]:
    return lane, lane + LANES


_Floats = NDArray[np.float32]

_compiled: Any = intrinsic(_typed)

double: Callable[[_Floats, _Floats, int, _Floats, int], None] = _compiled
"""Write AT_ONCE samples of ``sound`` and those between them into ``out``, from ``at`` on.

weights: of the NEIGHBOURS on one side, the nearest first. first: where ``sound`` begins to be read, NEIGHBOURS - 1
frames before the first of the samples; it is read to NEIGHBOURS frames beyond the last. All arrays are contiguous.
Nothing is checked; called from kernels only.
"""
