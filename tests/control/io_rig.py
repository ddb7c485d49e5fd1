"""A real io process and control's link to it, without a supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.control.io_link import IoLink
from engine.io_keeper import IoKeeper
from engine.realtime.shared import EngineMemory


@asynccontextmanager
async def io_running(memory: EngineMemory, sample_rate: int = 48000) -> AsyncIterator[tuple[IoLink, IoKeeper]]:
    """Yield a link whose io process starts when it is needed, and is started anew when it dies."""
    link: IoLink
    keeper = IoKeeper(memory, lambda message: link.hear(message))
    keeper.sample_rate = sample_rate
    link = IoLink(keeper.send)
    running = asyncio.create_task(keeper.run())
    try:
        yield link, keeper
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await keeper.close()
