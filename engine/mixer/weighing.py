"""Weighing: eight samples between samples at once, the sums of products that varispeed is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.mixer.vectors import (
    FLOAT,
    LANE,
    LANES,
    gather,
    index,
    load,
    multiply_add,
    pointer,
    shuffle,
    spread,
    store,
)  # fmt: skip

PHASE_BITS = 7
PHASES = 1 << PHASE_BITS
"""Places between two samples for which there are weights; between those they are taken linearly."""

_FINE_BITS = 32 - PHASE_BITS
"""Of a place's 32 bits behind the point those below a phase."""


def _typed(typing: Any, rows: Any, first: Any, taps: Any, sound: Any, place: Any, step: Any, out: Any, at: Any) -> Any:
    del typing
    return types.void(rows, first, taps, sound, place, step, out, at), _generate


def _generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    rows, first, taps, sound, place, step, out, at = given
    kinds = signature.args
    table = pointer(context, builder, kinds[0], rows, first)
    heard = pointer(context, builder, kinds[3], sound, index(0))
    lanes = []
    for _ in range(LANES):
        lanes.append(_products(builder, table, taps, heard, place))
        place = builder.add(place, step)
    store(builder, _sums(builder, lanes), pointer(context, builder, kinds[6], out, index(0)), at)
    return context.get_dummy_value()


def _products(builder: Any, table: Any, taps: Any, heard: Any, place: Any) -> Any:
    """Return what is heard from ``place`` on times its weights, added up but for the last eight lanes."""
    phase = builder.and_(builder.lshr(place, index(_FINE_BITS)), index(PHASES - 1))
    fine = builder.trunc(builder.and_(place, index((1 << _FINE_BITS) - 1)), LANE)
    share = builder.fmul(builder.sitofp(fine, FLOAT), ir.Constant(FLOAT, 2.0**-_FINE_BITS))
    between = spread(builder, share)
    low = builder.gep(table, [builder.mul(phase, taps)])
    high = builder.gep(low, [taps])
    sound = builder.gep(heard, [builder.ashr(place, index(32))])

    def add(tap: Any, sums: list[Any]) -> list[Any]:
        below = load(builder, low, tap)
        weights = multiply_add(builder, between, builder.fsub(load(builder, high, tap), below), below)
        return [multiply_add(builder, weights, load(builder, sound, tap), sums[0])]

    return gather(builder, taps, LANES, 1, add)[0]


def _sums(builder: Any, vectors: list[Any]) -> Any:
    """Return the sum over each vector's lanes: neighbours, then pairs of them, then halves."""
    near = [0, 2, 8, 10, 4, 6, 12, 14]  # within halves, as the processor likes it
    while len(vectors) > 2:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [_folded(builder, one, other, near, 1) for one, other in pairs]
    return _folded(builder, vectors[0], vectors[1], [0, 1, 2, 3, 8, 9, 10, 11], 4)


def _folded(builder: Any, one: Any, other: Any, lanes: list[int], apart: int) -> Any:
    """Return these lanes plus those that lie ``apart`` of each."""
    left = shuffle(builder, one, other, lanes)
    return builder.fadd(left, shuffle(builder, one, other, [lane + apart for lane in lanes]))


_Floats = NDArray[np.float32]

_compiled: Any = intrinsic(_typed)

weigh: Callable[[_Floats, int, int, _Floats, int, int, _Floats, int], None] = _compiled
"""Write ``sound`` at ``place`` and seven times ``step`` further, in parts of a frame (1 << 32), into ``out``.

rows, first: the table and where a band's rows begin, one for each of PHASES + 1 phases. taps: floats in a row, a
multiple of LANES. sound: what is weighed for place 0 begins at its first float. at: where ``out`` is written. All
arrays are contiguous. Nothing is checked; called from kernels only.
"""
