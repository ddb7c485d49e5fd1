"""The loader: makes the sources that the session wants and lays them into the clip arena, in the background."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.control.disk import Disk
from engine.control.rooms import Rooms
from engine.errors import EngineError, MediaError, MemoryShort, NotReady
from engine.realtime.arena import ArenaAllocator
from engine.realtime.pages import table_floats
from engine.realtime.stream import HEADER_FLOATS
from engine.session.library import NEAR_PART, AudioFile, Loaded, Source, Stretched, describe
from engine.story.model import Line
from engine.story.whereabouts import whereabouts
from engine.voices.media import Facts
from engine.voices.pool import VoicePool
from engine.voices.room import Room
from engine.voices.stretch import at_speed, stretched_frames, words_at
from engine.voices.take import Take

AT_ONCE = 8
"""Sources in work at the same time; urgent ones pass by."""

EVICTION_WAIT_SECONDS = 0.005
EVICTION_TRIES = 400
"""How often the arena is asked again while the audio process lets go of what was evicted (2 s)."""


class NotNow(Exception):
    """There is no memory for something that is not needed soon."""


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

    def is_plain(self, source: Source) -> bool:
        """Whether a source may stay on the disk: it is played as it is."""
        ...

    def put_off(self, source: Source) -> None:
        """Hear that a source is made, but that there is no memory for it before it is needed soon."""
        ...

    def is_near(self, source: Source) -> bool:
        """Return whether a source will be needed soon."""
        ...

    def make_room(self, *, pressing: bool) -> bool:
        """Give back the memory of something; False when nothing may go. pressing: for what is needed soon."""
        ...


class TakeLoader:
    """Renders lines and reads files through the voice pool; ``session`` hears how far they are.

    base_folder: where the story's audio paths start; nothing outside it is opened. floats: the whole of the arena.
    disk: plays long files from there.
    """

    def __init__(
        self,
        pool: VoicePool,
        arena: ArenaAllocator,
        base_folder: Path,
        floats: NDArray[np.float32],
        disk: Disk | None = None,
    ) -> None:
        self._pool, self._arena, self._base = pool, arena, base_folder.resolve()
        self._disk = disk
        self._rooms = Rooms(pool, arena, floats, lambda *made: self.shelve(*made), lambda gone: self.unshelve(gone))
        self._waiting: dict[Source, None] = {}
        self._tasks: dict[Source, asyncio.Task[None]] = {}
        self._urgent: set[Source] = set()
        self._session: Told | None = None
        self.shelve: Callable[[Source, Loaded], object] = lambda *_: None
        self.unshelve: Callable[[Loaded], object] = lambda _: None
        """Hear what lies in the arena, also what is still being made, and what no longer does."""

    @property
    def capacity_floats(self) -> int:
        """How much memory there is for clips."""
        return self._arena.size_floats

    @property
    def used_floats(self) -> int:
        """How much of it is taken."""
        return self._arena.used_floats

    def attach(self, session: Told) -> None:
        """Tell ``session`` from now on."""
        self._session = session

    def request(self, source: Source, *, urgent: bool) -> None:
        """Begin to make ``source``; it is in the session's hands when it is there."""
        if urgent:
            self._waiting.pop(source, None)
            self._urgent.add(source)
            if source not in self._tasks:
                self._begin(source)
            elif isinstance(source, Line):
                self._pool.hurry(source)
        elif source not in self._tasks:
            if not self._waiting:  # later, when all that is asked for at once is known
                asyncio.get_running_loop().call_soon(self._go_on)
            self._waiting[source] = None

    def stream(self, source: Source) -> Loaded:
        """Return where a line will lie while it is made. Raises NotReady where it can't be played meanwhile."""
        if not isinstance(source, Line):
            raise NotReady(f"{describe(source)} is not ready to play: it is loaded first")
        try:
            loaded = self._rooms.open(source)
        except MemoryShort as error:
            raise NotReady(f"{describe(source)} is not ready to play: {error}") from error
        if (room := self._rooms.get(source)) is not None:
            self._pool.lay_into(source, room)
        return loaded

    def recall(self, source: Source, loaded: Loaded) -> None:
        """Count as taken what a process that is gone has laid into the arena; a line that it was at is gone on with."""
        self._arena.claim(loaded.block, loaded.floats)
        if loaded.making and isinstance(source, Line):
            self._rooms.adopt(source, loaded)
            self.request(source, urgent=True)
        elif loaded.paged and self._disk is not None and isinstance(source, AudioFile):
            path = self._base / source.path
            with contextlib.suppress(MediaError):  # gone meanwhile: what is there of it goes on
                path = whereabouts(self._base, source.path)
            self._disk.recall(loaded, path)

    def prefer(self, sources: Sequence[Source]) -> None:
        """Make ``sources`` first of all that waits, in this order."""
        first = [source for source in sources if source in self._waiting]
        self._waiting = dict.fromkeys([*first, *self._waiting])

    def cancel(self, source: Source) -> None:
        """Stop that work, in the worker too."""
        self._waiting.pop(source, None)
        task = self._tasks.get(source)
        if task is not None:
            task.cancel()

    def release(self, loaded: Loaded) -> None:
        """Give the arena memory back; it is free once the audio process has let go of it."""
        if loaded.paged and self._disk is not None:
            self._disk.let_go(loaded, lambda: self._free(loaded))
        else:
            self._free(loaded)

    def _free(self, loaded: Loaded) -> None:
        self.unshelve(loaded)
        self._arena.free(loaded.block)

    async def close(self) -> None:
        """Stop all work, and begin none of what waits."""
        self._waiting.clear()
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _told(self) -> Told:
        if self._session is None:
            raise RuntimeError("attach a session before requesting sources")
        return self._session

    def _begin(self, source: Source) -> None:
        task = self._tasks[source] = asyncio.create_task(self._make(source))
        task.add_done_callback(lambda _: self._ended(source))

    def _ended(self, source: Source) -> None:
        del self._tasks[source]
        self._urgent.discard(source)
        if isinstance(source, Line):
            self._rooms.give_up(source)
        self._go_on()

    def _go_on(self) -> None:
        """Begin what waits, as far as there are places."""
        while self._waiting and len(self._tasks) - len(self._urgent) < AT_ONCE:
            source = next(iter(self._waiting))
            del self._waiting[source]
            self._begin(source)

    async def _make(self, source: Source) -> None:
        try:
            loaded = await self._load(source)
        except NotNow:
            self._told.put_off(source)
        except EngineError as error:
            self._told.failed(source, error)
        else:
            self.shelve(source, loaded)
            self._told.loaded(source, loaded)

    async def _load(self, source: Source) -> Loaded:
        """Make a source and lay it into the arena, at its speed."""
        plain, speed = (source.source, source.speed) if isinstance(source, Stretched) else (source, 1.0)
        if not isinstance(plain, Line):
            return await self._file(source, plain, speed)
        if source != plain:
            spoken = await self._pool.render(plain, urgent=source in self._urgent, soon=self._told.is_near(source))
            self._told.known(source, stretched_frames(spoken.frames, speed))
            return await self._copied(source, spoken, speed)
        return await self._line(plain)

    async def _line(self, line: Line) -> Loaded:
        """Make a line, where it can be played meanwhile if somebody waits for it, or will soon."""
        spoken = self._pool.made(line) or await self._speak(line)
        self._rooms.made(line, spoken)
        self._told.known(line, spoken.frames)
        room = self._rooms.get(line)
        if room is None:
            return await self._copied(line, spoken, 1.0)
        if not room.header.complete:
            if room.job is not None or room.floats < HEADER_FLOATS + spoken.frames * spoken.channels:
                return await self._outgrown(line, spoken, room)
            urgent = line in self._urgent
            await room.fill(self._pool.load_take(spoken, room.header.sound_offset, urgent=urgent))
            room.header.publish(spoken.frames, spoken.channels)
            room.header.finish(spoken.frames)
        return self._rooms.close(line, spoken)

    async def _speak(self, line: Line) -> Take:
        urgent, near = line in self._urgent, self._told.is_near(line)
        if near and self.used_floats < NEAR_PART * self.capacity_floats:
            with contextlib.suppress(MemoryShort):
                self._rooms.open(line)
        self._rooms.watch(line)
        return await self._pool.render(
            line,
            urgent=urgent,
            soon=near,
            room=self._rooms.get(line),
            on_progress=lambda frames: self._rooms.heard(line, frames),
        )

    async def _outgrown(self, line: Line, spoken: Take, room: Room) -> Loaded:
        """What plays ends where the room does, and is told so; the take is whole, and lies elsewhere from now on."""
        seconds = room.header.ready / spoken.sample_rate
        text = f"{describe(line)} is longer than expected and was cut off at {seconds:.1f} s; it is whole now"
        self._told.failed(line, MemoryShort(text))
        self._rooms.give_up(line)
        return await self._copied(line, spoken, 1.0)

    async def _copied(self, source: Source, spoken: Take, speed: float) -> Loaded:
        take = at_speed(spoken, speed)
        offset = await self._reserve(source, take.frames * take.channels)
        await self._lay(offset, self._pool.load_take(spoken, offset, urgent=source in self._urgent, speed=speed))
        return Loaded(offset=offset, frames=take.frames, channels=take.channels, digest=take.digest, words=take.words)

    async def _file(self, source: Source, file: AudioFile, speed: float) -> Loaded:
        path = await asyncio.to_thread(whereabouts, self._base, file.path)
        facts = await self._pool.probe(path)
        frames = stretched_frames(facts.frames, speed)
        self._told.known(source, frames)
        if speed == 1.0 and self._disk is not None and self._disk.suits(frames) and self._told.is_plain(source):
            return await self._stay(source, path, facts)
        offset = await self._reserve(source, frames * facts.channels)
        await self._lay(offset, self._pool.load_file(path, offset, frames * facts.channels, speed=speed))
        words = facts.words if speed == 1.0 else words_at(facts.words, speed)
        return Loaded(offset=offset, frames=frames, channels=facts.channels, digest="", words=words)

    async def _stay(self, source: Source, path: Path, facts: Facts) -> Loaded:
        """Have a file played from the disk; the arena gets its page table only."""
        assert self._disk is not None
        offset = await self._reserve(source, table_floats(facts.frames, facts.channels), pressing=True)
        loaded = Loaded(
            offset=offset, frames=facts.frames, channels=facts.channels, digest="", words=facts.words, paged=True
        )
        self.shelve(source, loaded)  # before the io process writes there: a successor must know of it
        try:
            await self._disk.open(loaded, path)
        except BaseException:
            self.release(loaded)
            raise
        return loaded

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

    async def _reserve(self, source: Source, floats: int, *, pressing: bool = False) -> int:
        """Allocate arena memory; for what is needed soon, or pressing, others are evicted.

        Raises MemoryShort, NotNow.
        """
        if floats > self.capacity_floats:
            self._arena.allocate(floats)  # raises, and says why
        pressing = pressing or source in self._urgent or self._told.is_near(source)
        for _ in range(EVICTION_TRIES):
            if pressing or self.used_floats + floats <= NEAR_PART * self.capacity_floats:
                with contextlib.suppress(MemoryShort):
                    return self._arena.allocate(floats)
            if not self._told.make_room(pressing=pressing) and not self._arena.freeing:
                if source in self._urgent:
                    return self._arena.allocate(floats)  # raises, and says why
                raise NotNow
            await asyncio.sleep(EVICTION_WAIT_SECONDS)
        raise MemoryShort("the audio process did not let go of evicted clips in time")
