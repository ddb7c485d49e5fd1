"""Why a block was missed: of each of the last blocks, how late it was asked for, how long it took, and what of that."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from engine.platform import ThreadMeter

CAUSES = ("overload", "blocked", "preempted", "stalled", "called_late")
"""What an underflow came from, as far as the callback's own thread can tell.

overload: the mix itself took the processor for half a period or more. blocked: the callback slept meanwhile: it waited
for another thread, or for a page of memory. preempted: it was ready to run and did not: other threads had its core, or
the core it waited on stood still. stalled: it neither slept nor waited for a processor, and did not run either: what
the machine runs on stood still, as virtual machines do. called_late: a block was asked for late: by the driver, the
server or a client before this one.
"""
OVERLOAD, BLOCKED, PREEMPTED, STALLED, CALLED_LATE = range(len(CAUSES))

KEPT_BLOCKS = 8
"""Drivers tell of a missed block with a later one: JACK's clock two cycles later, others once their buffers ran dry."""


class Blame(NamedTuple):
    """The block that an underflow came from. cause: its place in ``CAUSES``.

    late_ns: how late it was asked for, behind its period and the end of the block before. took_ns: what it took; where
    that was half its period or more, of that cpu_ns on the processor and ready_ns ready while others ran, else 0.
    """

    cause: int
    period_ns: int
    late_ns: int
    took_ns: int
    cpu_ns: int
    ready_ns: int


class _Block:
    """Times in ns. late: behind its period and the end of the block before; of that, kept_ns: it was ready, others ran.

    Of a block that took half its period or more: cpu_ns, ready_ns (ready, and others ran), slept (whether it did).
    """

    __slots__ = ("cpu_ns", "kept_ns", "late_ns", "period_ns", "ready_ns", "slept", "took_ns")

    def __init__(self, period_ns: int, late_ns: int, kept_ns: int) -> None:
        self.period_ns, self.late_ns = period_ns, late_ns
        self.kept_ns = max(0, min(kept_ns, late_ns))  # nonsense where another thread asked for the block before
        self.took_ns = self.cpu_ns = self.ready_ns = 0
        self.slept = False

    def cause(self) -> int:
        """Return what made it end late: the mix, where that took half the period, or else what took longest beside."""
        idle_ns = self.took_ns - self.cpu_ns - self.ready_ns if self.cpu_ns else 0
        lost = {
            CALLED_LATE: self.late_ns - self.kept_ns,
            PREEMPTED: self.kept_ns + self.ready_ns,
            BLOCKED if self.slept else STALLED: idle_ns,
        }
        if 2 * self.cpu_ns >= self.period_ns:
            lost[OVERLOAD] = self.cpu_ns
        return max(lost, key=lambda cause: lost[cause])


class Watch:
    """Notes blocks; ``blame`` tells why one was missed. All in the callback's thread."""

    def __init__(self, sample_rate: int) -> None:
        self._ns_per_frame = 1e9 / sample_rate
        self._meter = ThreadMeter()
        self._blocks: deque[_Block] = deque(maxlen=KEPT_BLOCKS)
        self._now = _Block(1, 0, 0)
        self._begun_ns = self._ended_ns = self._cpu_ns = self._ready_ns = self._sleeps = 0

    def begin(self, frames: int) -> None:
        """A block of ``frames`` is asked for."""
        begun_ns, ready_ns = time.perf_counter_ns(), self._ready_ns
        due_ns = max(self._begun_ns + self._now.period_ns, self._ended_ns)
        late_ns = max(0, begun_ns - due_ns) if self._begun_ns else 0
        self._begun_ns, self._cpu_ns = begun_ns, self._meter.cpu_ns()
        self._ready_ns, self._sleeps = self._meter.waits()
        kept_ns = self._ready_ns - ready_ns - self._now.ready_ns
        self._now = _Block(round(frames * self._ns_per_frame), late_ns, kept_ns)
        self._blocks.append(self._now)

    def end(self) -> None:
        """The block is done."""
        now, self._ended_ns = self._now, time.perf_counter_ns()
        now.took_ns = self._ended_ns - self._begun_ns
        if 2 * now.took_ns >= now.period_ns:
            now.cpu_ns = self._meter.cpu_ns() - self._cpu_ns
            ready_ns, sleeps = self._meter.waits()
            now.ready_ns, now.slept = ready_ns - self._ready_ns, sleeps > self._sleeps

    def blame(self) -> Blame:
        """Return which block was missed, and why; what came before is forgotten.

        Between ``begin`` and ``end`` of the block that tells of it.
        """
        last = max(self._blocks, key=lambda block: block.late_ns + block.took_ns)
        blame = Blame(last.cause(), last.period_ns, last.late_ns, last.took_ns, last.cpu_ns, last.ready_ns)
        self._blocks.clear()
        self._now.late_ns = self._now.kept_ns = 0
        self._blocks.append(self._now)  # under way: what it takes is not known yet
        return blame
