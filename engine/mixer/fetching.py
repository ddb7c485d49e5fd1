"""Fetching: memory that will soon be read is asked for, so that it is near by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.mixer.compile import woven
from engine.mixer.vectors import LANE, pointer

_LINE_FLOATS = 16
"""Floats that come at once."""
_MOST_FLOATS = 1024
"""Beyond that the processor has understood."""
_READ, _KEEP, _DATA = 0, 3, 1


def _typed(typing: Any, array: Any, place: Any) -> Any:
    del typing
    return types.void(array, place), _generate


def _generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    array, place = given
    address = builder.bitcast(pointer(context, builder, signature.args[0], array, place), ir.IntType(8).as_pointer())
    function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], _kind(address.type))
    builder.call(function, [address, *(ir.Constant(LANE, value) for value in (_READ, _KEEP, _DATA))])
    return context.get_dummy_value()


def _kind(address: Any) -> Any:
    return ir.FunctionType(ir.VoidType(), [address, LANE, LANE, LANE])


_compiled: Any = intrinsic(_typed)

_ask: Callable[[NDArray[np.float32], int], None] = _compiled


@woven
def fetch(array: NDArray[np.float32], first: int, floats: int) -> None:
    """Ask for ``floats`` of a contiguous array from ``first`` on; what lies outside is nobody's, and harmless."""
    for place in range(first, first + min(floats, _MOST_FLOATS), _LINE_FLOATS):
        _ask(array, place)
