"""How late the control loop runs: a timer that measures its own lateness."""

from __future__ import annotations

import asyncio
import contextlib
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
    """Sleeps and compares. Part of the status: a bridge that blocks the loop shows here."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=WINDOW)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure in the running loop."""
        self._task = asyncio.create_task(self._measure())

    async def stop(self) -> None:
        """End the measurement."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def figures(self) -> LagFigures:
        """Return the figures of the last minute; zeros before the first tick."""
        lags = sorted(self._lags) or [0.0]
        return LagFigures(
            p50_ms=lags[len(lags) // 2] * 1e3,
            p99_ms=lags[int(len(lags) * 0.99)] * 1e3,
            max_ms=lags[-1] * 1e3,
        )

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self._lags.append(max(0.0, loop.time() - due))
