"""Why a block was missed: of each of the last blocks, how late it was asked for, how long it took, and what of that."""

from __future__ import annotations

import time
from collections import deque

from engine.platform import ThreadMeter

CAUSES = ("overload", "blocked", "preempted", "stalled", "called_late")
"""What an underflow came from, as far as the callback's own thread can tell.

overload: the mix itself took the processor for too long. blocked: the callback slept: it waited for another thread, or
for a page of memory. preempted: it was ready to run, and other threads of this machine ran. stalled: it neither slept
nor waited for a processor, and did not run either: what the machine runs on stood still, as virtual machines do.
called_late: no block took long, but one was asked for late: the driver, the server or a client before this one.
"""
OVERLOAD, BLOCKED, PREEMPTED, STALLED, CALLED_LATE = range(len(CAUSES))

KEPT_BLOCKS = 8
"""Drivers tell of a missed block with a later one: JACK's clock two cycles later, others once their buffers ran dry."""


class _Block:
    """Times in ns. late: behind its period; of that, kept_ns: the thread was ready and others ran.

    Of a block that took half its period or more: cpu_ns, ready_ns (ready, and others ran), slept (whether it did).
    """

    __slots__ = ("cpu_ns", "kept_ns", "late_ns", "period_ns", "ready_ns", "slept", "took_ns")

    def __init__(self, period_ns: int, late_ns: int, kept_ns: int) -> None:
        self.period_ns, self.late_ns, self.kept_ns = period_ns, late_ns, kept_ns
        self.took_ns = self.cpu_ns = self.ready_ns = 0
        self.slept = False

    def cause(self) -> int:
        """Return what the longest part of its time was."""
        idle_ns = self.took_ns - self.cpu_ns - self.ready_ns
        if self.cpu_ns >= max(self.ready_ns, idle_ns):
            return OVERLOAD
        if self.ready_ns >= idle_ns:
            return PREEMPTED
        return BLOCKED if self.slept else STALLED


class Watch:
    """Notes blocks; ``blame`` tells why one was missed. All in the callback's thread."""

    def __init__(self, sample_rate: int) -> None:
        self._ns_per_frame = 1e9 / sample_rate
        self._meter = ThreadMeter()
        self._blocks: deque[_Block] = deque(maxlen=KEPT_BLOCKS)
        self._now = _Block(1, 0, 0)
        self._begun_ns = self._cpu_ns = self._ready_ns = self._sleeps = 0

    def begin(self, frames: int) -> None:
        """A block of ``frames`` is asked for."""
        begun_ns, ready_ns = time.perf_counter_ns(), self._ready_ns
        late_ns = begun_ns - self._begun_ns - self._now.period_ns if self._begun_ns else 0
        self._begun_ns, self._cpu_ns = begun_ns, self._meter.cpu_ns()
        self._ready_ns, self._sleeps = self._meter.waits()
        kept_ns = self._ready_ns - ready_ns - self._now.ready_ns
        self._now = _Block(round(frames * self._ns_per_frame), late_ns, kept_ns)
        self._blocks.append(self._now)

    def end(self) -> None:
        """The block is done."""
        now = self._now
        now.took_ns = time.perf_counter_ns() - self._begun_ns
        if 2 * now.took_ns >= now.period_ns:
            now.cpu_ns = self._meter.cpu_ns() - self._cpu_ns
            ready_ns, sleeps = self._meter.waits()
            now.ready_ns, now.slept = ready_ns - self._ready_ns, sleeps > self._sleeps

    def blame(self) -> int:
        """Return which of ``CAUSES`` a block was missed for, by its place; what came before is forgotten.

        Between ``begin`` and ``end`` of the block that tells of it.
        """
        longest = max(self._blocks, key=lambda block: block.took_ns)
        latest = max(self._blocks, key=lambda block: block.late_ns)
        cause = PREEMPTED if 2 * latest.kept_ns >= latest.late_ns > 0 else CALLED_LATE
        if 2 * longest.took_ns >= longest.period_ns:
            cause = longest.cause()
        self._blocks.clear()
        self._now.late_ns = 0
        self._blocks.append(self._now)  # under way: what it takes is not known yet
        return cause
