"""Kernels that do not look at what they are given are only given what they were made for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from engine.mixer import alignment, deck, limiter, mixer, panel, playback
from engine.mixer.compile import bound, kernel
from engine.mixer.rehearsal import rehearse


def test_whatever_is_played_arguments_have_the_types_of_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def watched(compiled: Callable[..., Any], *examples: Any) -> Callable[..., Any]:
        entry, expected = bound(compiled, *examples), [_type(example) for example in examples]

        def call(*arguments: Any) -> Any:
            assert [_type(argument) for argument in arguments] == expected, compiled
            calls[compiled.__name__] += 1
            return entry(*arguments)

        return call

    for module in (alignment, deck, limiter, mixer, panel, playback):
        monkeypatch.setattr(module, "bound", watched)
    rehearse()
    assert calls.keys() == {
        "take", "take_inserts", "play_due", "play", "follow", "delay", "_limit", "mix_level", "start_between",
        "note_all",
    }  # fmt: skip


def _type(value: Any) -> Any:
    """Return the compiler's type of ``value``; read-only arrays count as others: they are only read."""
    if isinstance(value, tuple):
        return [_type(each) for each in value]
    found: Any = numba.typeof(value)  # type: ignore[no-untyped-call]
    return found.copy(readonly=False) if isinstance(found, numba.types.Array) else found


@kernel
def _total(numbers: Any) -> float:
    total = 0.0
    for number in numbers:
        total += number
    return total


def test_each_type_has_a_compiled_form_of_its_own() -> None:
    wholes, halves = np.arange(4), np.arange(4) / 2.0
    assert bound(_total, wholes)(wholes) == 6.0
    assert bound(_total, halves)(halves) == 3.0
    assert bound(_total, halves[::2])(halves[::2]) == 1.0
    assert bound(_total, wholes) is bound(_total, wholes + 1)
