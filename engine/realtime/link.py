"""Control's end of the audio process: push commands, publish the timeline, hear reports, read the status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.realtime.arena import ArenaAllocator
from engine.realtime.records import AUTOMATION, RECORD, REPORT, Kind, Report, of_streams, records
from engine.realtime.ring import RingReader, RingWriter
from engine.realtime.shared import EngineMemory
from engine.realtime.status import ClockReading, Status, StatusReader
from engine.realtime.timeline import TimelineWriter


class Handed(NamedTuple):
    """How much was handed over since the engine started: records, and the newest table's generation of each kind."""

    records: int = 0
    timeline: int = 0
    automation: int = 0


class AudioLink:
    """Talks to the audio process through shared memory; never waits. One per engine, in the control process.

    A record pushed after a publication is never handled before it.
    """

    def __init__(self, memory: EngineMemory) -> None:
        self._commands = RingWriter(memory.commands, RECORD)
        self._reports = RingReader(memory.reports, REPORT)
        self._timeline = TimelineWriter(memory.timeline)
        self._automation = TimelineWriter(memory.automation, AUTOMATION)
        self._status = StatusReader(memory.status)
        self.on_taken: Callable[[np.void], object] | None = None
        """Hears what happened of itself (TAKEN, SWAPPED, AUTOMATED, TIMELINE, streams), before anybody else does."""
        self.arena = ArenaAllocator(memory.arena_floats, self._request_epoch)

    def push(self, items: NDArray[Any]) -> int:
        """Send live RECORDs in order and return how many fitted: a full ring refuses, it never blocks."""
        return self._commands.push(items)

    def reports(self) -> NDArray[Any]:
        """Return the REPORTs since the last call; epochs go to the arena, what was taken to ``on_taken``."""
        heard = self._reports.pop_all()
        if not len(heard):
            self.arena.poll()
            return heard
        kinds = heard["kind"]
        epochs = heard["serial"][kinds == Report.EPOCH]
        if len(epochs):
            self.arena.acknowledge(int(epochs.max()))
        self.arena.poll()
        taken = (kinds == Report.TAKEN) | (kinds == Report.SWAPPED) | (kinds == Report.AUTOMATED)
        if self.on_taken is not None:
            for report in heard[taken | (kinds == Report.TIMELINE) | of_streams(heard)]:
                self.on_taken(report)
        told: NDArray[Any] = heard[~taken & (kinds != Report.EPOCH)]
        return told

    @property
    def handed(self) -> Handed:
        """What the audio process has been given so far, whether it has taken it or not."""
        return Handed(self._commands.position, self._timeline.generation, self._automation.generation)

    def publish(self, entries: NDArray[Any]) -> int:
        """Make ``entries`` (ENTRY, sorted) the timeline and return its generation. Raises MemoryShort if too many."""
        return self._timeline.publish(entries)

    def automate(self, moves: NDArray[Any]) -> None:
        """Make ``moves`` (AUTOMATION, sorted) the timeline's automation. Raises MemoryShort if too many."""
        self._automation.publish(moves)

    def status(self) -> Status:
        """Return the newest status. Raises NotReady before the first block."""
        return self._status.read()

    def clock(self) -> ClockReading:
        """Return when the last block began: what HeldClock reads. Raises NotReady before the first block."""
        return self._status.clock()

    def _request_epoch(self, epoch: int) -> bool:
        record = records(1)
        record["kind"], record["serial"] = Kind.EPOCH, epoch
        return self._commands.push(record) == 1
