"""Everything that the engine's processes share, as one thing to create, describe and attach."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from engine.errors import MemoryShort
from engine.platform import close_shared, open_shared, require_memory
from engine.realtime.beats import BEATS_BYTES
from engine.realtime.checkpoint import checkpoint_bytes
from engine.realtime.memory import Segment
from engine.realtime.parts import PARTS
from engine.realtime.plugin_trace import TRACE_BYTES
from engine.realtime.records import AUTOMATION, HEARD, RECORD, REPORT
from engine.realtime.ring import ring_bytes
from engine.realtime.sound_ring import INLETS_BYTES
from engine.realtime.status import STATUS_BYTES
from engine.realtime.tap import TAP_BYTES
from engine.realtime.timeline import timeline_bytes


class MemoryConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How much the engine reserves at start. pool_bytes: for pages of clips that stay on the disk."""

    commands: int = 4096
    reports: int = 8192
    timeline_clips: int = 16384
    automation_moves: int = 65536
    arena_bytes: int = 128 * 2**20
    pool_bytes: int = 8 * 2**20
    max_players: int = 1024
    notes_bytes: int = 8 * 2**20
    black_bytes: int = 4 * 2**20
    tape_bytes: int = 4 * 2**20
    feed_bytes: int = 2**20
    daw_notes: int = 1024


class EngineMemory:
    """The segments: live commands and reports (rings), compiled timeline and automation, status, tap, clip arena.

    And what a process needs that takes over: signs of life, the mixer's checkpoint, control's notes, its log. And the
    tape, for recordings, and the feed, for what is sent elsewhere; the notes that come from a
    DAW, and the inlets, for sound from outside.
    """

    def __init__(self, segments: Mapping[str, Segment], pool_bytes: int) -> None:
        self._pool_bytes = pool_bytes
        self.commands, self.reports, self.timeline = (segments[name] for name in PARTS[:3])
        self.automation, self.status, self.tap, self.arena = (segments[name] for name in PARTS[3:7])
        self.beats, self.checkpoint, self.notes, self.black, self.tape = (segments[name] for name in PARTS[7:12])
        self.plugins, self.feed, self.daw_notes, self.inlets = (segments[name] for name in PARTS[12:])

    @classmethod
    def create(
        cls, config: MemoryConfig | None = None, handles: Mapping[str, int] | None = None, *, reserve: bool = True
    ) -> EngineMemory:
        """Make all segments, in full unless ``reserve`` follows. Raises MemoryShort, leaving nothing behind.

        handles: those of all parts, if children have been given them already; ours from now on.
        """
        config = config or MemoryConfig()
        wanted = {
            "commands": ring_bytes(RECORD, config.commands),
            "reports": ring_bytes(REPORT, config.reports),
            "timeline": timeline_bytes(config.timeline_clips),
            "automation": timeline_bytes(config.automation_moves, AUTOMATION),
            "status": STATUS_BYTES,
            "tap": TAP_BYTES,
            "arena": config.arena_bytes + config.pool_bytes,
            "beats": BEATS_BYTES,
            "checkpoint": checkpoint_bytes(config.max_players),
            "notes": config.notes_bytes,
            "black": config.black_bytes,
            "tape": config.tape_bytes,
            "plugins": TRACE_BYTES,
            "feed": config.feed_bytes,
            "daw_notes": ring_bytes(HEARD, config.daw_notes),
            "inlets": INLETS_BYTES,
        }
        handles = handles or {part: open_shared() for part in PARTS}
        try:
            require_memory(sum(wanted.values()))
            made = {part: Segment.create(wanted[part], handles[part], reserve=reserve) for part in PARTS}
        except MemoryShort:
            for handle in handles.values():
                close_shared(handle)
            raise
        return cls(made, config.pool_bytes)

    @classmethod
    def attach(cls, described: Mapping[str, tuple[int, int]]) -> EngineMemory:
        """Map what ``describe`` told, in a child that was given the handles."""
        return cls({name: Segment.attach(*described[name]) for name in PARTS}, described["pool"][1])

    def describe(self) -> dict[str, tuple[int, int]]:
        """Return (handle, size in bytes) of each part, for a child's configuration; the pool has no own handle."""
        parts = {name: (segment.handle, segment.size_bytes) for name, segment in self._segments().items()}
        return {**parts, "pool": (-1, self._pool_bytes)}

    @property
    def handles(self) -> tuple[int, ...]:
        """The handles that a child must inherit."""
        return tuple(segment.handle for segment in self._segments().values())

    @property
    def arena_floats(self) -> int:
        """Length of the arena as float32, without the pool that follows it."""
        return self.arena.size_bytes // np.dtype(np.float32).itemsize - self.pool_floats

    @property
    def pool_floats(self) -> int:
        """Length of the pool, the last part of the arena's segment, as float32."""
        return self._pool_bytes // np.dtype(np.float32).itemsize

    def reserve(self) -> None:
        """Have the system give all of it now; 0.1 s that children can use to start. Raises MemoryShort."""
        for segment in self._segments().values():
            segment.reserve()

    def prefault(self) -> None:
        """Touch every page of every part but the arena: for the audio process, before its first callback."""
        for name, segment in self._segments().items():
            if name != "arena":
                segment.prefault()

    def close(self) -> None:
        """Give all handles back; memory goes when the last process has done so."""
        for segment in self._segments().values():
            segment.close()

    def _segments(self) -> dict[str, Segment]:
        return {name: getattr(self, name) for name in PARTS}
