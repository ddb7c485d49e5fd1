"""The stock: the sources of a show that is played again, made before it begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.control.loader import TakeLoader
from engine.errors import EngineError, MemoryShort
from engine.realtime.arena import ArenaAllocator
from engine.realtime.stream import HEADER_FLOATS, StreamHeader
from engine.session.library import Loaded, Source, describe


class Stock:
    """Hears a loader as a session does, and then is a session's loader. floats: the whole of the arena."""

    capacity_floats = 1 << 62

    def __init__(self, arena: ArenaAllocator, floats: NDArray[np.float32]) -> None:
        self._arena, self._floats = arena, floats
        self.placed: dict[Source, Loaded] = {}
        self._changed = asyncio.Event()
        self._failure: EngineError | None = None

    async def fill(self, sources: Sequence[Source], loader: TakeLoader, on_progress: Callable[[float], object]) -> None:
        """Have ``loader`` make all of ``sources``. Raises what it raises."""
        for source in sources:
            loader.request(source, urgent=False)
        while len(self.placed) < len(sources):
            on_progress(len(self.placed) / len(sources))
            self._changed.clear()
            await self._changed.wait()
            if self._failure is not None:
                raise self._failure

    def known(self, source: Source, frames: int) -> None:
        """Hear how long a source is."""

    def loaded(self, source: Source, loaded: Loaded) -> None:
        """Hear that a source is there."""
        self.placed[source] = loaded
        self._changed.set()

    def failed(self, source: Source, error: EngineError) -> None:
        """Hear that a source can't be made."""
        self._failure = EngineError(f"{describe(source)}: {error}")
        self._changed.set()

    def put_off(self, source: Source) -> None:
        """Hear that there is no memory for a source: a show needs all of them."""
        self.failed(source, MemoryShort("there is no room for it beside the others"))

    def is_plain(self, _source: Source) -> bool:
        """Return whether a source may stay on the disk: no, a replay has no io process."""
        return False

    def is_near(self, _source: Source) -> bool:
        """Return whether a source is needed soon: all are needed alike."""
        return False

    def make_room(self, *, pressing: bool) -> bool:  # noqa: ARG002
        """Nothing may go: all of it is needed."""
        return False

    def request(self, source: Source, *, urgent: bool) -> None:
        """Do nothing: the transcript says when it was there."""

    def prefer(self, sources: Sequence[Source]) -> None:
        """Do nothing: they are there."""

    def stream(self, source: Source) -> Loaded:
        """Return ``source`` with a header of its own: what plays it begins when the transcript says so."""
        header = StreamHeader(self._floats, self._arena.allocate(HEADER_FLOATS))
        header.open()
        placed = self.placed.get(source)
        offset, frames = (header.offset, HEADER_FLOATS) if placed is None else (placed.offset, placed.frames)
        return Loaded(offset=offset, frames=frames, channels=1, digest="", header=header.offset, making=True)

    def cancel(self, source: Source) -> None:
        """Do nothing."""

    def release(self, loaded: Loaded) -> None:
        """Keep it: it may be played again."""
