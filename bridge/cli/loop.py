"""The control process's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's where that is installed, through which a message comes sooner; else asyncio's own.

    There is none for Windows. uvloop's own time stands still during a turn: measure by ``time.monotonic``.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def run(work: Coroutine[object, object, T]) -> T:
    """Run ``work`` to its end on such a loop and return what it does."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)
