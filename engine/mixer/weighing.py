"""Weighing: the sum of products that varispeed is made of, written for the processor's vectors.

Numba leaves a sum of products alone, since another order of adding gives other bits, and counts references to every
slice. So this one is spelled in LLVM's own terms: eight lanes, always added in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

LANES = 8
_FLOAT, _INDEX, _PLACE = ir.FloatType(), ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, LANES)


def _typed(typing: Any, rows: Any, row: Any, taps: Any, between: Any, sound: Any, first: Any) -> Any:
    del typing
    return types.float32(rows, row, taps, between, sound, first), _generate


def _generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    rows, row, taps, between, sound, first = given
    low = _data(context, builder, signature.args[0], rows, row)
    high = builder.gep(low, [taps])
    heard = _data(context, builder, signature.args[4], sound, first)
    below, above = _accumulate(builder, (low, high), heard, taps)
    spread = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), between, ir.Constant(_PLACE, 0))
    spread = builder.shuffle_vector(spread, spread, ir.Constant(ir.VectorType(_PLACE, LANES), [0] * LANES))
    return _sum(builder, _multiply_add(builder, spread, builder.fsub(above, below), below))


def _data(context: Any, builder: Any, kind: Any, array: Any, first: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [first])


def _accumulate(builder: Any, weights: tuple[Any, Any], heard: Any, taps: Any) -> tuple[Any, Any]:
    """Return, lane by lane, the sums of ``heard`` times either row of weights."""
    before = builder.block
    body, after = builder.append_basic_block("weigh"), builder.append_basic_block("weighed")
    builder.branch(body)
    builder.position_at_end(body)
    tap = builder.phi(_INDEX)
    tap.add_incoming(ir.Constant(_INDEX, 0), before)
    sums = [builder.phi(_VECTOR) for _ in weights]
    lanes = _load(builder, heard, tap)
    reached = []
    for total, row in zip(sums, weights, strict=True):
        total.add_incoming(ir.Constant(_VECTOR, [0.0] * LANES), before)
        reached.append(_multiply_add(builder, _load(builder, row, tap), lanes, total))
        total.add_incoming(reached[-1], body)
    onward = builder.add(tap, ir.Constant(_INDEX, LANES))
    tap.add_incoming(onward, body)
    builder.cbranch(builder.icmp_signed("<", onward, taps), body, after)
    builder.position_at_end(after)
    return reached[0], reached[1]


def _load(builder: Any, base: Any, place: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(base, [place]), _VECTOR.as_pointer()), align=4)


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once where the processor can."""
    name = f"llvm.fmuladd.v{LANES}f32"
    known = builder.module.globals
    function = known.get(name) or ir.Function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), name)
    return builder.call(function, [a, b, c])


def _sum(builder: Any, lanes: Any) -> Any:
    """Return the sum over the lanes, halves first."""
    half = LANES // 2
    while half:
        kind = ir.VectorType(_PLACE, half)
        left = builder.shuffle_vector(lanes, lanes, ir.Constant(kind, list(range(half))))
        right = builder.shuffle_vector(lanes, lanes, ir.Constant(kind, list(range(half, 2 * half))))
        lanes = builder.fadd(left, right)
        half //= 2
    return builder.extract_element(lanes, ir.Constant(_PLACE, 0))


_Floats = NDArray[np.float32]

_compiled: Any = intrinsic(_typed)

weighed: Callable[[_Floats, int, int, np.float32, _Floats, int], np.float32] = _compiled
"""Return ``sound`` from ``first`` on, weighed by two neighbouring rows of ``taps`` each, blended by ``between``.

rows, row: the table and where its first row begins. taps: a multiple of LANES. sound, first. All arrays are contiguous.
Nothing is checked; called from kernels only.
"""
