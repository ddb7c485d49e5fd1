"""Gaps between blocks: a thread that builds goes on in them, and in no block."""

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from engine.realtime import gaps
from engine.realtime.gaps import Gaps

SECONDS = 20.0


class Builder:
    """A thread that calls something, over and over, and notes what it found."""

    def __init__(self, between: Gaps) -> None:
        self.between = between
        self.inside = False
        self.calls = self.calls_inside = 0
        self.ending = threading.Event()
        self.called = threading.Event()
        self.profile: list[object] = []
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        with self.between.only():
            while not self.ending.is_set():
                self.work()
        self.profile.append(sys.getprofile())

    def work(self) -> None:
        self.calls_inside += self.inside
        self.calls += 1
        self.called.set()

    def calls_again(self) -> bool:
        self.called.clear()
        return self.called.wait(SECONDS)


@pytest.fixture
def builder() -> Iterator[Builder]:
    builder = Builder(Gaps())
    builder.thread.start()
    assert builder.calls_again()
    yield builder
    builder.ending.set()
    builder.thread.join()
    assert builder.profile == [None]


def wait_for_waits(between: Gaps, more_than: int) -> None:
    end = time.monotonic() + SECONDS
    while between.waited <= more_than:
        assert time.monotonic() < end


def test_in_a_block_nothing_is_called(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "WAIT_SECONDS", SECONDS)
    for _ in range(100):
        waited = builder.between.waited
        builder.between.begin()
        wait_for_waits(builder.between, waited)
        builder.inside = True
        time.perf_counter_ns()
        builder.inside = False
        builder.between.end()
        assert builder.calls_again()
    assert not builder.calls_inside


def test_a_block_that_never_ends_and_a_driver_without_gaps_are_not_waited_for(builder: Builder) -> None:
    builder.between.begin()
    wait_for_waits(builder.between, builder.between.waited)
    builder.inside = True
    assert builder.calls_again()
    builder.between.end()
    assert builder.calls_inside


def test_other_threads_go_on(builder: Builder) -> None:
    builder.between.begin()
    free = threading.Thread(target=time.perf_counter)
    free.start()
    free.join(SECONDS)
    assert not free.is_alive()
    builder.between.end()


def test_a_block_never_waits_for_who_passes_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    between = Gaps()
    between._gate.acquire()  # as a thread has it for a moment
    between.begin()
    between.end()
    between._gate.release()
    between.begin()
    assert between._gate.locked()
    between.end()
    assert not between._gate.locked()


def test_what_was_profiled_before_is_profiled_again() -> None:
    def note(*_: object) -> None:
        pass

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with Gaps().only():
            assert sys.getprofile() is not note
        assert sys.getprofile() is note
    finally:
        sys.setprofile(before)
