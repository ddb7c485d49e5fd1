"""Turns: long work in slices, between which the event loop has its turn."""

from __future__ import annotations

import asyncio
import time

SLICE_SECONDS = 0.001
"""After this much work at a stretch the event loop has its turn."""


class Turn:
    """Tells long work when to pause."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + SLICE_SECONDS

    async def over(self) -> None:
        """Wait for the next turn if this one is over."""
        if time.perf_counter() >= self._until:
            await asyncio.sleep(0)
            self._until = time.perf_counter() + SLICE_SECONDS
