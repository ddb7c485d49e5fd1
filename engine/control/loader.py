"""The loader: makes the sources that the session wants and lays them into the clip arena, in the background."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Protocol

from engine.errors import EngineError, MediaError, MemoryShort
from engine.realtime.arena import ArenaAllocator
from engine.session.library import AudioFile, Loaded, Source, Stretched
from engine.story.model import Line
from engine.voices.pool import VoicePool
from engine.voices.stretch import at_speed, stretched_frames

AT_ONCE = 8
"""Sources in work at the same time; urgent ones pass by."""

EVICTION_WAIT_SECONDS = 0.005
EVICTION_TRIES = 400
"""How often the arena is asked again while the audio process lets go of what was evicted (2 s)."""


class Told(Protocol):
    """Who hears what the loader makes: a session."""

    def known(self, source: Source, frames: int) -> None:
        """Hear how long a source is."""
        ...

    def loaded(self, source: Source, loaded: Loaded) -> None:
        """Hear that a source lies in the arena."""
        ...

    def failed(self, source: Source, error: EngineError) -> None:
        """Hear that a source can't be made."""
        ...

    def evict(self) -> bool:
        """Give back the memory of something that is not needed; False when there is none."""
        ...


class TakeLoader:
    """Renders lines and reads files through the voice pool; ``session`` hears how far they are.

    base_folder: where the story's audio paths start; nothing outside it is opened.
    """

    def __init__(self, pool: VoicePool, arena: ArenaAllocator, base_folder: Path) -> None:
        self._pool, self._arena, self._base = pool, arena, base_folder.resolve()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._session: Told | None = None
        self.shelve: Callable[[Source, Loaded], object] = lambda *_: None
        self.unshelve: Callable[[Loaded], object] = lambda _: None
        """Hear what lies in the arena, and what no longer does."""

    def attach(self, session: Told) -> None:
        """Tell ``session`` from now on."""
        self._session = session

    def request(self, source: Source, *, urgent: bool) -> None:
        """Begin to make ``source``; it is in the session's hands when it is there."""
        if source not in self._tasks:
            task = self._tasks[source] = asyncio.create_task(self._make(source, urgent))
            task.add_done_callback(lambda _: self._tasks.pop(source, None))

    def cancel(self, source: Source) -> None:
        """Stop that work, in the worker too."""
        task = self._tasks.get(source)
        if task is not None:
            task.cancel()

    def release(self, loaded: Loaded) -> None:
        """Give the arena memory back; it is free once the audio process has let go of it."""
        self.unshelve(loaded)
        self._arena.free(loaded.offset)

    async def close(self) -> None:
        """Stop all work."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _told(self) -> Told:
        if self._session is None:
            raise RuntimeError("attach a session before requesting sources")
        return self._session

    async def _make(self, source: Source, urgent: bool) -> None:
        async with self._place(urgent):
            try:
                loaded = await self._load(source, urgent)
            except EngineError as error:
                self._told.failed(source, error)
            else:
                self.shelve(source, loaded)
                self._told.loaded(source, loaded)

    @contextlib.asynccontextmanager
    async def _place(self, urgent: bool) -> AsyncIterator[None]:
        if urgent:
            yield
            return
        async with self._places:
            yield

    async def _load(self, source: Source, urgent: bool) -> Loaded:
        """Make a source and lay it into the arena, at its speed."""
        plain, speed = (source.source, source.speed) if isinstance(source, Stretched) else (source, 1.0)
        if isinstance(plain, Line):
            return await self._line(source, plain, speed, urgent)
        return await self._file(source, plain, speed)

    async def _line(self, source: Source, line: Line, speed: float, urgent: bool) -> Loaded:
        spoken = await self._pool.render(line, urgent=urgent)
        take = at_speed(spoken, speed)
        self._told.known(source, take.frames)
        offset = await self._reserve(take.frames * take.channels)
        await self._lay(offset, self._pool.load_take(spoken, offset, urgent=urgent, speed=speed))
        return Loaded(offset=offset, frames=take.frames, channels=take.channels, digest=take.digest, words=take.words)

    async def _file(self, source: Source, file: AudioFile, speed: float) -> Loaded:
        path = self._inside(file.path)
        facts = await self._pool.probe(path)
        frames = stretched_frames(facts.frames, speed)
        self._told.known(source, frames)
        offset = await self._reserve(frames * facts.channels)
        await self._lay(offset, self._pool.load_file(path, offset, frames * facts.channels, speed=speed))
        return Loaded(offset=offset, frames=frames, channels=facts.channels, digest="")

    def _inside(self, relative: str) -> Path:
        path = (self._base / relative).resolve()
        if not path.is_relative_to(self._base):
            raise MediaError(f"audio file {relative!r} lies outside the story's folder {self._base}")
        return path

    async def _lay(self, offset: int, load: Coroutine[None, None, None]) -> None:
        """Let a worker write into the block; what fails is freed once nobody writes there."""
        writing = asyncio.ensure_future(load)
        try:
            await asyncio.shield(writing)
        except BaseException:
            writing.add_done_callback(lambda done: self._give_up(offset, done))
            raise

    def _give_up(self, offset: int, writing: asyncio.Future[None]) -> None:
        """Free what nobody writes any more; how the writing ended is of no interest to whoever gave it up."""
        if not writing.cancelled():
            writing.exception()
        self._arena.free(offset)

    async def _reserve(self, floats: int) -> int:
        """Allocate arena memory, evicting what was used longest ago if it must be."""
        session = self._told
        for _ in range(EVICTION_TRIES):
            try:
                return self._arena.allocate(floats)
            except MemoryShort:
                evicted = session.evict()
                if not evicted and not self._arena.freeing:
                    raise
                await asyncio.sleep(EVICTION_WAIT_SECONDS)
        raise MemoryShort("the audio process did not let go of evicted clips in time")
