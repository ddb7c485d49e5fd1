"""The cache watch: keeps the cache of takes within its size."""

from __future__ import annotations

import asyncio

from engine.control.watch import Watch
from engine.render.cache import TakeCache


class CacheWatch(Watch):
    """Removes the takes used longest ago until the cache holds no more than it may; a thread does."""

    look_seconds = 600.0

    def __init__(self, cache: TakeCache, max_bytes: int) -> None:
        super().__init__()
        self._cache, self._max_bytes = cache, max_bytes

    async def look(self) -> None:
        """Make room, where there is too much."""
        await asyncio.to_thread(self._cache.prune, self._max_bytes)
