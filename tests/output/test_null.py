"""The null output's pace, on a clock that the test holds."""

import numpy as np
import pytest

from engine.output.null import Pace

RATE, BLOCK = 48000, 480
BLOCK_SECONDS = BLOCK / RATE


def test_a_steady_clock_gets_a_block_each_time() -> None:
    pace = Pace(RATE, BLOCK, 100.0)
    for n in range(1000):
        due, lost = pace.next(100.0 + n * BLOCK_SECONDS - 0.001)
        assert due == pytest.approx(100.0 + n * BLOCK_SECONDS, abs=1e-9)
        assert not lost
    assert pace.late_blocks == 0


def test_late_wake_ups_never_add_up() -> None:
    rng = np.random.default_rng(1)
    pace = Pace(RATE, BLOCK, 0.0)
    now = 0.0
    for n in range(2000):
        due, _ = pace.next(now)
        assert due == pytest.approx(n * BLOCK_SECONDS, abs=1e-9)
        now = max(now, due) + rng.uniform(0, BLOCK_SECONDS / 2)


def test_a_stall_is_caught_up_and_counted() -> None:
    pace = Pace(RATE, BLOCK, 0.0)
    pace.next(0.0)
    dues = [pace.next(0.499)[0] for _ in range(60)]
    assert dues == pytest.approx([BLOCK_SECONDS * n for n in range(1, 61)])
    assert pace.late_blocks == 48  # due at 10 … 480 ms; 490 ms is a block late, no more


def test_after_a_long_stall_frames_are_lost_not_hurried_through() -> None:
    pace = Pace(RATE, BLOCK, 0.0)
    pace.next(0.0)
    assert pace.next(3600.0) == (3600.0, True)
    due, lost = pace.next(3600.0)
    assert due == pytest.approx(3600.0 + BLOCK_SECONDS)
    assert not lost
