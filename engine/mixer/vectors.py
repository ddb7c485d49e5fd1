"""Vectors: the pieces of code that varispeed's sums of products are spelled in, in LLVM's own terms.

Numba leaves a sum of products alone, since another order of adding gives other bits, and counts references to every
slice. What is spelled with these has LANES lanes and always adds in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

LANES = 8
FLOAT, INDEX, LANE = ir.FloatType(), ir.IntType(64), ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, LANES)
SILENCE = ir.Constant(VECTOR, [0.0] * LANES)


def index(value: int) -> Any:
    """Return a whole number of the code."""
    return ir.Constant(INDEX, value)


def pointer(context: Any, builder: Any, kind: Any, array: Any, first: Any) -> Any:
    """Return where place ``first`` of a contiguous array lies."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [first])


def load(builder: Any, base: Any, place: Any) -> Any:
    """Return the LANES floats from ``place`` on."""
    return builder.load(builder.bitcast(builder.gep(base, [place]), VECTOR.as_pointer()), align=4)


def store(builder: Any, lanes: Any, base: Any, place: Any) -> None:
    """Write the lanes from ``place`` on."""
    builder.store(lanes, builder.bitcast(builder.gep(base, [place]), VECTOR.as_pointer()), align=4)


def spread(builder: Any, value: Any) -> Any:
    """Return a float in every lane."""
    alone = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, ir.Constant(LANE, 0))
    return shuffle(builder, alone, alone, [0] * LANES)


def shuffle(builder: Any, first: Any, second: Any, lanes: Sequence[int]) -> Any:
    """Return these lanes; those of ``second`` count on from LANES."""
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(LANE, len(lanes)), list(lanes)))


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once where the processor can."""
    name = f"llvm.fmuladd.v{LANES}f32"
    known = builder.module.globals
    function = known.get(name) or ir.Function(builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), name)
    return builder.call(function, [a, b, c])


def keep_order(builder: Any) -> None:
    """Have what was loaded before used before, and what is loaded later loaded later; no instruction by itself."""
    builder.fence("seq_cst", targetscope="singlethread")


def gather(builder: Any, end: Any, step: int, sums: int, add: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """Return sums of lanes over a loop: ``add`` is given the place, from 0 up to ``end``, and what there is so far."""
    before = builder.block
    body, after = builder.append_basic_block("sum"), builder.append_basic_block("summed")
    builder.branch(body)
    builder.position_at_end(body)
    place = builder.phi(INDEX)
    place.add_incoming(index(0), before)
    totals = [builder.phi(VECTOR) for _ in range(sums)]
    reached = add(place, totals)
    onward = builder.add(place, index(step))
    place.add_incoming(onward, body)
    for total, more in zip(totals, reached, strict=True):
        total.add_incoming(SILENCE, before)
        total.add_incoming(more, body)
    builder.cbranch(builder.icmp_signed("<", onward, end), body, after)
    builder.position_at_end(after)
    return reached
