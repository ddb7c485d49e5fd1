"""Rooms: arena memory for lines that are played while they are made, and what their players wait for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.realtime.arena import ArenaAllocator
from engine.realtime.stream import HEADER_FLOATS, StreamHeader
from engine.session.library import Loaded
from engine.story.model import Line
from engine.voices.pace import Pace, Stopwatch
from engine.voices.pool import VoicePool
from engine.voices.room import Room
from engine.voices.take import Take


class Rooms:
    """The rooms of lines in work. floats: the whole arena. on_open, on_given_up: hear where one lies, or lay."""

    def __init__(
        self,
        pool: VoicePool,
        arena: ArenaAllocator,
        floats: NDArray[np.float32],
        on_open: Callable[[Line, Loaded], object],
        on_given_up: Callable[[Loaded], object],
    ) -> None:
        self._pool, self._arena, self._floats = pool, arena, floats
        self._on_open, self._on_given_up = on_open, on_given_up
        self._rooms: dict[Line, Room] = {}
        self._watches: dict[Line, Stopwatch] = {}

    def get(self, line: Line) -> Room | None:
        """Return the room of ``line``."""
        return self._rooms.get(line)

    def open(self, line: Line) -> Loaded:
        """Return where ``line`` will lie; its room is made if it has none. Raises MemoryShort, UnknownThing."""
        room = self._rooms.get(line)
        if room is None:
            take = self._pool.made(line)
            size = self._expected(line) if take is None else HEADER_FLOATS + take.frames * take.channels
            header = StreamHeader(self._floats, self._arena.allocate(size))
            header.open()
            self._need(header, self._pool.paces.known(self._pool.pace_key(line.voice)), line.text, 0)
            room = self._rooms[line] = Room(header, size)
            self._on_open(line, _stream(room))
        return _stream(room)

    def adopt(self, line: Line, stream: Loaded) -> None:
        """Take over the room of a process that is gone: what it has laid there stays, and may be sounding."""
        self._rooms[line] = Room(StreamHeader(self._floats, stream.header), stream.floats)

    def watch(self, line: Line) -> None:
        """Measure how fast ``line`` is made from now on."""
        known = self._pool.paces.of(self._pool.pace_key(line.voice))
        self._watches[line] = Stopwatch(known, line.text, self._pool.sample_rate)

    def heard(self, line: Line, frames: int) -> None:
        """Note how much of ``line`` is made; its players wait for what that lets expect."""
        watch = self._watches.get(line)
        if watch is None:
            return
        pace = watch.heard(frames)
        if (room := self._rooms.get(line)) is not None:
            self._need(room.header, pace, line.text, frames)

    def _need(self, header: StreamHeader, pace: Pace | None, text: str, made: int) -> None:
        """Let players begin once there is what ``pace`` asks for; None: nothing is known of it yet."""
        if pace is not None:
            rate = self._pool.sample_rate
            expected = max(made, round(pace.seconds(text) * rate))
            header.need(ahead=round(pace.ahead_seconds() * rate), share=pace.share(), expected=expected)

    def made(self, line: Line, take: Take) -> None:
        """Learn from a line that is made."""
        watch = self._watches.pop(line, None)
        if watch is not None:
            self._pool.paces.learn(self._pool.pace_key(line.voice), watch.whole(take.frames))

    def close(self, line: Line, take: Take) -> Loaded:
        """Return where ``line`` lies, which is whole; what its room has beyond it is given back."""
        header = self._rooms.pop(line).header
        self._arena.trim(header.offset, HEADER_FLOATS + take.frames * take.channels)
        return Loaded(
            offset=header.sound_offset,
            frames=take.frames,
            channels=take.channels,
            digest=take.digest,
            words=take.words,
            header=header.offset,
        )

    def give_up(self, line: Line) -> None:
        """Give the room of ``line`` back, once nobody writes there."""
        self._watches.pop(line, None)
        room = self._rooms.pop(line, None)
        if room is not None:
            self._on_given_up(_stream(room))
            room.when_free(lambda: self._arena.free(room.header.offset))

    def _expected(self, line: Line) -> int:
        pace = self._pool.paces.of(self._pool.pace_key(line.voice))
        return HEADER_FLOATS + pace.room_floats(line.text, self._pool.sample_rate)


def _stream(room: Room) -> Loaded:
    """Return where the line of ``room`` lies while it is made."""
    header = room.header
    return Loaded(
        offset=header.sound_offset,
        frames=room.floats - HEADER_FLOATS,
        channels=1,
        digest="",
        header=header.offset,
        making=True,
    )
