"""How late the control loop runs: a timer that measures its own lateness."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

TICK_SECONDS = 0.005
WINDOW = 12_000
"""Ticks that the figures look back on: one minute."""


class LagFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Lateness of the control loop over the last minute, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class LoopLag:
    """Sets a timer and compares: so late is whatever is scheduled here. Part of the status."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=WINDOW)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure in the running loop."""
        self._set(asyncio.get_running_loop())

    def stop(self) -> None:
        """End the measurement."""
        if self._timer is not None:
            self._timer.cancel()

    def figures(self) -> LagFigures:
        """Return the figures of the last minute; zeros before the first tick."""
        lags = sorted(self._lags) or [0.0]
        return LagFigures(
            p50_ms=lags[len(lags) // 2] * 1e3,
            p99_ms=lags[int(len(lags) * 0.99)] * 1e3,
            max_ms=lags[-1] * 1e3,
        )

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + TICK_SECONDS
        self._timer = loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lags.append(max(0.0, loop.time() - due))
        self._set(loop)
