"""A whole engine but for its processes' borders: real workers, real loader and session, the audio core in our hands."""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.control.loader import TakeLoader
from engine.events import Event
from engine.mixer.graph import compile_graph
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.notes import Notes
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.render.cache import TakeCache
from engine.session.memory import Memory
from engine.session.session import Session
from engine.story.model import Master, Story, Track
from engine.voices.catalog import Catalog
from engine.voices.pace import Stopwatch
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from tests.voices.paced_backend import RATE

BLOCK = 160


def bare_story(**fields: object) -> Story:
    """Return a story with one track and no limiter."""
    track = fields.pop("track", Track(id="a"))
    return Story(title="t", sample_rate=RATE, tracks=(track,), master=Master(limiter_db=None), **fields)  # type: ignore[arg-type]


class Gate:
    """Lets the paced voice go on: a pipe with a name, open as long as the engine is."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"
        os.mkfifo(self.path)
        self._handle = os.open(self.path, os.O_RDWR)

    @property
    def heard(self) -> bool:
        """Whether nothing of what was told is still to be heard."""
        return not select.select([self._handle], [], [], 0.0)[0]

    def tell(self, told: bytes) -> None:
        os.write(self._handle, told)

    def close(self) -> None:
        os.close(self._handle)


class Deaf:
    """A session that is gone."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Stage:
    """What a test drives."""

    def __init__(self, story: Story, pool: VoicePool, memory: EngineMemory, folder: Path, gate: Gate) -> None:
        self.memory, self.gate, self._story, self._folder = memory, gate, story, folder
        self.core = AudioCore(memory, compile_graph(story), sample_rate=RATE, block_frames=BLOCK)
        self.told: list[Event] = []
        self.heard: list[NDArray[np.float32]] = []
        self.late: Callable[[], int] = lambda: 0
        self._begin(pool)

    def _begin(self, pool: VoicePool) -> None:
        """Have a control process's parts on what lies in the shared memory."""
        self.pool, self.link = pool, AudioLink(self.memory)
        self.loader = TakeLoader(pool, self.link.arena, self._folder, self.memory.arena.view(np.float32))
        notes = Notes(self.memory.notes)
        self.session = Session(
            self._story, self.link, self.loader, soon=lambda: self.core.frame + self.late(), notes=notes
        )
        self.loader.attach(self.session)
        self.session.listen(self.told.extend)
        memory = Memory(self.session, notes)
        self.loader.shelve, self.loader.unshelve = memory.shelve, memory.forget
        for source, loaded in memory.recall():
            self.loader.recall(source, loaded)
        self.session.context.scribes.append(memory.hear)

    async def follow(self) -> None:
        """Have the control process and its workers gone without a word, and another one in its place."""
        self.loader.attach(Deaf())
        self.loader.shelve, self.loader.unshelve = (lambda *_: None), (lambda _: None)
        for pid in self.pool.pids:
            os.kill(pid, signal.SIGKILL)
        await self.pool.close()
        await self.loader.close()
        pool = VoicePool(catalog=self.pool.catalog, cache=self.pool.cache, sample_rate=RATE, arena=self.memory.arena)
        await pool.start()
        self._begin(pool)

    async def render(self, frames: int, block: int = BLOCK) -> NDArray[np.float32]:
        """Return the next frames, left; control has its turn after each block."""
        parts = []
        for start in range(0, frames, block):
            parts.append(self.core.render(min(block, frames - start))[:, 0].copy())
            self.session.hear(self.link.reports())
            self.session.advance()
            if self.session.stale:
                self.session.publish()
            await asyncio.sleep(0)
        self.heard.extend(parts)
        return np.concatenate(parts)

    async def until(self, happened: Callable[[], object]) -> None:
        """Let processes work until ``happened``; no audio passes, but the core acknowledges what it is asked."""
        async with asyncio.timeout(60):
            while not happened():
                await asyncio.sleep(0.001)

    def events(self, kind: type) -> list[Event]:
        return [event for event in self.told if isinstance(event, kind)]


def _unmoved(*known: Any) -> Stopwatch:
    """Return a stopwatch that a stall of the machine does not move: it goes on by so much whenever it is looked at."""
    return Stopwatch(*known, now=itertools.count(0.0, 0.01).__next__)


def run(
    folder: Path,
    monkeypatch: object,
    story: Story,
    show: Callable[[Stage], Awaitable[None]],
    arena_bytes: int = 8 << 20,
) -> None:
    """Let ``show`` drive a stage with a paced voice ``slow``, one that is not, ``quick``, and the embedded one."""
    from engine.voices import registry

    monkeypatch.setitem(registry.BACKENDS, "paced", "tests.voices.paced_backend")  # type: ignore[attr-defined]
    monkeypatch.setattr("engine.voices.worker_process.MODULE", "tests.voices.paced_backend")  # type: ignore[attr-defined]
    monkeypatch.setattr("engine.control.rooms.Stopwatch", _unmoved)  # type: ignore[attr-defined]
    registry.backend.cache_clear()
    gate = Gate(folder)
    presets = {
        "slow": Preset(id="slow", name="", backend="paced", settings={"gate": str(gate.path)}),
        "quick": Preset(id="quick", name="", backend="paced", settings={"gate": ""}),
        "plain": Preset(id="plain", name="", backend="espeak", settings=complete_settings("espeak", {})),
    }

    async def main() -> None:
        memory = EngineMemory.create(MemoryConfig(arena_bytes=arena_bytes, timeline_clips=256))
        pool = VoicePool(
            catalog=Catalog(presets=presets), cache=TakeCache(folder / "takes"), sample_rate=RATE, arena=memory.arena
        )
        await pool.start()
        stage = Stage(story, pool, memory, folder, gate)
        try:
            await show(stage)
        finally:
            await stage.loader.close()
            await stage.pool.close()
            gate.close()
            memory.close()

    asyncio.run(main())
