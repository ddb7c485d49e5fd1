"""The scheduler: in order, whole groups, early enough for the mixer, never more than it may hold."""

import pytest
from fake_engine import RATE, FakeEngine
from hand_time import HandTime

from bridge.errors import QueueFull, TooFar
from bridge.scheduler import HORIZON_SECONDS, LOOKAHEAD_SECONDS, MAX_SCHEDULED, Scheduler


class Bench:
    def __init__(self):
        self.time = HandTime()
        self.engine = FakeEngine()
        self.done = []
        self.scheduler = Scheduler(
            self.engine, lambda items, frame: self.done.append((tuple(items), frame, self.time.now() - 1e9)),
            call_later=self.time.call_later, now=self.time.now,
        )  # fmt: skip


@pytest.fixture
def bench():
    return Bench()


def test_what_is_near_goes_at_once(bench):
    reach = round(LOOKAHEAD_SECONDS * RATE) + 2 * bench.engine.block_frames
    bench.scheduler.add(reach, ["a"])
    bench.scheduler.add(-5, ["late"])
    assert [d[:2] for d in bench.done] == [(("a",), reach), (("late",), -5)]
    bench.scheduler.add(reach + 1, ["b"])
    assert len(bench.done) == 2
    assert len(bench.scheduler) == 1


def test_what_is_far_goes_ahead_of_its_time_with_its_frame(bench):
    frame = 10 * RATE
    bench.scheduler.add(frame, ["a"])
    bench.time.advance(20.0)
    ((items, at, when),) = bench.done
    assert (items, at) == (("a",), frame)
    ahead = LOOKAHEAD_SECONDS + 2 * bench.engine.block_frames / RATE
    assert when == pytest.approx(10.0 - ahead, abs=1e-4)


def test_groups_go_in_order_of_frames_and_then_of_arrival(bench):
    for frame, name in ((3 * RATE, "c"), (RATE, "a"), (2 * RATE, "b"), (RATE, "a2")):
        bench.scheduler.add(frame, [name, name])
    bench.time.advance(10.0)
    assert [d[0] for d in bench.done] == [("a", "a"), ("a2", "a2"), ("b", "b"), ("c", "c")]
    assert len(bench.scheduler) == 0
    assert not bench.time.armed


def test_beyond_the_horizon_is_refused(bench):
    bench.scheduler.add(round(HORIZON_SECONDS * RATE), ["a"])
    with pytest.raises(TooFar, match="60 s"):
        bench.scheduler.add(round(HORIZON_SECONDS * RATE) + 1, ["b"])


def test_no_more_than_it_may_hold(bench):
    bench.scheduler.add(RATE, [0] * (MAX_SCHEDULED - 1))
    with pytest.raises(QueueFull):
        bench.scheduler.add(RATE, [1, 2])
    bench.scheduler.add(RATE, [1])
    bench.time.advance(2.0)
    bench.scheduler.add(3 * RATE, [0] * MAX_SCHEDULED)


def test_clearing_chooses(bench):
    bench.scheduler.add(RATE, ["a", "b"])
    bench.scheduler.add(2 * RATE, ["b"])
    assert bench.scheduler.clear(lambda item: item == "b") == 2
    bench.time.advance(5.0)
    assert [d[0] for d in bench.done] == [("a",)]


def test_closing_forgets_all_and_stops_the_timer(bench):
    bench.scheduler.add(RATE, ["a"])
    bench.scheduler.close()
    assert not bench.time.armed
    assert len(bench.scheduler) == 0


def test_a_clock_that_was_corrected_is_followed(bench):
    """The timer was set by a clock that ran on: the group waits for the frame, not for the timer."""
    bench.scheduler.add(RATE, ["a"])
    bench.engine.clock.START += 1.0
    bench.time.advance(1.5)
    assert bench.done == []
    bench.time.advance(0.6)
    assert [d[:2] for d in bench.done] == [(("a",), RATE)]


def test_a_clock_that_is_set_back_just_when_a_group_is_due_costs_no_more_than_a_second(bench):
    bench.scheduler.add(RATE, ["a"])
    bench.engine.clock.START += 3600.0
    bench.time.advance(1.0)
    bench.engine.clock.START -= 3600.0
    bench.time.advance(1.0)
    assert [d[:2] for d in bench.done] == [(("a",), RATE)]


def test_a_failing_group_does_not_stop_the_next(bench):
    def perform(items, frame):
        bench.done.append(items)
        if items == ["bad"]:
            raise RuntimeError("bug")

    scheduler = Scheduler(bench.engine, perform, call_later=bench.time.call_later, now=bench.time.now)
    scheduler.add(RATE, ["bad"])
    scheduler.add(2 * RATE, ["good"])
    with pytest.raises(RuntimeError):
        bench.time.advance(1.5)
    bench.time.advance(2.0)
    assert bench.done == [["bad"], ["good"]]
