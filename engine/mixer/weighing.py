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
    LANE,
    LANES,
    VECTOR,
    gather,
    index,
    keep_order,
    load,
    multiply_add,
    pointer,
    shuffle,
    store,
)  # fmt: skip

PHASE_BITS = 7
PHASES = 1 << PHASE_BITS
"""Places between two samples for which there are weights; between those they are taken linearly."""

_WHOLE = ir.VectorType(LANE, LANES)
_FINE_BITS = 32 - PHASE_BITS
"""Of a place's 32 bits behind the point those below a phase."""


def _typed(typing: Any, rows: Any, first: Any, taps: Any, sound: Any, place: Any, step: Any, out: Any, at: Any) -> Any:
    del typing
    return types.void(rows, first, taps, sound, place, step, out, at), _generate


def _close_typed(typing: Any, rows: Any, first: Any, sound: Any, place: Any, step: Any, out: Any, at: Any) -> Any:
    del typing
    return types.void(rows, first, sound, place, step, out, at), _generate_close


def _generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    rows, first, taps, *rest = given
    kinds = signature.args
    return _weigh(context, builder, (kinds[0], *kinds[3:]), (rows, first, *rest), taps)


def _generate_close(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    kinds = signature.args
    return _weigh(context, builder, (kinds[0], *kinds[2:]), given, None)


def _weigh(context: Any, builder: Any, kinds: Any, given: Any, taps: Any) -> Any:
    """Weigh LANES samples. kinds: of rows, sound, place, step, out, at. taps: None for LANES, without a loop."""
    rows, first, sound, place, step, out, at = given
    table = pointer(context, builder, kinds[0], rows, first)
    heard = pointer(context, builder, kinds[1], sound, index(0))
    shares = _shares(builder, place, step)
    lanes = []
    for lane in range(LANES):
        between = shuffle(builder, shares, shares, [lane] * LANES)
        lanes.append(_products(builder, table, taps, heard, place, between))
        place = builder.add(place, step)
        if taps is not None:
            keep_order(builder)  # else all weights come first, more of them than there are registers
    store(builder, _sums(builder, lanes), pointer(context, builder, kinds[4], out, index(0)), at)
    return context.get_dummy_value()


def _shares(builder: Any, place: Any, step: Any) -> Any:
    """Return how far each of the next places lies beyond its phase, of the way to the next phase."""
    ahead = builder.mul(_whole(builder, step), ir.Constant(_WHOLE, list(range(LANES))))
    fine = builder.and_(
        builder.add(_whole(builder, place), ahead), ir.Constant(_WHOLE, [(1 << _FINE_BITS) - 1] * LANES)
    )
    return builder.fmul(builder.sitofp(fine, VECTOR), ir.Constant(VECTOR, [2.0**-_FINE_BITS] * LANES))


def _whole(builder: Any, value: Any) -> Any:
    """Return the lower 32 bits of a number in every lane."""
    alone = builder.insert_element(ir.Constant(_WHOLE, ir.Undefined), builder.trunc(value, LANE), ir.Constant(LANE, 0))
    return shuffle(builder, alone, alone, [0] * LANES)


def _products(builder: Any, table: Any, taps: Any, heard: Any, place: Any, between: Any) -> Any:
    """Return what is heard from ``place`` on times its weights, added up but for the last eight lanes."""
    phase = builder.and_(builder.lshr(place, index(_FINE_BITS)), index(PHASES - 1))
    width = index(LANES) if taps is None else taps
    low = builder.gep(table, [builder.mul(phase, width)])
    high = builder.gep(low, [width])
    sound = builder.gep(heard, [builder.ashr(place, index(32))])

    def weights(tap: Any) -> Any:
        below = load(builder, low, tap)
        return multiply_add(builder, between, builder.fsub(load(builder, high, tap), below), below)

    if taps is None:
        return builder.fmul(weights(index(0)), load(builder, sound, index(0)))
    return gather(
        builder,
        taps,
        LANES,
        1,
        lambda tap, sums: [multiply_add(builder, weights(tap), load(builder, sound, tap), *sums)],
    )[0]


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

_close_compiled: Any = intrinsic(_close_typed)

weigh_close: Callable[[_Floats, int, _Floats, int, int, _Floats, int], None] = _close_compiled
"""Do the same with rows of LANES taps."""
