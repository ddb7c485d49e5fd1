"""What holds for all tests of the mixer: no kernel is left for the callback to load or compile when it is needed."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from numba.core.dispatcher import Dispatcher

from engine.mixer.compile import warm

CALLED_BY_TESTS = {"band_of", "lead", "interpolate", "level", "fill_levels"}
"""Parts of other kernels, which tests call by themselves."""


@pytest.fixture(scope="session")
def _rehearsed() -> None:
    warm()


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_out(_rehearsed: None) -> Iterator[None]:
    kernels = [each for each in gc.get_objects() if issubclass(type(each), Dispatcher)]  # not what a dead proxy says
    kernels = [each for each in kernels if each.py_func.__module__.startswith("engine.mixer.")]
    before = [set(kernel.overloads) for kernel in kernels]
    yield
    late = {
        kernel.py_func.__name__
        for kernel, known in zip(kernels, before, strict=True)
        if kernel.overloads.keys() - known
    }
    assert late <= CALLED_BY_TESTS, "engine/mixer/rehearsal.py leaves these to the first block that needs them"
