"""Compiling the mixer's kernels ahead of time, into a folder of our own: never on the first note.

``python -m engine.mixer.compile`` does it at set-up. The folder is named after the kernels' sources, so a changed
kernel never meets a stale neighbour (numba itself looks at one file only). In it a kernel lies by its package and
name: another installation of the same version on the same machine compiles nothing. Folders of other versions go once
nobody has used them for a month.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np
import platformdirs
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator
from numba.core.runtime.nrt import rtsys

from engine import kernel_shelf

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_bound: dict[Any, Callable[..., Any]] = {}

_SOURCES = Path(__file__).parent


def cache_folder() -> Path:
    """Return where compiled kernels are kept: ``NUMBA_CACHE_DIR`` if set, else below the user's cache folder."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.read_bytes())
    return platformdirs.user_cache_path("cuevox") / "kernels" / digest.hexdigest()[:16]


@functools.cache
def _source_digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class _Shelf(UserProvidedCacheLocator):
    """Where a kernel is kept: numba would ask where its source lies, and when it was written, too."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        return "_".join(Path(py_file).parts[-3:-1])

    def get_source_stamp(self) -> str:
        return _source_digest(self._py_file)


class _Results(CompileResultCacheImpl):
    _locator_classes = [_Shelf]  # noqa: RUF012  numba's own attribute


class _Kept(FunctionCache):
    """Compiled kernels on disk, loaded without all that numba imports to compile others: 0.2 s less at each start."""

    _impl_class = _Results

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)  # what compiled code calls
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _warn_not_kept(error)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` to native code that runs without the interpreter's lock; cached on disk.

    No fast-math: results do not depend on how a block is cut, to the last bit.
    """
    return _compiled(function, fastmath=False)


def woven(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` into each kernel that calls it: a call of its own would count a reference to every array."""
    compiled: Callable[P, R] = numba.njit(nogil=True, error_model="numpy", inline="always")(function)
    return compiled


def meter_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile like ``kernel``, but let sums and maxima be taken in any order: for what is measured, never for audio."""
    return _compiled(function, fastmath=True)


def bound(kernel: Callable[P, R], *examples: Any) -> Callable[P, R]:
    """Return ``kernel`` for arguments of just the types of ``examples``: it does not look at what it is given.

    To find out what a table of players is takes longer than to play it when it is empty. Whoever calls what is returned
    vouches for the types: an array of another type or layout would be read as if it were of this one.
    """
    kinds = kernel, _kind(examples)
    if kinds not in _bound:
        typeof: Any = numba.typeof
        dispatcher: Any = kernel
        _bound[kinds] = dispatcher.compile(tuple(typeof(example) for example in examples))
    return _bound[kinds]


def _kind(example: Any) -> Any:
    """Return what tells types of arguments apart: quicker than numba does, for whom each takes up to 0.1 ms."""
    if isinstance(example, tuple):
        return type(example), *map(_kind, example)
    if isinstance(example, np.ndarray):
        return example.dtype, example.ndim, example.flags.num
    return type(example)


def _compiled(function: Callable[P, R], *, fastmath: bool) -> Callable[P, R]:
    compiled: Callable[P, R] = numba.njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
    try:
        kept = _Kept(function)  # type: ignore[no-untyped-call]
    except RuntimeError as error:  # numba found no folder that can be written
        _warn_not_kept(error)
        return compiled
    setattr(compiled, "_cache", kept)  # noqa: B010  as numba's cache=True does with its own
    return compiled


_unkept: set[Path] = set()


def _warn_not_kept(error: Exception) -> None:
    """Say once that the folder takes nothing: full, or not ours to write. What was compiled is used all the same."""
    folder = cache_folder()
    if folder not in _unkept:
        _unkept.add(folder)
        log.warning("compiled kernels can't be kept in %s, each start takes minutes to compile them: %s", folder, error)


setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010  numba declares its settings at run time
if not os.environ.get("NUMBA_CACHE_DIR"):
    kernel_shelf.use(cache_folder())


def warm() -> None:
    """Compile, or load, every kernel by mixing a small graph in which each of them is needed."""
    from engine.mixer.rehearsal import rehearse  # it imports the kernels, which import this module

    rehearse()
    if not os.environ.get("NUMBA_CACHE_DIR"):
        kernel_shelf.clear(cache_folder().parent)


if __name__ == "__main__":
    # As a script this module is __main__; the kernels must meet the one they import.
    from engine.mixer import compile as compiling

    compiling.warm()
    sys.stdout.write(f"kernels ready in {cache_folder()}\n")
