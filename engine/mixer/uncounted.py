"""Uncounted: arrays whose references a kernel does not count, as somebody keeps them for as long as it runs.

Else each slice, and each array taken out of a tuple of them, is counted by an atomic instruction and counted off by
another: for one player among hundreds as much work as to play it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import types
from numba.core.cgutils import get_null_value, unpack_tuple
from numba.extending import intrinsic

T = TypeVar("T")


def _typed(typing: Any, arrays: Any) -> Any:
    del typing
    return arrays(arrays), _generate


def _generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    return _without_owner(context, builder, signature.args[0], given[0])


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.BaseTuple):
        values = unpack_tuple(builder, value)  # type: ignore[no-untyped-call]
        parts = zip(kind.types, values, strict=True)  # type: ignore[attr-defined]
        return context.make_tuple(builder, kind, [_without_owner(context, builder, *part) for part in parts])
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = get_null_value(array.meminfo.type)  # type: ignore[no-untyped-call]
        array.parent = get_null_value(array.parent.type)  # type: ignore[no-untyped-call]
        return array._getvalue()
    return value


_compiled: Any = intrinsic(_typed)

uncounted: Callable[[T], T] = _compiled
"""Return the same array, or the same tuple of arrays and numbers, uncounted. Called from kernels only, on arguments."""
