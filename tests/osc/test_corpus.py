"""What fuzzing has found worth keeping (tests/osc/fuzz_guided.py) is read or refused, as it was then."""

from __future__ import annotations

import contextlib

import pytest
from fuzz_guided import TARGETS, kept, reader

from bridge.errors import BridgeError


@pytest.mark.parametrize("target", TARGETS)
def test_everything_kept_is_read_or_refused(target: str) -> None:
    read, inputs = reader(target), kept(target)
    assert len(inputs) >= 20, "the corpus is gone"
    for data in inputs:
        with contextlib.suppress(BridgeError):
            read(data)
