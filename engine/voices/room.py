"""Room: memory of the clip arena for a line that is played while it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

import msgspec

from engine.realtime.stream import StreamHeader
from engine.voices import wire
from engine.voices.jobs import Job


class Room:
    """``floats`` of the arena from ``header`` on, which is part of them. Control process.

    job: the one that writes there; None as long as nobody does, nor will.
    """

    def __init__(self, header: StreamHeader, floats: int) -> None:
        self.header, self.floats = header, floats
        self.job: Job | None = None
        self._filling: asyncio.Future[None] | None = None

    def give_to(self, job: Job) -> None:
        """Let ``job``, which has not begun, write there, after what is there already."""
        self.job = job
        job.request = msgspec.structs.replace(
            cast(wire.Render, job.request), offset=self.header.offset, room_floats=self.floats
        )

    async def fill(self, load: Coroutine[None, None, None]) -> None:
        """Have ``load`` write the whole of it; when this is cancelled it still writes."""
        self._filling = asyncio.ensure_future(load)
        await asyncio.shield(self._filling)

    def when_free(self, call: Callable[[], None]) -> None:
        """Have ``call`` made as soon as nobody writes there any more."""
        if self._filling is not None and not self._filling.done():
            self._filling.add_done_callback(_noted)
            self._filling.add_done_callback(lambda _: call())
        elif self.job is not None:
            self.job.when_settled(call)
        else:
            call()


def _noted(writing: asyncio.Future[None]) -> None:
    """How it ended is of no interest to whoever gave it up."""
    if not writing.cancelled():
        writing.exception()
