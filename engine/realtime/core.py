"""The core of the audio process: commands in, blocks out. Every output drives it, tests and devices alike."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from engine.clock import DelayLockedLoop, HeldClock
from engine.errors import NotReady
from engine.mixer.graph import Graph
from engine.mixer.mixer import Mixer
from engine.realtime.fades import Curtain
from engine.realtime.records import AUTOMATION, RECORD, REPORT, Report
from engine.realtime.reporter import Reporter
from engine.realtime.ring import RingReader, RingWriter
from engine.realtime.shared import EngineMemory
from engine.realtime.statistics import StatusBoard
from engine.realtime.status import StatusReader, StatusWriter
from engine.realtime.tap import TapWriter
from engine.realtime.timeline import TimelineReader

RECORDS_PER_BLOCK = 1024
"""Live commands taken in one block; more wait in the ring for the next."""
CURTAIN_SECONDS = 0.005


class AudioCore:
    """Drains the ring, swaps the timeline, mixes, reports.

    One thread calls ``fill`` or ``render``; everything else belongs to the main thread. max_block_frames: longer
    blocks are mixed in pieces.
    """

    def __init__(
        self,
        memory: EngineMemory,
        graph: Graph,
        *,
        sample_rate: int,
        block_frames: int = 256,
        max_block_frames: int = 1024,
        max_players: int = 1024,
    ) -> None:
        self.sample_rate = sample_rate
        self.fault = ""
        """What went wrong in the last block that became silence."""
        self.errors = 0
        """How many blocks became silence."""
        self.shut = threading.Event()
        """Set once the curtain has closed."""
        self.swapped = threading.Event()
        """Set while no graph waits to be taken over."""
        self._max_block_frames = max_block_frames
        self._max_players = max_players
        self._arena: NDArray[np.float32] = memory.arena.view(np.float32)
        self._commands = RingReader(memory.commands, RECORD)
        self._records = np.zeros(RECORDS_PER_BLOCK, RECORD)
        self._timeline = TimelineReader(memory.timeline)
        self._tap = TapWriter(memory.tap)
        self._automation = TimelineReader(memory.automation, AUTOMATION)
        self._generation = 0
        self._reporter = Reporter(RingWriter(memory.reports, REPORT))
        self._previous = StatusReader(memory.status)
        self._board = StatusBoard(StatusWriter(memory.status), sample_rate, block_frames)
        self._clock = DelayLockedLoop(sample_rate)
        self._out = np.zeros((max_block_frames, 2), np.float32)
        self._curtain = Curtain(round(CURTAIN_SECONDS * sample_rate))
        self._next: Mixer | None = None
        self._parts_at: int | None = None
        self._mixer = self._build(graph)
        self._built = [self._mixer]
        self._board.mixer(self._mixer, max_players)

    @property
    def frame(self) -> int:
        """The engine frame of the next block's first frame."""
        return self._mixer.frame

    @property
    def latency_frames(self) -> int:
        """The mixer's own delay."""
        return self._mixer.latency_frames

    @property
    def callbacks(self) -> int:
        """Blocks asked for so far."""
        return self._board.callbacks

    def replace(self, graph: Graph) -> None:
        """Build a mixer of ``graph`` and let a block take it over; ``swapped`` tells when that has happened.

        What sounds, what is scheduled and the transport go on, effects that stay keep their sound; levels glide to the
        new graph's. What it has no more fades out first. Raises what Mixer raises.
        """
        mixer = self._build(graph, self._mixer)
        self._built = [self._mixer, mixer]  # freed here, not in the callback, once the next one is built
        self.swapped.clear()
        self._parts_at = None
        self._next = mixer

    def set_output(self, block_frames: int, latency_frames: int, *, steady: bool) -> None:
        """Take in what the output turned out to be; see ``output.base.Output``."""
        self._board.output(block_frames, latency_frames)
        self._clock.bandwidth_hz = DelayLockedLoop.STEADY_HZ if steady else DelayLockedLoop.BANDWIDTH_HZ

    def tidy(self) -> None:
        """Clear the plug-ins that the callback has put aside. Main thread, now and then."""
        self._mixer.tidy()

    def close_curtain(self) -> None:
        """Fade out and stay silent; ``shut`` tells when."""
        self._curtain.close()

    def render(self, frames: int, unix_seconds: float | None = None) -> NDArray[np.float32]:
        """Return the next block, (frames, 2), valid until the next call: for tests. Raises what the mixer raises.

        unix_seconds: when it begins; None: on a clock of its own that is exact.
        """
        if frames > len(self._out):
            self._out = np.zeros((frames, 2), np.float32)
        out = self._out[:frames]
        self._play(out, self.frame / self.sample_rate if unix_seconds is None else unix_seconds, False)
        return out

    def fill(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        """Fill a block for an output, see ``output.base.Render``; whatever fails becomes silence and is counted."""
        try:
            self._play(out, unix_seconds, lost)
        except Exception as error:  # noqa: BLE001  the callback's edge: an exception would stop the device for good
            out[:] = 0.0
            self.fault = f"{type(error).__name__}: {error}"
            self.errors = self._board.error()

    def _build(self, graph: Graph, before: Mixer | None = None) -> Mixer:
        return Mixer(
            graph,
            sample_rate=self.sample_rate,
            arena=self._arena,
            max_block_frames=self._max_block_frames,
            max_players=self._max_players,
            before=before,
        )

    def _play(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        begun_ns = time.perf_counter_ns()
        if not self._board.callbacks:
            self._mixer.frame = self._first_frame(unix_seconds)
        self._clock.update(unix_seconds, len(out), jumped=lost)
        if lost:
            self._board.lost()
        self._take_over()
        self._board.clock(self._mixer.frame, self._clock)
        self._listen()
        for start in range(0, len(out), self._max_block_frames):
            self._mix(out[start : start + self._max_block_frames])
        self._board.block(self._mixer, len(out), self._generation)
        self._board.publish(time.perf_counter_ns() - begun_ns)

    def _first_frame(self, unix_seconds: float) -> int:
        """Return 0, or what an audio process that died would play now: what control has scheduled stays right."""
        try:
            last = self._previous.clock()
        except NotReady:
            return 0
        return max(last.frame, HeldClock(lambda: last, self.sample_rate).frame_at(unix_seconds))

    def _take_over(self) -> None:
        mixer = self._next
        if mixer is None:
            return
        if self._parts_at is None:
            self._parts_at = self._mixer.part(mixer)
        if self._mixer.frame < self._parts_at:
            return
        mixer.adopt(self._mixer)
        self._mixer, self._next = mixer, None
        self._board.mixer(mixer, self._max_players)
        self.swapped.set()

    def _listen(self) -> None:
        """Records first, then the timeline: so what was published before a record was pushed is there before it."""
        count = self._commands.pop_into(self._records)
        table = self._timeline.take()
        if table is not None:
            self._mixer.set_timeline(*table)
            self._generation = table[1]
        moves = self._automation.take()
        if moves is not None:
            self._mixer.set_automation(moves[0])
        if count:
            self._mixer.dispatch(self._records[:count])

    def _mix(self, out: NDArray[np.float32]) -> None:
        if self.shut.is_set():
            out[:] = 0.0
            return
        out[:] = self._mixer.process(len(out))
        if self._curtain.apply(out):
            self.shut.set()
        self._tap.write(out)
        self._report()

    def _report(self) -> None:
        reports = self._mixer.take_reports()
        if not len(reports) and not self._reporter.waiting:
            return
        for report in reports[reports["kind"] == Report.STRIP_FAILED]:
            self._board.failed(int(report["strip"]))
        self._reporter.tell(reports)
        self._board.reports(self._reporter)
