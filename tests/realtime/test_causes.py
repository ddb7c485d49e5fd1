"""Why blocks are missed: each cause by a block that is late because of it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from engine.realtime.causes import CAUSES, KEPT_BLOCKS, Watch

RATE, FRAMES = 48000, 240
PERIOD = FRAMES / RATE
"""5 ms: a block below is late by many of them."""


class Machine:
    """A clock, a processor and a queue that are moved by hand, in place of the system's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = self.cpu = self.ready = self.sleeps = 0
        monkeypatch.setattr("engine.realtime.causes.time", self)
        monkeypatch.setattr("engine.realtime.causes.ThreadMeter", lambda: self)

    def perf_counter_ns(self) -> int:
        return self.clock + 1

    def cpu_ns(self) -> int:
        return self.cpu

    def waits(self) -> tuple[int, int]:
        return self.ready, self.sleeps

    def run(self, ms: float) -> None:
        self.clock += round(1e6 * ms)
        self.cpu += round(1e6 * ms)

    def sleep(self, ms: float) -> None:
        self.clock += round(1e6 * ms)
        self.sleeps += 1

    def be_kept(self, ms: float) -> None:
        self.clock += round(1e6 * ms)
        self.ready += round(1e6 * ms)

    def stand_still(self, ms: float) -> None:
        self.clock += round(1e6 * ms)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def block(
    machine: Machine, watch: Watch, *happens: Callable[[], None], before: Callable[[], None] | None = None
) -> None:
    """Have one of 5 ms asked for, on time unless something comes before."""
    machine.sleep(4.0)
    if before is not None:
        before()
    watch.begin(FRAMES)
    machine.run(1.0)
    for each in happens:
        each()
    watch.end()


def told(watch: Watch) -> str:
    return CAUSES[watch.blame().cause]


@pytest.mark.parametrize(
    ("happens", "cause"),
    [
        (lambda m: m.run(6.0), "overload"),
        (lambda m: m.sleep(6.0), "blocked"),
        (lambda m: m.be_kept(6.0), "preempted"),
        (lambda m: m.stand_still(6.0), "stalled"),
    ],
)
def test_the_longest_part_of_a_long_block_is_its_cause(
    machine: Machine, happens: Callable[[Machine], None], cause: str
) -> None:
    watch = Watch(RATE)
    for _ in range(3):
        block(machine, watch)
    block(machine, watch, lambda: happens(machine))
    block(machine, watch)
    watch.begin(FRAMES)
    assert told(watch) == cause


def test_the_times_of_the_block_are_told_too(machine: Machine) -> None:
    watch = Watch(RATE)
    block(machine, watch)
    block(machine, watch, lambda: machine.run(3.0), lambda: machine.be_kept(2.0), before=lambda: machine.sleep(7.0))
    block(machine, watch)
    watch.begin(FRAMES)
    blame = watch.blame()
    assert CAUSES[blame.cause] == "called_late"
    times = blame.period_ns, blame.late_ns, blame.took_ns, blame.cpu_ns, blame.ready_ns
    assert times == (5_000_000, 7_000_000, 6_000_000, 4_000_000, 2_000_000)


def test_a_block_that_is_asked_for_late_is_the_driver_s_unless_others_ran(machine: Machine) -> None:
    watch = Watch(RATE)
    block(machine, watch)
    block(machine, watch, before=lambda: machine.sleep(7.0))
    watch.begin(FRAMES)
    assert told(watch) == "called_late"
    watch.end()
    block(machine, watch)
    block(machine, watch, before=lambda: machine.be_kept(7.0))
    watch.begin(FRAMES)
    assert told(watch) == "preempted"


def test_what_was_told_is_not_told_again_and_old_blocks_are_forgotten(machine: Machine) -> None:
    watch = Watch(RATE)
    block(machine, watch, lambda: machine.run(9.0))
    watch.begin(FRAMES)
    assert told(watch) == "overload"
    watch.end()
    watch.begin(FRAMES)
    assert told(watch) == "called_late"
    machine.run(9.0)
    watch.end()
    watch.begin(FRAMES)
    assert told(watch) == "overload", "what told of one may be what the next is missed for"
    watch.end()
    block(machine, watch, lambda: machine.run(9.0))
    for _ in range(KEPT_BLOCKS):
        block(machine, watch)
    watch.begin(FRAMES)
    assert told(watch) == "called_late"


def test_the_first_block_of_all_may_be_missed(machine: Machine) -> None:
    watch = Watch(RATE)
    watch.begin(FRAMES)
    assert told(watch) == "called_late"
    assert told(watch) == "called_late"


@pytest.fixture
def watch() -> Iterator[Watch]:
    """On the real machine, which tells by itself what happens in the thread."""
    watch = Watch(RATE)
    watch.begin(FRAMES)
    watch.end()
    yield watch


def test_work_is_seen(watch: Watch) -> None:
    watch.begin(FRAMES)
    end = time.thread_time() + 100 * PERIOD
    while time.thread_time() < end:
        pass
    watch.end()
    assert told(watch) in ("overload", "preempted", "stalled"), "nobody slept"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of sleeps")
def test_a_sleep_is_seen_in_whichever_thread_it_is(watch: Watch) -> None:
    def run() -> None:
        watch.begin(FRAMES)
        threading.Event().wait(200 * PERIOD)
        watch.end()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert told(watch) == "blocked"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of waits for a processor")
def test_another_program_on_the_same_core_is_seen(watch: Watch) -> None:
    """The thread and a child of it share one core: each runs half of the time at most."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        ready = watch._meter.waits()[0]
        while watch._meter.waits()[0] < ready + 100e6:
            pass
    finally:
        hog.kill()
        hog.wait()
        os.sched_setaffinity(0, allowed)
