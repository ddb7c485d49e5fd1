"""Meters are read while the mix changes: the session knows a strip before the first block with it is mixed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from bridge.live_port import LivePort
from engine.story.model import MASTER
from engine.units import SILENCE_DB
from tests.session.studio import Studio


def port(mixed: int) -> LivePort:
    """Return a port whose last block has ``mixed`` strips, each at half of full scale, ducked by half."""
    half = np.full((mixed, 2, 2), 0.5, np.float32)
    status = SimpleNamespace(meters=half, reduction=half[:, 0, 0], limiter_reduction_db=-1.0)
    control = SimpleNamespace(session=Studio().session, link=SimpleNamespace(status=lambda: status))
    return LivePort(control)  # type: ignore[arg-type]


def test_a_strip_that_is_not_mixed_yet_is_silent() -> None:
    engine = port(mixed=1)
    first, *others = engine.strip_ids()
    assert others[-1] == MASTER
    assert round(max(engine.meter(first).rms_db), 2) == -6.02
    assert [engine.meter(strip).peak_db for strip in others] == [(SILENCE_DB, SILENCE_DB)] * len(others)


def test_a_strip_that_is_not_mixed_yet_is_not_ducked() -> None:
    engine = port(mixed=1)
    first, *others = engine.strip_ids()
    assert round(engine.reduction_db(first), 2) == -6.02
    assert [engine.reduction_db(strip) for strip in others[:-1]] == [0.0] * len(others[:-1])
    assert engine.reduction_db(MASTER) == -1.0
