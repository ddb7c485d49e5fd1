"""The mixer: records and the timeline into blocks. The only mixing path: live, in tests and for export."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer import schedule as scheduling
from engine.mixer.automation import Automation
from engine.mixer.chain import Chain
from engine.mixer.ducking import DUCK_PARAMS, change_delay, delay, follow, follow_on, new_ahead, new_ducks, set_duck
from engine.mixer.faders import mix_level
from engine.mixer.graph import Graph, insert_word
from engine.mixer.handover import FADE_SECONDS, go_on, paired_sends, part, strip_places, waiting_for, waiting_params
from engine.mixer.hosted_insert import HostedInsert
from engine.mixer.lanes import Feeds, Lanes
from engine.mixer.latency import Late, arrive, follow_late, is_used, keep_heard, new_late, plan_latency
from engine.mixer.levels import NEVER
from engine.mixer.limiter import Limiter
from engine.mixer.playback import Playback
from engine.mixer.players import new_players, play, release_all, release_on, released_by
from engine.mixer.plugins import EffectFailed
from engine.mixer.ramps import glide
from engine.mixer.relay import Leg
from engine.mixer.reports import new_reports, tell
from engine.mixer.runs import Planar, Run, runs_of
from engine.mixer.state import STAND, MixerState, new_knobs, note
from engine.mixer.strips import GAIN, PAN, ROWS, fail, find_send, new_strips, turn
from engine.mixer.watch import NO_WATCH, Watch
from engine.params import DUCK
from engine.realtime.records import REPORT, Kind, Report

DECLICK_SECONDS = 0.005
"""The shortest fade and ramp: nothing ever steps."""

Audio = NDArray[np.float32]


def _tell_word(tell: Callable[[int], object], strip: int, key: int) -> None:
    tell(insert_word(strip, key))


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
        self.buses = tuple(spec.id if spec.lives else "" for spec in graph.strips)
        """The strips' ids by index, empty where there is none any more."""
        self._graph, self._arena, self._max_block = graph, arena, max_block_frames
        self._fade = max(1, round(DECLICK_SECONDS * sample_rate))
        self._reports, self._players = new_reports(), new_players(max_players)
        self._schedule, self._strips = scheduling.new_schedule(), new_strips(graph, max_block_frames)
        self._chains = self._build_chains(before, watch)
        self._plan = plan_latency(graph, self._chain_latencies(before))
        self._late = new_late(self._plan, 0 if before is None else before._plan.longest, max_block_frames)
        self._every_strip = np.arange(len(graph.strips), dtype=np.int32)
        self._heir: tuple[Late, NDArray[np.int32]] | None = None
        self._ducks = new_ducks(graph, sample_rate, max_block_frames, self._plan.total)
        self._ahead = new_ahead(graph, sample_rate)
        self._waiting = self._schedule.used
        self._runs = runs_of(graph, self._chains, None if leg is None else leg.strips)
        self._delays, self._ducking = self._ahead.ring.shape[2] > 1, len(self._ducks.keys) > 0
        self._limiter = Limiter(sample_rate, graph.limiter_db, max_block_frames)
        count = len(graph.strips)
        self._inputs = np.zeros((count, 2 * max_block_frames), np.float32)
        self._planar = Planar(self._inputs)
        self._outputs = np.zeros((count, max_block_frames, 2), np.float32)
        self._final = self._outputs[graph.master]
        self._premaster = np.zeros((max_block_frames, 2), np.float32)
        self._private = np.zeros((max_block_frames, 2), np.float32)
        self._private_strips = [index for index, spec in enumerate(graph.strips) if spec.kind == "private"]
        self._out = np.zeros((max_block_frames, 2), np.float32)
        self._meters = np.zeros((count, 2, 2), np.float32)
        self._playback = Playback(self._players, self._reports, count, arena, self._fade)
        self._automation = Automation(self._fade)
        self._epochs: list[tuple[int, int]] = []
        self._knobs, self._stand = new_knobs(), np.zeros(1, STAND)
        self._panic_end = NEVER
        self._block_frames = 0

    def _build_chains(self, before: Mixer | None, watch: Watch) -> dict[int, Chain]:
        """Build the effects that ``before`` has not got."""
        old = self._chains_of(before)
        chains: dict[int, Chain] = {}
        for index, spec in enumerate(self._graph.strips):
            if spec.inserts and (self._leg is None or index in self._leg.strips):
                kept = old[index].keys if index in old else ()
                own = Watch(partial(_tell_word, watch.loading, index), partial(_tell_word, watch.running, index))
                chains[index] = Chain(
                    spec.inserts, self.sample_rate, self._max_block, spec.insert_keys, kept, self._graph.spec, own
                )
        return chains

    def _chains_of(self, before: Mixer | None) -> dict[int, Chain]:
        """Return the chains of ``before`` by the places that their strips have here."""
        if before is None:
            return {}
        places = strip_places(before._graph, self._graph)
        return {int(places[i]): chain for i, chain in before._chains.items() if places[i] >= 0}

    def _chain_latencies(self, before: Mixer | None) -> list[int]:
        """Return how late each strip's chain will be."""
        old = self._chains_of(before)
        latencies = [0] * len(self._graph.strips)
        for index, chain in self._chains.items():
            latencies[index] = chain.latency_after(old.get(index))
        return latencies

    @property
    def faults(self) -> dict[str, str]:
        """Why plug-ins could not be loaded, by effect."""
        return {effect: text for chain in self._chains.values() for effect, text in chain.faults.items()}

    def switch_off(self, effects: Collection[str]) -> None:
        """Never call these plug-ins again; what they delayed stays as late. Before the first block."""
        for index, chain in self._chains.items():
            spec = self._graph.strips[index]
            for key, insert in zip(spec.insert_keys, spec.inserts, strict=True):
                if insert.effect in effects:
                    chain.switch_off(key)

    @property
    def hosted(self) -> dict[tuple[str, int], tuple[str, HostedInsert]]:
        """All plug-ins: effect and insert, by the id of their strip and their key. Any thread."""
        strips = self._graph.strips
        return {
            (strips[index].id, key): insert
            for index, chain in tuple(self._chains.items())
            for key, insert in chain.hosted.items()
        }

    @property
    def strips(self) -> int:
        """How many strips there are."""
        return len(self._graph.strips)

    @property
    def strip_ids(self) -> tuple[str, ...]:
        """The strips' ids, by index."""
        return tuple(strip.id for strip in self._graph.strips)

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
        return int(self._players.used[0])

    @property
    def latency_frames(self) -> int:
        """Frames by which the output is late: plug-ins, the look-ahead of ducking and of the limiter."""
        master = self._plan.leaves[self._graph.master] - self._plan.total
        return self.strip_latency_frames + master + self._limiter.latency_frames

    @property
    def strip_latency_frames(self) -> int:
        """Frames by which the strips' outputs are late: plug-ins and the look-ahead of ducking."""
        return int(self._ahead.taps[1]) + self._plan.total

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
        if not len(self._ducks.keys):
            return False
        out[:] = self._ducks.reduction[: len(out)]
        self._ducks.reduction[:] = 1.0
        return True

    def take_reduction_db(self) -> float:
        """Return the limiter's largest gain reduction since the last call, 0 or less."""
        return self._limiter.take_reduction_db()

    def take_reports(self) -> NDArray[np.void]:
        """Return the reports (dtype REPORT) since the last call."""
        taken: NDArray[np.void] = self._reports.rows[: self._reports.used[0]].copy()
        self._reports.used[0] = 0
        return taken if len(taken) else np.zeros(0, REPORT)

    def set_timeline(self, entries: NDArray[np.void], generation: int) -> None:
        """Play another compiled timeline (dtype ENTRY, sorted) from the next block on; clips that stay sound on.

        The table is not copied; it must stay as it is until the next one is set.
        """
        self._playback.set_entries(entries, self.frame)
        self._tell(Report.TIMELINE, serial=generation)

    def set_automation(self, moves: NDArray[np.void]) -> None:
        """Let the timeline make these moves (dtype AUTOMATION, sorted) from the next block on. Not copied."""
        self._automation.set_rows(moves)

    def dispatch(self, records: NDArray[np.void]) -> None:
        """Take live records (dtype RECORD): those for NOW act at the next block's first frame, others wait."""
        place = 0
        while place < len(records):
            place = scheduling.take(
                self._schedule, self._players, self._reports, records, place, self._strips, self._knobs,
                self._automation.moves, self._arena, self.frame, self._fade,
            )  # fmt: skip
            if place < len(records):
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
        self._read_meters(frames)
        return self._out[:frames]

    def tidy(self) -> None:
        """Clear what inserts have put aside, for their next reset. Another thread, while ``process`` goes on."""
        for chain in tuple(self._chains.values()):
            with contextlib.suppress(EffectFailed):  # its strip is told when it is heard
                chain.tidy()

    def part(self, following: Mixer) -> int:
        """Fade out what ``following`` has no more; return the frame from which on it may adopt this mixer."""
        fade = round(FADE_SECONDS * self.sample_rate)
        ending = part(self._strips, self._graph, following._graph, self.frame, fade)
        release_on(self._players, ending, self.frame, fade)
        return self.frame + max(fade, self._let_listen(following))

    def _let_listen(self, following: Mixer) -> int:
        """Let what is late in ``following`` hear what it will be given; return for how long it has to."""
        new = {place: chain for place, chain in following._chains.items() if chain.hosts}
        places = strip_places(self._graph, following._graph)
        for index, place in enumerate(places.tolist()):
            if place in new:
                if index not in self._chains:
                    self._chains[index] = Chain((), self.sample_rate, self._max_block)
                self._chains[index].let_listen(new[place])
        self._runs = runs_of(self._graph, self._chains)
        if is_used(following._late):
            self._heir = following._late, places
        longest = max(self._plan.longest, following._plan.longest)  # both delays are taken from the rings
        return longest + max((chain.new_latency for chain in new.values()), default=0)

    def state(self) -> MixerState:
        """Return where this mixer stands, as views that are valid until the next call of anything."""
        stand, waiting = self._stand[0], self._schedule.order[: self._schedule.used[0]]
        stand["frame"], stand["panic_end"] = self.frame, self._panic_end
        stand["epoch"] = max((serial for serial, _ in self._epochs), default=0)
        self._playback.note(stand)
        players = self._players.table[: self.active_players]
        return MixerState(self._stand, players, self._schedule.slots[waiting], self._knobs.turned)

    def resume(self, state: MixerState) -> None:
        """Go on where a mixer of the same graph stood. Its effects' tails are not part of that.

        Call it before the first block; players that find no room end.
        """
        stand = state.stand[0]
        self.frame = int(stand["frame"])
        players = state.players[state.players["strip"] < self.strips][: len(self._players.table)]
        self._players.table[: len(players)] = players
        self._players.used[0] = len(players)
        for record in state.waiting:
            scheduling.put(self._schedule, self._reports, record, self.frame)
        for record in state.knobs:
            self._obey(record)
        self._playback.resume(stand)
        if stand["epoch"]:
            self._epochs.append((int(stand["epoch"]), max(self.frame, released_by(self._players))))
        if self.frame < stand["panic_end"] < NEVER:
            self._panic(int(stand["panic_end"]) - self.frame)

    def adopt(self, other: Mixer) -> None:
        """Go on where ``other``, of another graph, stands: frame, transport, timeline, players, what is scheduled.

        Strips are known by their places and ids; what still plays on one that is gone ends. Levels go on from where
        they are to those of this graph. ``other`` is of no use any more: its effects and its limiter are this one's.
        """
        self.frame = other.frame
        places = strip_places(other._graph, self._graph)
        count = other.active_players
        self._players.table[:count] = other._players.table[:count]
        self._players.used[0] = count
        strips = self._players.table["strip"]
        strips[:count] = places[strips[:count]]
        self._end_homeless(count)
        waiting = other._schedule.slots[other._schedule.order[: other._schedule.used[0]]]
        self._adopt_levels(other, places, waiting)
        self._adopt_schedule(waiting, places)
        self._playback.adopt(other._playback, places)
        self._automation.adopt(other._automation)
        self._epochs, self._panic_end = list(other._epochs), other._panic_end
        for mine, others in ((self.lanes, other.lanes), (self.feeds, other.feeds)):
            mine.adopt(others, places)
            for record in mine.records():
                note(self._knobs, record)

    def _adopt_levels(self, other: Mixer, places: NDArray[np.int32], waiting: NDArray[np.void]) -> None:
        fade = round(FADE_SECONDS * self.sample_rate)
        go_on(self._strips, self._graph, other._strips, other._graph, waiting_for(waiting), self.frame, fade)
        old = {int(places[index]): (index, chain) for index, chain in other._chains.items() if places[index] >= 0}
        for place in {*old, *self._chains}:
            if place not in self._chains:  # nothing any more but what rings out
                self._chains[place] = Chain((), self.sample_rate, self._max_block)
            index, chain = old.get(place, (-1, None))
            self._chains[place].adopt(chain, self.frame, fade, waiting_params(waiting, index))
        self._runs = runs_of(self._graph, self._chains)
        if is_used(self._late):
            sends = paired_sends(other._strips, self._strips, places)
            follow_late(self._late, other._late, places, sends, self.frame, fade)
        self._ducking = self._ducking or other._ducking  # what was ducked comes back up
        follow_on(self._ducks, self._ahead, self._graph, other._ducks, other._ahead, places)
        change_delay(self._ahead, int(other._ahead.taps[1]), self.frame, fade)
        self._limiter = other._limiter
        if self._graph.limiter_db != other._graph.limiter_db:
            self._limiter.set_ceiling(self._graph.limiter_db, self.frame, fade)

    def _end_homeless(self, count: int) -> None:
        table, kept = self._players.table, 0
        for row in range(count):
            if table["strip"][row] < 0:
                player, serial = int(table["player"][row]), int(table["serial"][row])
                self._tell(Report.ENDED, player=player, serial=serial, requested=int(table["requested"][row]))
                continue
            table[kept] = table[row]
            kept += 1
        self._players.used[0] = kept

    def _adopt_schedule(self, waiting: NDArray[np.void], places: NDArray[np.int32]) -> None:
        for record in waiting:
            strip = int(record["strip"])
            if 0 <= strip < len(places):  # beyond: of a strip that has only now been added
                record["strip"] = places[strip]
            scheduling.put(self._schedule, self._reports, record, self.frame)

    def _next_step(self, most: int) -> int:
        """Do what is due at this frame; return how many frames can be mixed in one go."""
        while self._waiting[0]:
            slot = scheduling.take_cut(self._schedule, self.frame)
            if slot < 0:
                most = min(most, scheduling.next_cut(self._schedule) - self.frame)
                break
            self._do_due(slot)
        if self.frame >= self._panic_end:
            self._end_panic()
        heard = self._playback.timeline_frame - self.strip_latency_frames
        quiet = self._automation.run(heard, self._playback.playing, self.frame, self._automate)
        return self._playback.cut(min(most, quiet, self._panic_end - self.frame))

    def _do_due(self, slot: int) -> None:
        record = self._schedule.slots[slot].copy()
        if scheduling.is_for_players(record["kind"]):
            scheduling.apply_to_players(
                self._schedule,
                self._players,
                self._reports,
                record,
                self.strips,
                self._arena,
                self.frame,
                self._fade,
            )
        else:
            self._obey(record)

    def _mix(self, done: int, step: int) -> None:
        frame, end = self.frame, done + step
        self._playback.start_clips(frame, step)  # first, so that a stop that is due later in this step finds them
        if self._waiting[0]:
            scheduling.play_due(
                self._schedule, self._players, self._reports, self.strips, self._arena, frame + step, self._fade
            )
        play(self._players, self._reports, self._arena, frame, step, self._inputs, self._fade)
        if self._ducking:
            follow(self._ducks, self._strips, self._inputs, frame, step)
        if self._delays:
            delay(self._ahead, self._inputs, frame, step)
        if is_used(self._late):
            arrive(self._late, self._inputs, frame, step)
        if self._heir is not None:
            late, places = self._heir
            keep_heard(late.played, places, self._every_strip, self._inputs, frame, step)
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
        heard = self._playback.timeline_frame + step * self._playback.playing - self.strip_latency_frames
        self._automation.advance(heard, self._playback.playing)
        self._playback.advance(step, self.frame)
        if self._epochs:
            self._acknowledge()

    def _mix_run(self, run: Run, done: int, step: int) -> None:
        for strip, chain in run.chained:
            if not self._strips.failed[strip]:
                self._run_chain(strip, chain, step)
        if self._heir is not None:
            late, places = self._heir
            keep_heard(late.heard, places, run.strips, self._inputs, self.frame, step)
        mix_level(
            self._strips,
            self._reports,
            run.strips,
            self._inputs,
            self.frame,
            step,
            self._outputs,
            self._premaster,
            done,
            self._ducks.gains,
            self._ducking,
            self._late,
        )

    def _run_chain(self, strip: int, chain: Chain, step: int) -> None:
        block = self._planar(strip, step)
        try:
            block[:] = chain.process(block, self.frame)
        except EffectFailed:
            block[:] = 0.0
            fail(self._strips, self._reports, strip, self.frame)

    def _obey(self, record: np.void) -> None:
        """Do what a record that is not for players asks, at this frame."""
        kind, value = int(record["kind"]), float(record["value"])
        self._touch(record)
        note(self._knobs, record)
        if turn(self._strips, record, self.frame, self._fade):
            return
        match kind:
            case Kind.PLAY | Kind.STOP | Kind.LOCATE | Kind.SET_LOOP | Kind.STOP_AT:
                self._playback.obey(record, self.frame)
            case Kind.SET_INSERT | Kind.SET_BYPASS:
                self._set_insert(record)
            case Kind.SET_DUCK:
                self._set_duck(int(record["strip"]), int(record["param"]), value)
            case Kind.PANIC:
                self._panic(max(self._fade, int(record["ramp_frames"])))
            case Kind.EPOCH:
                self._epochs.append((int(record["serial"]), max(self.frame, released_by(self._players))))
                self._acknowledge()
            case Kind.CLEAR_SCHEDULED:
                scheduling.clear(self._schedule, self._reports, self.frame)
            case Kind.SET_RECORD:
                self.lanes.set(record, self.frame)
            case Kind.SET_FEED:
                self.feeds.set(record, self.frame)
            case Kind.SET_LIMITER:
                self._limiter.set_ceiling(None if math.isnan(value) else value, self.frame, self._fade)

    def _set_insert(self, record: np.void) -> None:
        """Move a knob or a bypass; a record for an insert that this graph does not have is of an older graph."""
        strip, value = int(record["strip"]), float(record["value"])
        chain = self._chains.get(strip)
        insert, frames = int(record["index"]), max(self._fade, int(record["ramp_frames"]))
        if chain is None or insert not in chain or not math.isfinite(value):
            return
        try:
            if record["kind"] == Kind.SET_BYPASS:
                chain.set_bypass(insert, bool(value), self.frame, frames)
            else:
                chain.set_param(insert, int(record["param"]), value, self.frame, frames)
        except EffectFailed:
            fail(self._strips, self._reports, strip, self.frame)

    def _touch(self, record: np.void) -> None:
        """Whoever turns a knob has it until the timeline is started or located."""
        kind = int(record["kind"])
        if kind in (Kind.PLAY, Kind.LOCATE):
            self._automation.let_go()
        elif kind in (Kind.SET_GAIN, Kind.SET_PAN, Kind.SET_SEND, Kind.SET_INSERT):
            key = int(record["index"]) if kind in (Kind.SET_SEND, Kind.SET_INSERT) else 0
            param = int(record["param"]) if kind == Kind.SET_INSERT else 0
            self._automation.touch(kind, int(record["strip"]), key, param)

    def _automate(self, move: np.void, value: float, frames: int) -> None:
        """Carry out a move of the timeline."""
        strip, key, ramps = int(move["strip"]), int(move["key"]), self._strips.ramps
        if not 0 <= strip < self.strips:
            return
        match int(move["kind"]):
            case Kind.SET_GAIN:
                glide(ramps, ROWS * strip + GAIN, value, self.frame, frames)
            case Kind.SET_PAN:
                glide(ramps, ROWS * strip + PAN, value, self.frame, frames)
            case Kind.SET_SEND if (send := find_send(self._strips, strip, key)) >= 0:
                glide(ramps, ROWS * self.strips + send, value, self.frame, frames)
            case Kind.SET_INSERT if key in self._chains.get(strip, ()):
                with contextlib.suppress(EffectFailed):  # its strip is told when it is heard
                    self._chains[strip].set_param(key, int(move["param"]), value, self.frame, frames)

    def _set_duck(self, strip: int, param: int, value: float) -> None:
        if 0 <= strip < self.strips and 0 <= param < len(DUCK_PARAMS) and math.isfinite(value):
            knob = DUCK[DUCK_PARAMS[param]]
            value = min(knob.high, max(knob.low, value))
            set_duck(self._ducks, strip, DUCK_PARAMS[param], value, self.sample_rate)

    def _panic(self, frames: int) -> None:
        """Fade everything out: players, tails, what is scheduled, the timeline."""
        scheduling.clear(self._schedule, self._reports, self.frame)
        self._playback.halt(self.frame)
        release_all(self._players, self.frame, frames)
        glide(self._strips.ramps, len(self._strips.ramps) - 1, 0.0, self.frame, frames)
        self._panic_end = self.frame + frames

    def _end_panic(self) -> None:
        """Everything is silent: forget the tails and open up again, with a fade if something was started meanwhile."""
        for strip, chain in self._chains.items():
            try:
                chain.reset(self.frame)
            except EffectFailed:
                fail(self._strips, self._reports, strip, self.frame)
        fade = self._fade if self.active_players else 0
        glide(self._strips.ramps, len(self._strips.ramps) - 1, 1.0, self.frame, fade)
        self._panic_end = NEVER
        self._tell(Report.PANICKED)

    def _acknowledge(self) -> None:
        """Report those epochs before which every player that was stopped has ended."""
        for serial, frame in self._epochs:
            if frame <= self.frame:
                self._tell(Report.EPOCH, serial=serial)
        self._epochs = [epoch for epoch in self._epochs if epoch[1] > self.frame]

    def _read_meters(self, frames: int) -> None:
        self._meters[:, :, 0] = self._strips.meters[:, :, 0]
        np.sqrt(self._strips.meters[:, :, 1] / max(1, frames), out=self._meters[:, :, 1], casting="same_kind")

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
