"""The core of the audio process: commands in, blocks out. Every output drives it, tests and devices alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from engine.clock import DelayLockedLoop
from engine.mixer.graph import Graph
from engine.mixer.hosted_insert import HostedInsert
from engine.mixer.mixer import Mixer
from engine.mixer.players import PLAYER
from engine.output.channels import MAIN
from engine.realtime.beats import Beats, Heart
from engine.realtime.causes import Watch
from engine.realtime.checkpoint import Checkpoint, Saved
from engine.realtime.fades import Curtain
from engine.realtime.gaps import Gaps
from engine.realtime.plugin_trace import PluginTrace
from engine.realtime.records import AUTOMATION, RECORD, REPORT, Kind, Report, records
from engine.realtime.reporter import Reporter
from engine.realtime.ring import RingReader, RingWriter
from engine.realtime.shared import EngineMemory
from engine.realtime.sound_ring import MOST_INLETS, SoundReader
from engine.realtime.statistics import StatusBoard
from engine.realtime.status import StatusReader, StatusWriter
from engine.realtime.tap import TapWriter
from engine.realtime.taping import Taping
from engine.realtime.timeline import TimelineReader

RECORDS_PER_BLOCK = 1024
"""Live commands taken in one block; more wait in the ring for the next."""
CURTAIN_SECONDS = 0.005
CHECKPOINT_BLOCKS = 16
"""How often a mixer that is given nothing is kept for a successor."""
REST_SECONDS = 0.001
"""How long the callback has the interpreter for itself between two effects that are freed."""
_FAILED = int(Report.STRIP_FAILED)
LONGEST_SILENCE_SECONDS = 30.0
"""After a longer one a successor plays nothing of what sounded."""


class AudioCore:
    """Drains the ring, swaps the timeline, mixes, reports.

    One thread calls ``fill`` or ``render``; everything else belongs to the main thread. max_block_frames: longer
    blocks are mixed in pieces. helper: takes its share of long ones.
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
        trace_row: int = 0,
        helper: Executor | None = None,
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
        self._max_players, self._helper = max_players, helper
        self._arena: NDArray[np.float32] = memory.arena.view(np.float32)
        self._commands = RingReader(memory.commands, RECORD)
        self._records = np.zeros(RECORDS_PER_BLOCK, RECORD)
        self._told = np.zeros(1, REPORT)
        self._timeline = TimelineReader(memory.timeline)
        self._tap, self._taping, self._feeding = TapWriter(memory.tap), Taping(memory.tape), Taping(memory.feed)
        self._inlets = [SoundReader(memory.inlets, index) for index in range(MOST_INLETS)]
        self._automation = TimelineReader(memory.automation, AUTOMATION)
        self._generation = 0
        self._reporter = Reporter(RingWriter(memory.reports, REPORT))
        self._previous = StatusReader(memory.status)
        self._board = StatusBoard(StatusWriter(memory.status), sample_rate, block_frames)
        self._clock = DelayLockedLoop(sample_rate)
        self._blocks = Watch(sample_rate)
        self._gaps = Gaps()
        self._out = np.zeros((max_block_frames, 2), np.float32)
        self._curtain = Curtain(round(CURTAIN_SECONDS * sample_rate))
        self._next: Mixer | None = None
        self._parts_at: int | None = None
        self._watch = PluginTrace(memory.plugins).watch(trace_row)
        self._mixer = self._played = self._build(graph)
        """The mixer of the next block, and of the last one."""
        self._built = [self._mixer]
        self._board.mixer(self._mixer, max_players)
        self._beats = Beats(memory.beats)
        self._checkpoint = Checkpoint(memory.checkpoint)
        self._saved: Saved | None = None
        self._conducted: NDArray[np.void] | None = None
        self._told_frame = 0
        self._begun = False
        self._flowed = False
        self._inside_since = 0.0

    @property
    def frame(self) -> int:
        """The engine frame of the next block's first frame."""
        return self._mixer.frame

    @property
    def latency_frames(self) -> int:
        """The mixer's own delay."""
        return self._mixer.latency_frames

    @property
    def strip_latency_frames(self) -> int:
        """The strips' own delay, without what the mix adds."""
        return self._mixer.strip_latency_frames

    @property
    def buses(self) -> tuple[str, ...]:
        """The strips' ids by index, empty where there is none; another object once they have changed."""
        return self._played.buses

    @property
    def strip_ids(self) -> tuple[str, ...]:
        """The same with those that have left and ring out: another strip may have the same id by now."""
        return self._played.strip_ids

    @property
    def strip_names(self) -> tuple[str, ...]:
        """What people call the same strips, empty where that is their id."""
        return self._played.strip_names

    @property
    def callbacks(self) -> int:
        """Blocks asked for so far."""
        return self._board.callbacks

    @property
    def signs(self) -> int:
        """How many signs of life there were: each block, and what an output that may pause gives. Any thread."""
        return self._beats.count(Heart.AUDIO)

    @property
    def inside_seconds(self) -> float:
        """For how long the block under way has been mixed; 0 between blocks. Any thread."""
        since = self._inside_since
        return time.monotonic() - since if since else 0.0

    def rebuild(self, graph: Graph) -> None:
        """Build a mixer of ``graph`` before anything has been played. Raises what Mixer raises."""
        self._mixer = self._played = self._build(graph)
        self._built = [self._mixer]
        self._board.mixer(self._mixer, self._max_players)

    @property
    def faults(self) -> dict[str, str]:
        """Why plug-ins of the newest graph could not be loaded, by effect."""
        return self._built[-1].faults

    @property
    def hosted(self) -> dict[tuple[str, int], tuple[str, HostedInsert]]:
        """The plug-ins of the mixer that plays: effect and insert, by strip and key. Main thread."""
        return self._mixer.hosted

    def take_over(self, without: Collection[str] = ()) -> None:
        """Go on where the audio process before stopped, if there was one. Main thread, before the output starts.

        without: plug-ins that are never to be called.

        What it would have played by now is mixed unheard: players, loops, the transport and what was scheduled are
        where they would be. What it had told is not told again.
        """
        self._mixer.switch_off(without)
        saved = self._saved = self._checkpoint.read(PLAYER)
        if saved is None:
            return
        before = self._previous.read()
        self._board.resume(self._mixer, self._max_players)
        self._reporter.resume(before.late_starts, before.dropped_records, before.dropped_reports)
        self.errors = before.errors
        self._commands.move_to(saved.taken)
        self._mixer.inlets.deaf = True  # what waits there is for those who hear it
        self._mixer.resume(saved.state)
        self._told_frame = before.frame + before.block_frames
        table = self._timeline.take()
        if table is not None:
            self._mixer.set_timeline(*table)
            self._generation = table[1]
        moves = self._automation.take()
        if moves is not None:
            self._mixer.set_automation(*moves)
        self.catch_up()

    def catch_up(self) -> None:
        """Mix unheard what has gone by meanwhile. Main thread, before the first block; without a predecessor nothing.

        To open a device takes a hundred milliseconds: what is mixed here is not left for the first callback.
        """
        if self._saved is not None:
            self._mix_unheard(self._present_frame(self._saved, time.time()))

    def replace(self, graph: Graph) -> None:
        """Build a mixer of ``graph`` that follows at the end of a block; ``swapped`` tells when one has played.

        What sounds, what is scheduled and the transport go on, effects that stay keep their sound; levels glide to the
        new graph's. What it has no more fades out first. Raises what Mixer raises.
        """
        with self._gaps.only():
            mixer = self._build(graph, self._mixer)
        self._built = [self._mixer, mixer]  # freed by the main thread, not in the callback
        self.swapped.clear()
        self._parts_at = None
        self._next = mixer

    def free_former(self) -> None:
        """Free the mixers before the one that plays, once ``swapped`` tells; the callback goes on. Main thread."""
        with self._gaps.only():
            self._take_former_apart()

    def _take_former_apart(self) -> None:
        *former, heir = self._built
        for mixer in former:
            for _ in mixer.take_apart(heir):
                time.sleep(REST_SECONDS)
        self._built = [heir]

    def set_output(self, block_frames: int, latency_frames: int, *, steady: bool) -> None:
        """Take in what the output turned out to be; see ``output.base.Output``."""
        self._board.output(block_frames, latency_frames)
        self._clock.bandwidth_hz = DelayLockedLoop.STEADY_HZ if steady else DelayLockedLoop.BANDWIDTH_HZ

    def conduct(self, transport: NDArray[np.void]) -> None:
        """Begin the next block with these records: for an output that brings a transport. In its thread."""
        self._conducted = transport

    def keep_time(self, tempo_bpm: float, beats_per_bar: int, begin_frame: int) -> None:
        """Tell control the beats of an output that brings a transport; 0 beats a minute: it has none. In its thread."""
        told = np.zeros(1, REPORT)
        told["kind"], told["value"], told["serial"] = Report.BEATS, tempo_bpm, beats_per_bar
        told["requested_frame"], told["actual_frame"] = begin_frame, self._mixer.frame
        self._reporter.tell(told)

    def live(self) -> None:
        """Give a sign of life between blocks, for an output that may pause. In its thread."""
        self._beats.beat(Heart.AUDIO)

    def strip_output(self, strip: int) -> NDArray[np.float32]:
        """Return what a strip gave in the last block, (frames, 2), until the next one. In the output's thread."""
        return self._played.strip_output(strip)

    def tidy(self) -> None:
        """Clear the plug-ins that the callback has put aside. Main thread, now and then."""
        with self._gaps.only():
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
        self._gaps.begin()
        self._inside_since = time.monotonic()
        self._blocks.begin(len(out))
        try:
            self._play(out, unix_seconds, lost)
        except Exception as error:  # noqa: BLE001  the callback's edge: an exception would stop the device for good
            out[:] = 0.0
            self.fault = f"{type(error).__name__}: {error}"
            self.errors = self._board.error()
        self._blocks.end()
        self._inside_since = 0.0
        self._beats.beat(Heart.AUDIO)
        self._gaps.end()

    def _build(self, graph: Graph, before: Mixer | None = None) -> Mixer:
        mixer = Mixer(
            graph,
            sample_rate=self.sample_rate,
            arena=self._arena,
            max_block_frames=self._max_block_frames,
            max_players=self._max_players,
            before=before,
            watch=self._watch,
        )
        mixer.inlets.sources = self._inlets
        mixer.helper = self._helper
        mixer.touch()
        return mixer

    def _play(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        begun_ns = time.perf_counter_ns()
        if not self._begun:
            self._begin(unix_seconds)
        self._clock.update(unix_seconds, len(out), jumped=lost)
        if lost:
            self._board.lost(self._blocks.blame())
        swapped = self._show_heir()
        if self._next is not None and self._parts_at is None:
            self._parts_at = self._mixer.part(self._next)
            self._tell_control(Report.SWAPPED, 0)
        self._board.clock(self._mixer.frame, self._clock)
        taken = self._commands.position
        self._flowed = False
        try:
            count, published = self._listen()
            taken += count
            for start in range(0, len(out), self._max_block_frames):
                self._mix(out[start : start + self._max_block_frames])
            if count or published or swapped or self._flowed or self._board.callbacks % CHECKPOINT_BLOCKS == 0:
                self._keep(taken, len(out))
        finally:
            self._commands.move_to(taken)  # only now: whoever takes over hears again what was not yet kept
        self._board.block(self._mixer, len(out), self._generation)
        if self._next is not None and self._parts_at is not None and self._mixer.frame >= self._parts_at:
            self._hand_over(self._next)
        self._board.publish(time.perf_counter_ns() - begun_ns)

    def _keep(self, taken: int, frames: int) -> None:
        """Write the checkpoint of the block that ends now."""
        end_seconds = self._clock.block_seconds + frames / self.sample_rate
        self._checkpoint.write(self._mixer.packed(), taken, round(end_seconds * 1e9))

    def _begin(self, unix_seconds: float) -> None:
        self._begun = True
        if self._saved is not None:
            self._mix_unheard(self._present_frame(self._saved, unix_seconds))

    def _present_frame(self, saved: Saved, unix_seconds: float) -> int:
        """Return the frame of ``unix_seconds``, never one that was played already."""
        since = round(saved.seconds_until(unix_seconds) * self.sample_rate)
        return max(int(saved.state.stand["frame"][0]) + since, self._told_frame)

    def _mix_unheard(self, frame: int) -> None:
        """Mix up to ``frame`` unheard; reports of what was told before are dropped."""
        if frame - self._mixer.frame > LONGEST_SILENCE_SECONDS * self.sample_rate:
            self._mixer.dispatch(_panic())
            self._mix_unheard(self._mixer.frame + self._max_block_frames)
            self._mixer.frame = frame
        self._mixer.inlets.deaf = True  # what comes from outside is for those who hear it
        while (rest := frame - self._mixer.frame) > 0:
            self._mixer.process(min(rest, self._max_block_frames))
            reports = self._mixer.take_reports()
            self._reporter.tell(reports[reports["actual_frame"] >= self._told_frame])
        self._mixer.inlets.deaf = False

    def _hand_over(self, heir: Mixer) -> None:
        """Let another mixer go on from here, at the end of a block: the next one, its first, takes longer anyway.

        What the last block was is the former's until then.
        """
        heir.adopt(self._mixer)
        self._mixer, self._next = heir, None

    def _show_heir(self) -> bool:
        """Tell everybody of a mixer that has taken over; return whether one has."""
        if self._played is self._mixer:
            return False
        self._played = self._mixer  # main thread's list still has the one before, which is not freed here
        self._board.mixer(self._mixer, self._max_players)
        if self._next is None:
            self.swapped.set()
        return True

    def _listen(self) -> tuple[int, bool]:
        """Records first, then the timeline: so what was published before a record was pushed is there before it.

        Return how many records there were, and whether there was another timeline or a transport's word.
        """
        count = self._commands.peek_into(self._records)
        table = self._timeline.take()
        if table is not None:
            self._mixer.set_timeline(*table)
            self._generation = table[1]
        moves = self._automation.take()
        if moves is not None:
            self._mixer.set_automation(*moves)
        if count:
            self._tell_control(Report.TAKEN, self._commands.position + count)
            self._mixer.dispatch(self._records[:count])
        conducted, self._conducted = self._conducted, None
        if conducted is not None:
            self._mixer.dispatch(conducted)
        return count, not (table is None and moves is None and conducted is None)

    def _tell_control(self, kind: Report, serial: int) -> None:
        """Report something of the block that begins now: for the transcript."""
        self._told["kind"], self._told["serial"], self._told["actual_frame"] = kind, serial, self._mixer.frame
        self._reporter.tell(self._told)

    def _mix(self, out: NDArray[np.float32]) -> None:
        if self.shut.is_set():
            out[:] = 0.0
            return
        begin = self._mixer.frame
        out[:, :MAIN] = self._mixer.process(len(out))
        if out.shape[1] > MAIN:
            out[:, MAIN:] = self._mixer.private
        if self._curtain.apply(out):
            self.shut.set()
        self._tap.write(out[:, :MAIN])
        if self._mixer.lanes.used:
            self._taping.write(self._mixer, self._mixer.lanes, out[:, :MAIN], begin)
        if self._mixer.feeds.used:
            self._feeding.write(self._mixer, self._mixer.feeds, out[:, :MAIN], begin)
        self._report()

    def _report(self) -> None:
        reports = self._mixer.take_reports()
        if not len(reports) and not self._reporter.waiting:
            return
        reporter = self._reporter
        failed, of_streams = reporter.failed, reporter.of_streams
        reporter.tell(reports)
        if reporter.failed > failed:
            for strip in reports["strip"][reports["kind"] == _FAILED].tolist():
                self._board.failed(strip)
        self._flowed = self._flowed or reporter.of_streams > of_streams
        self._board.reports(reporter)


def _panic() -> NDArray[np.void]:
    """Return the record that ends everything: for a silence so long that nobody remembers what sounded."""
    block = records(1)
    block["kind"] = Kind.PANIC
    return block
