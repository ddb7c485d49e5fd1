"""The mixer: records and the timeline into blocks. The only mixing path: live, in tests and for export."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.alignment import Alignment
from engine.mixer.automation import Automation
from engine.mixer.compile import bound
from engine.mixer.deck import Deck
from engine.mixer.faders import mix_level
from engine.mixer.graph import Graph
from engine.mixer.handover import FADE_SECONDS, Handover, go_on, part, plan_handover, waiting_for
from engine.mixer.hosted_insert import HostedInsert
from engine.mixer.inlets import Inlets
from engine.mixer.knobs import new_knobs, note
from engine.mixer.lanes import Feeds, Lanes
from engine.mixer.levels import NEVER
from engine.mixer.limiter import Limiter
from engine.mixer.meters import read_meters
from engine.mixer.panel import INSERTS, Panel, for_inserts
from engine.mixer.playback import Playback
from engine.mixer.rack import Rack
from engine.mixer.ramps import glide
from engine.mixer.relay import Leg
from engine.mixer.reports import new_reports, tell
from engine.mixer.runs import Planar, Run, runs_of
from engine.mixer.sharing import LONG_FRAMES, pass_all_through, pass_through
from engine.mixer.state import STAND, MixerState, Packed
from engine.mixer.strips import STAGGER, fail, new_strips
from engine.mixer.touching import touch
from engine.mixer.watch import NO_WATCH, Watch
from engine.realtime.records import REPORT, Kind, Report, joined

DECLICK_SECONDS = 0.005
"""The shortest fade and ramp: nothing ever steps."""

NOTHING_TOLD: NDArray[np.void] = np.zeros(0, REPORT)

Audio = NDArray[np.float32]


class Mixer:
    """One mixer of one graph. One thread calls it; it knows neither device nor clock.

    arena: float32, flat; clips lie in it interleaved. max_block_frames: the longest block that ``process`` takes.
    Nothing in it refers back to it: it is freed when it is let go of, since the audio process collects no garbage.
    Strip buffers are planar inside, as Pedalboard wants them; everything handed out is (frames, 2).
    before: the mixer that this one will ``adopt``: effects that both have are not built, but taken over. watch: hears
    of plug-ins by ``insert_word``. leg: its share of the graph, where other mixers do the rest; without plug-ins of
    others.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        sample_rate: int,
        arena: Audio,
        max_block_frames: int = 8192,
        max_players: int = 1024,
        before: Mixer | None = None,
        watch: Watch = NO_WATCH,
        leg: Leg | None = None,
    ) -> None:
        self.sample_rate, self.frame, self._leg = sample_rate, 0, leg
        self.lanes, self.feeds = Lanes(), Feeds()
        """What is being recorded; whoever writes it down forgets it at its end."""
        self.inlets = Inlets(sample_rate, max_block_frames)
        """What is heard from outside; whoever has sources gives them to it."""
        self.helper: Executor | None = None
        """What takes its share of the chains in long blocks, if anything does."""
        self.buses = tuple(spec.id if spec.lives else "" for spec in graph.strips)
        """The strips' ids by index, empty where there is none any more."""
        self.strip_ids = tuple(spec.id for spec in graph.strips)
        """The same with those that have left and ring out."""
        self.strip_names = tuple(spec.name for spec in graph.strips)
        """What people call the same strips, empty where that is their id."""
        self._graph, self._max_block = graph, max_block_frames
        self._planned = None if before is None else plan_handover(before._graph, graph)
        self._fade = max(1, round(DECLICK_SECONDS * sample_rate))
        self._reports, self._strips = new_reports(), new_strips(graph, max_block_frames)
        self._report_bytes = self._reports.rows.view(np.uint8)  # numpy copies structs field by field
        count = len(graph.strips)
        self._inputs = np.zeros((count, 2 * (max_block_frames + STAGGER)), np.float32)
        self._automation, self._knobs = Automation(self._fade), new_knobs()
        self._deck = Deck(self._reports, max_players, self._strips, self._knobs, self._inputs, arena, self._fade)
        only = None if leg is None else leg.strips
        self._rack: Rack = Rack(
            graph, sample_rate, max_block_frames, before=before._rack if before else None, watch=watch, only=only
        )
        self._alignment: Alignment = Alignment(
            graph, sample_rate, max_block_frames, self._strips, self._inputs, self._rack.latencies,
            before._alignment if before else None,
        )  # fmt: skip
        self._runs = runs_of(graph, self._rack.chains, only)
        self._limiter = Limiter(sample_rate, graph.limiter_db, max_block_frames)
        self._planar = Planar(self._inputs)
        self._outputs = np.zeros((count, max_block_frames + STAGGER, 2), np.float32)
        self._final = self._outputs[graph.master]
        self._premaster = np.zeros((max_block_frames, 2), np.float32)
        self._private = np.zeros((max_block_frames, 2), np.float32)
        self._private_strips = [index for index, spec in enumerate(graph.strips) if spec.kind == "private"]
        self._out = np.zeros((max_block_frames, 2), np.float32)
        self._meters = np.zeros((count, 2, 2), np.float32)
        self._playback = Playback(self._deck.players, self._reports, count, arena, self._fade)
        self._panel = Panel(
            self._strips, self._reports, self._rack, self._alignment.ducks, self._knobs, self._automation, sample_rate,
            self._fade,
        )  # fmt: skip
        self._mix_level = bound(
            mix_level, self._strips, self._reports, self._runs[0].strips, self._inputs, 0, 0, self._outputs,
            self._premaster, 0, self._alignment.ducks.gains, True, self._alignment.late,
        )  # fmt: skip
        self._epochs: list[tuple[int, int]] = []
        self._stand = np.zeros(STAND.itemsize // 8, np.int64)
        self._stand_bytes, self._knob_bytes = self._stand.view(np.uint8).data, self._knobs.rows.view(np.uint8).data
        self._panic_end = NEVER
        self._block_frames = 0

    @property
    def faults(self) -> dict[str, str]:
        """Why plug-ins could not be loaded, by effect."""
        return self._rack.faults

    @property
    def hosted(self) -> dict[tuple[str, int], tuple[str, HostedInsert]]:
        """All plug-ins: effect and insert, by the id of their strip and their key. Any thread."""
        return self._rack.hosted

    def switch_off(self, effects: Collection[str]) -> None:
        """Never call these plug-ins again; what they delayed stays as late. Before the first block."""
        self._rack.switch_off(effects)

    @property
    def strips(self) -> int:
        """How many strips there are."""
        return len(self._graph.strips)

    @property
    def timeline_frame(self) -> int:
        """Where the timeline stands at the next block's first frame."""
        return self._playback.timeline_frame

    @property
    def playing(self) -> bool:
        """Whether the timeline runs."""
        return self._playback.playing

    @property
    def active_players(self) -> int:
        """How many players sound."""
        return self._deck.active

    @property
    def latency_frames(self) -> int:
        """Frames by which the output is late: plug-ins, the look-ahead of ducking and of the limiter."""
        return self._alignment.frames + self._alignment.after_master + self._limiter.latency_frames

    @property
    def strip_latency_frames(self) -> int:
        """Frames by which the strips' outputs are late: plug-ins and the look-ahead of ducking."""
        return self._alignment.frames

    @property
    def premaster(self) -> Audio:
        """The last block before the master strip, (frames, 2): the sum of all track and bus outputs."""
        return self._premaster[: self._block_frames]

    @property
    def private(self) -> Audio:
        """The sum of all private buses in the last block, (frames, 2), valid until the next call."""
        mix = self._private[: self._block_frames]
        mix[:] = 0.0
        for strip in self._private_strips:
            mix += self._outputs[strip, : self._block_frames]
        return mix

    @property
    def master(self) -> int:
        """The index of the master."""
        return self._graph.master

    @property
    def outputs(self) -> Audio:
        """What ``strip_output`` reads of all strips: (strips, capacity, 2), the last block in front."""
        return self._outputs

    @property
    def failed(self) -> NDArray[np.int32]:
        """Which strips are silenced because an effect failed, one per strip."""
        return self._strips.failed

    @property
    def meters(self) -> NDArray[np.float32]:
        """Peak and RMS of the last block, linear: (strips, 2 channels, peak | rms)."""
        return self._meters

    def strip_output(self, index: int) -> Audio:
        """Return the last block of a strip, (frames, 2), behind its fader: what a stem holds."""
        return self._outputs[index, : self._block_frames]

    def take_reduction(self, out: NDArray[np.float32]) -> bool:
        """Write each strip's lowest gain by ducking since the last call into ``out``, linear; False: nothing ducks."""
        return self._alignment.take_reduction(out)

    @property
    def lowest_gains(self) -> NDArray[np.float64] | None:
        """What ``take_reduction`` would write, for those who set it to 1 themselves; None: nothing ducks."""
        return self._alignment.lowest_gains

    def take_reduction_db(self) -> float:
        """Return the limiter's largest gain reduction since the last call, 0 or less."""
        return self._limiter.take_reduction_db()

    def take_reports(self) -> NDArray[np.void]:
        """Return the reports (dtype REPORT) since the last call."""
        if not (used := int(self._reports.used[0])):
            return NOTHING_TOLD
        taken: NDArray[np.void] = self._report_bytes[: used * REPORT.itemsize].copy().view(REPORT)
        self._reports.used[0] = 0
        return taken

    def set_timeline(self, entries: NDArray[np.void], generation: int) -> None:
        """Play another compiled timeline (dtype ENTRY, sorted) from the next block on; clips that stay sound on.

        The table is not copied; it must stay as it is until the next one is set.
        """
        self._playback.set_entries(entries, self.frame)
        self._tell(Report.TIMELINE, serial=generation)

    def set_automation(self, moves: NDArray[np.void], generation: int) -> None:
        """Let the timeline make these moves (dtype AUTOMATION, sorted) from the next block on. Not copied."""
        self._automation.set_rows(moves)
        self._tell(Report.AUTOMATED, serial=generation)

    def dispatch(self, records: NDArray[np.void]) -> None:
        """Take live records (dtype RECORD): those for NOW act at the next block's first frame, others wait."""
        records, place = np.ascontiguousarray(records), 0
        while place < len(records):
            place = self._deck.take(records, place, self._automation.moves, self.frame)
            if place == len(records):
                return
            inserts = for_inserts(records[place:])
            if inserts:
                self._turn_inserts(records[place : place + inserts])
                place += inserts
            else:
                self._obey(records[place])
                place += 1

    def process(self, frames: int) -> Audio:
        """Return the next block after the limiter, (frames, 2), valid until the next call."""
        if frames > self._max_block:
            raise ValueError(f"a block has at most {self._max_block} frames, not {frames}")
        self._strips.meters[:] = 0.0
        self._block_frames = frames
        done = 0
        while done < frames:
            step = self._next_step(frames - done)
            self._mix(done, step)
            done += step
        read_meters(self._strips.meters, frames, self._meters)
        return self._out[:frames]

    def tidy(self) -> None:
        """Clear what inserts have put aside, for their next reset. Another thread, while ``process`` goes on."""
        self._rack.tidy()

    def take_apart(self, heir: Mixer) -> Iterator[None]:
        """Let go of one effect after the other that ``heir``, which has adopted this mixer, plays no more. Main thread.

        All at once they would keep the interpreter for milliseconds: a delay gives 12 MB back to the system.
        """
        return self._rack.take_apart(heir._rack)

    def touch(self) -> None:
        """Have all memory mapped, so that no block waits for the system. Before the first block."""
        self._deck.touch()
        touch((self._reports, self._knobs, self._strips))
        touch((self._inputs, self._outputs, self._premaster, self._private, self._out))
        self._alignment.touch()
        self._limiter.touch()

    def part(self, following: Mixer) -> int:
        """Fade out what ``following`` has no more; return the frame from which on it may adopt this mixer."""
        fade = round(FADE_SECONDS * self.sample_rate)
        handover = following._handover(self)
        part(self._strips, handover, self.frame, fade)
        self._deck.release_on(handover.ending, self.frame, fade)
        return self.frame + max(fade, self._let_listen(following))

    def _let_listen(self, following: Mixer) -> int:
        """Let what is late in ``following`` hear what it will be given; return for how long it has to."""
        places, chains = following._handover(self).places, len(self._rack.chains)
        new_latency = self._rack.let_listen(following._rack, places)
        if len(self._rack.chains) > chains:
            self._runs = runs_of(self._graph, self._rack.chains)
        return self._alignment.let_listen(following._alignment, places) + new_latency

    def packed(self) -> Packed:
        """Return where this mixer stands, as bytes that are valid until the next call of anything."""
        epoch = max(self._epochs)[0] if self._epochs else 0
        self._stand[:] = self.frame, *self._playback.stand, self._panic_end, epoch
        return Packed(
            self._stand_bytes,
            self._deck.sounding,
            self._deck.waiting.view(np.uint8).data,
            self._knob_bytes[: int(self._knobs.used[0]) * self._knobs.rows.itemsize],
            self._deck.players.table.itemsize,
        )

    def resume(self, state: MixerState) -> None:
        """Go on where a mixer of the same graph stood. Its effects' tails are not part of that.

        Call it before the first block; players that find no room end.
        """
        stand = state.stand[0]
        self.frame = int(stand["frame"])
        self._deck.resume(state, self.frame)
        self._resume_knobs(state.knobs.copy())
        self._playback.resume(stand)
        if stand["epoch"]:
            self._epochs.append((int(stand["epoch"]), max(self.frame, self._deck.released_by())))
        if self.frame < stand["panic_end"] < NEVER:
            self._panic(int(stand["panic_end"]) - self.frame)

    def _resume_knobs(self, knobs: NDArray[np.void]) -> None:
        """Turn what was turned: what had arrived is there, what had not arrives when it would have."""
        knobs["ramp_frames"] = np.maximum(0, knobs["ramp_frames"] - (self.frame - knobs["frame"]))
        inserts = np.isin(knobs["kind"], INSERTS)
        self._panel.resume(knobs[inserts], self.frame)
        for record in knobs[~inserts]:
            self._obey(record)

    def adopt(self, other: Mixer) -> None:
        """Go on where ``other``, of another graph, stands: frame, transport, timeline, players, what is scheduled.

        Strips are known by their places and ids; what still plays on one that is gone ends. Levels go on from where
        they are to those of this graph. ``other`` is of no use any more: its effects and its limiter are this one's.
        """
        self.frame = other.frame
        handover = self._handover(other)
        places = handover.places
        self._adopt_levels(other, handover, joined(other._deck.waiting, other._automation.held()))
        self._deck.adopt(other._deck, places, self.frame)
        self._playback.adopt(other._playback, places)
        self._automation.adopt(other._automation)
        self._panel.adopt(other._panel)
        self._epochs, self._panic_end = list(other._epochs), other._panic_end
        self.lanes.adopt(other.lanes, places)
        self.feeds.adopt(other.feeds, places)
        self.inlets.adopt(other.inlets, places)
        for held in (self.lanes, self.feeds, self.inlets):
            for record in held.records() if held.used else ():
                note(self._knobs, record, self.frame)

    def _handover(self, other: Mixer) -> Handover:
        """Return how this mixer follows ``other``: as planned when it was built, if it was for that one."""
        if self._planned is None or self._planned.old is not other._graph:
            self._planned = plan_handover(other._graph, self._graph)
        return self._planned

    def _adopt_levels(self, other: Mixer, handover: Handover, waiting: NDArray[np.void]) -> None:
        fade, places = round(FADE_SECONDS * self.sample_rate), handover.places
        go_on(self._strips, other._strips, handover, waiting_for(waiting), self.frame, fade)
        chains = len(self._rack.chains)
        self._rack.adopt(other._rack, places, waiting, self.frame, fade)
        if len(self._rack.chains) > chains:
            self._runs = runs_of(self._graph, self._rack.chains)
        self._alignment.adopt(other._alignment, handover, self.frame, fade)
        self._limiter = other._limiter
        if self._graph.limiter_db != other._graph.limiter_db:
            self._limiter.set_ceiling(self._graph.limiter_db, self.frame, fade)

    def _next_step(self, most: int) -> int:
        """Do what is due at this frame; return how many frames can be mixed in one go."""
        while self._deck.waits:
            inserts = self._deck.take_inserts(self.frame)
            record = None if len(inserts) else self._deck.take_due(self.frame)
            if len(inserts):
                self._turn_inserts(inserts)
            elif record is None:
                break
            elif not self._deck.do(record, self.frame):
                self._obey(record)
        most = self._deck.quiet_frames(self.frame, most)
        if self.frame >= self._panic_end:
            self._end_panic()
        heard = self._playback.timeline_frame - self._alignment.frames
        quiet = self._automation.run(heard, self._playback.playing, self.frame, self._panel.automate)
        return self._playback.cut(min(most, quiet, self._panic_end - self.frame))

    def _mix(self, done: int, step: int) -> None:
        frame, end = self.frame, done + step
        self._playback.start_clips(frame, step)  # first, so that a stop that is due later in this step finds them
        self._deck.play(frame, step)
        if self.inlets.used:
            self.inlets.add(self._inputs, step)
        self._alignment.hold_back(frame, step)
        self._premaster[done:end] = 0.0
        if self._leg is not None:
            self._leg.begin(self._inputs, self._premaster, done, step)
        for run in self._runs:
            self._mix_run(run, done, step)
        if self._leg is not None:
            self._leg.end(self._inputs, done, step)
        if self._leg is None or self._leg.is_last:
            self._limiter.process(self._final[done:end], self._out[done:end], frame)
        self.frame += step
        heard = self._playback.timeline_frame + step * self._playback.playing - self._alignment.frames
        self._automation.advance(heard, self._playback.playing)
        self._playback.advance(step, self.frame)
        if self._epochs:
            self._acknowledge()

    def _mix_run(self, run: Run, done: int, step: int) -> None:
        if self.helper is not None and step >= LONG_FRAMES and len(run.chained) > 1:
            self._share(run, step, self.helper)
        else:
            for strip, chain in run.chained:
                if not (self._strips.failed[strip] or pass_through(chain, self._planar(strip, step), self.frame)):
                    fail(self._strips, self._reports, strip, self.frame)
        self._alignment.keep(run.strips, self.frame, step)
        self._mix_level(
            self._strips,
            self._reports,
            run.strips,
            self._inputs,
            self.frame,
            step,
            self._outputs,
            self._premaster,
            done,
            self._alignment.ducks.gains,
            self._alignment.ducking,
            self._alignment.late,
        )

    def _share(self, run: Run, step: int, helper: Executor) -> None:
        chained = [(strip, chain, self._planar(strip, step)) for strip, chain in run.chained]
        chained = [each for each in chained if not self._strips.failed[each[0]]]
        for strip in pass_all_through(chained, self.frame, helper):
            fail(self._strips, self._reports, strip, self.frame)

    def _obey(self, record: np.void) -> None:
        """Do what a record that is not for players asks, at this frame."""
        if self._panel.obey(record, self.frame):
            return
        value = float(record["value"])
        match int(record["kind"]):
            case Kind.PLAY | Kind.STOP | Kind.LOCATE | Kind.SET_LOOP | Kind.STOP_AT:
                self._playback.obey(record, self.frame)
            case Kind.PANIC:
                self._panic(max(self._fade, int(record["ramp_frames"])))
            case Kind.FORGET:
                self._forget(self._rack.clear(self.frame))
            case Kind.EPOCH:
                self._epochs.append((int(record["serial"]), max(self.frame, self._deck.released_by())))
                self._acknowledge()
            case Kind.CLEAR_SCHEDULED:
                self._deck.clear_scheduled(self.frame)
            case Kind.SET_RECORD:
                self.lanes.set(record, self.frame)
            case Kind.SET_FEED:
                self.feeds.set(record, self.frame)
            case Kind.SET_INLET:
                self.inlets.set(record)
            case Kind.SET_LIMITER:
                self._limiter.set_ceiling(None if math.isnan(value) else value, self.frame, self._fade)

    def _turn_inserts(self, records: NDArray[np.void]) -> None:
        later = self._panel.turn_inserts(records, self.frame)
        if len(later):
            self._deck.take(later, 0, self._automation.moves, self.frame)

    def _panic(self, frames: int) -> None:
        """Fade everything out: players, tails, what is scheduled, the timeline."""
        self._deck.clear_scheduled(self.frame)
        self._playback.halt(self.frame)
        self._deck.release_all(self.frame, frames)
        glide(self._strips.ramps, len(self._strips.ramps) - 1, 0.0, self.frame, frames)
        self._panic_end = self.frame + frames

    def _end_panic(self) -> None:
        """Everything is silent: forget the tails and open up again, with a fade if something was started meanwhile."""
        self._forget(self._rack.reset(self.frame))
        fade = self._fade if self.active_players else 0
        glide(self._strips.ramps, len(self._strips.ramps) - 1, 1.0, self.frame, fade)
        self._panic_end = NEVER
        self._tell(Report.PANICKED)

    def _forget(self, failing: Iterator[int]) -> None:
        for strip in failing:
            fail(self._strips, self._reports, strip, self.frame)

    def _acknowledge(self) -> None:
        """Report those epochs before which every player that was stopped has ended."""
        for serial, frame in self._epochs:
            if frame <= self.frame:
                self._tell(Report.EPOCH, serial=serial)
        self._epochs = [epoch for epoch in self._epochs if epoch[1] > self.frame]

    def _tell(self, kind: Report, **fields: Any) -> None:
        tell(
            self._reports,
            int(kind),
            fields.get("strip", 0),
            fields.get("player", 0),
            fields.get("serial", 0),
            fields.get("requested", self.frame),
            self.frame,
            0.0,
        )
