"""Replay: a transcript played again without a device, through the path that was live: session, ring, audio core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.commands import Beside
from engine.control.flows import Flows
from engine.control.loader import TakeLoader
from engine.control.stock import Stock
from engine.control.transcript import Entry, Header
from engine.errors import EngineError
from engine.mixer.graph import compile_graph
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.session.captures import NoCaptures
from engine.session.inputs import (
    Adopted,
    Advanced,
    Did,
    Equipped,
    Evicted,
    Failed,
    Flowed,
    Heard,
    Input,
    Known,
    Learnt,
    Published,
    PutOff,
    Shelved,
    Swapped,
    Swept,
    Taken,
)
from engine.session.library import NEAR_PART
from engine.session.session import Session
from engine.story.history import History
from engine.story.mix_file import load_mix, mix_folders
from engine.voices.pool import VoicePool

SPARE_BYTES = 1 << 20
LONGEST_FRAMES = 120 * 48000
"""What is reserved for a line that was broken off, so that nobody knows how long it would have been."""
Write = Callable[[NDArray[np.float32]], object]


class Replay:
    """One show, in memory of its own. Use it as a context manager. differences: what was not as it had been."""

    def __init__(self, header: Header, entries: Sequence[Entry]) -> None:
        self._header, self._entries = header, entries
        self.differences: list[str] = []
        known = {e.what.source: e.what.frames for e in entries if isinstance(e.what, Known)}
        self._flowed = [e.what for e in entries if isinstance(e.what, Flowed)]
        broken_off = {what.source: LONGEST_FRAMES for what in self._flowed}
        arena_bytes = round(8 * sum({**broken_off, **known}.values()) / NEAR_PART) + SPARE_BYTES
        self._memory = EngineMemory.create(MemoryConfig(arena_bytes=arena_bytes, max_players=header.max_players))
        self._link = AudioLink(self._memory)
        self._stock = Stock(self._link.arena, self.arena)
        self._flows = Flows(self._link, self.arena, self._flowed)
        self._reports = self._link.reports()
        self._soon: int | None = None

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()

    @property
    def frames(self) -> int:
        """How long the show is."""
        return max((entry.frame for entry in self._entries), default=0)

    @property
    def arena(self) -> NDArray[np.float32]:
        """The memory that the sources lie in."""
        return self._memory.arena.view(np.float32)

    async def render(self, pool: Callable[..., VoicePool], on_progress: Callable[[float], object]) -> None:
        """Make every take and read every file of the show. pool: makes a pool for an arena."""
        digests = {what.source: "" for what in self._flowed}
        digests |= {e.what.source: e.what.digest for e in self._entries if isinstance(e.what, Shelved)}
        speaking = pool(arena=self._memory.arena)
        loader = TakeLoader(speaking, self._link.arena, Path(self._header.folder), self.arena)
        loader.attach(self._stock)
        try:
            await self._stock.fill(tuple(digests), loader, on_progress)
        finally:
            await loader.close()
            await speaking.close()
        for source, loaded in self._stock.placed.items():
            if digests[source] not in ("", loaded.digest):
                self.differences.append(f"another take than it was: {source}")

    def play(self, write: Write) -> None:
        """Play it all; ``write`` takes the blocks, (frames, 2), valid until it returns."""
        header = self._header
        core = AudioCore(
            self._memory,
            compile_graph(header.story),
            sample_rate=header.sample_rate,
            block_frames=header.block_frames,
            max_players=header.max_players,
        )
        folders = mix_folders(Path(header.folder))
        session = Session(
            header.story,
            self._flows,
            self._stock,
            mixes=lambda name: load_mix(name, folders),
            soon=lambda: core.frame if self._soon is None else self._soon,
            captures=NoCaptures(Path(header.folder), header.sample_rate),
            arena=self._memory.arena.view(np.float32),
            history=History(header.history),
        )
        session.open()
        for entry in self._entries:
            self._render_to(core, self._begin_frame(core, entry), write)
            if entry.what is not None:
                self._do(core, session, entry.what)
        self._render_to(core, core.frame + core.latency_frames, write)

    def _begin_frame(self, core: AudioCore, entry: Entry) -> int:
        """Return where the block begins in which ``entry`` was taken: what happened of itself did so within it."""
        blocks = (entry.frame - core.frame) // self._header.block_frames
        return core.frame + blocks * self._header.block_frames if isinstance(entry.what, Flowed) else entry.frame

    def _render_to(self, core: AudioCore, frame: int, write: Write) -> None:
        """Play up to ``frame``, in the blocks of the device."""
        while (rest := frame - core.frame) > 0:
            write(core.render(min(rest, self._header.block_frames)))
            if len(told := self._link.reports()):
                self._reports = np.concatenate([self._reports, told])

    def _do(self, core: AudioCore, session: Session, what: Input) -> None:
        self._soon = what.soon
        match what:
            case Did(command=command) if isinstance(command, Beside):
                pass
            case Did(command=command, at_frame=at_frame):
                try:
                    session.apply(command, at_frame)
                except EngineError as error:
                    self.differences.append(f"frame {core.frame}: {type(command).__name__} was refused: {error}")
            case Known(source=source, frames=frames):
                session.known(source, frames)
            case Shelved(source=source):
                session.loaded(source, self._stock.placed[source])
            case PutOff(source=source):
                session.put_off(source)
            case Evicted(source=source):
                session.evict(source)
            case Flowed(source=source):
                self._flows.flow(what, self._stock.placed[source])
            case Failed(source=source, text=text):
                session.failed(source, EngineError(text))
            case Heard(count=count):
                heard, self._reports = self._reports[:count], self._reports[count:]
                session.hear(heard)
            case Published():
                session.publish()
            case Adopted(story=story, meanwhile=meanwhile, keeps=keeps):
                session.adopt(story, meanwhile, keeps=keeps)
            case Swapped(graph=graph):
                core.replace(graph)
            case Taken(count=count):
                session.context.graphs_taken(count)
            case Advanced(reached=reached):
                session.advance(reached)
            case Equipped(plugins=plugins):
                session.equip(plugins)
            case Swept(places=places):
                session.context.sweep(places)
            case Learnt(states=states):
                session.hear_plugins(states)
