"""The pulse of the control loop: a timer that has things done regularly and measures how late it is itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
import numpy as np

SECONDS = 0.004
"""Between a beat and the next one."""
WINDOW = 15_000
"""Beats that the figures look back on: one minute."""


class LagFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Lateness of the control loop over the last minute, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class Pulse:
    """Calls ``beat`` from a timer of the event loop: so late is whatever is scheduled there. Part of the status.

    One timer for both, and no task: each wakes the process once. What ``beat`` raises ends it, and the watchdog then
    finds no sign of life.
    """

    def __init__(self, beat: Callable[[], object]) -> None:
        self._beat = beat
        self._lags = np.zeros(WINDOW)
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin in the running loop, with a beat."""
        loop = asyncio.get_running_loop()
        self._set(loop, 0.0)

    def stop(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()

    def figures(self) -> LagFigures:
        """Return the figures of the last minute; zeros before the first beat."""
        lags = self._lags[: max(1, min(self._count, WINDOW))] * 1e3
        middle, late = len(lags) // 2, int(len(lags) * 0.99)
        lags.partition((middle, late))
        return LagFigures(p50_ms=float(lags[middle]), p99_ms=float(lags[late]), max_ms=float(lags.max()))

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lags[self._count % WINDOW] = max(0.0, time.monotonic() - due)
        self._count += 1
        self._beat()
        self._set(loop, SECONDS)

    def _set(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        due = time.monotonic() + seconds  # the loop's own time may stand still for as long as its turn takes
        self._timer = loop.call_later(seconds, self._tick, loop, due)
