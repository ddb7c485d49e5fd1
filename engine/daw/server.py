"""The server: answers what plug-ins ask, in order, out of one mixer."""

from __future__ import annotations

import time

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.daw.ahead import AHEAD_FRAMES, Given, count_on, may_be_given_ahead, room_ahead
from engine.daw.desk import Desk, transport
from engine.daw.history import History, lay
from engine.daw.layout import BUSES, MAX_REQUEST_FRAMES, Flag, Refusal
from engine.daw.link import DawLink, Slot
from engine.daw.meter import Meter, meter_of
from engine.daw.notes import NoteSender
from engine.daw.score import ELSEWHERE, HISTORY_FRAMES, OTHER_HOST, WAIT, Ask, Passage, Score
from engine.output.base import Render
from engine.platform import process_lives
from engine.realtime.config import BOUNCE_FRAMES
from engine.realtime.records import Kind, records

BUS_FADE_FRAMES = 256
"""How long an instance takes to go over to another bus."""
FLUSH_SECONDS = 1.0
"""What is mixed unheard before a bounce begins to play: so long the limiter and ducking remember what was before."""
NOTES_PATIENCE_SECONDS = 2.0
LEAD_PATIENCE_SECONDS = 0.25
"""How long a bounce waits for what control makes of notes, and for an instance that may still bring some. Live both
have half of the latency."""
NOTES_LOOK_SECONDS, LOOK_SECONDS = 0.0002, 0.002
NOWHERE = -1

Audio = NDArray[np.float32]


class Turn(msgspec.Struct, frozen=True):
    """A request that knows where it reads. frames: those ahead included; placed_at: by ``serve``'s clock.

    flags, bus: its own; count: how many requests it stands for.
    patience_seconds: how long it can wait for what comes of notes; lead_seconds: and for who may bring some.
    """

    ask: Ask
    meter: Meter | None
    stream: int
    frames: int
    cursor: int
    refusal: Refusal
    unix_seconds: float
    placed_at: float
    patience_seconds: float
    lead_seconds: float
    flags: int
    bus: int
    count: int


class Server:
    """Serves all slots of a link. The output's thread; ``render`` fills blocks with the main mix."""

    def __init__(self, link: DawLink, desk: Desk, render: Render, sample_rate: int, notes: NoteSender) -> None:
        self.asked_at = float("-inf")
        """When somebody was last answered, by the monotonic clock."""
        self.offline = False
        """Whether that was for a bounce."""
        self.waits_seconds = 0.0
        """Somebody can't be answered yet, and after so long there may be news; 0: nobody."""
        self._link, self._desk, self._render, self._rate, self._notes = link, desk, render, sample_rate, notes
        self._score = Score(sample_rate)
        self._history = History(HISTORY_FRAMES)
        self._served: dict[int, int] = {}
        self._reads_on: dict[int, int] = {}
        self._turns: dict[int, Turn] = {}
        self._given: dict[int, Given] = {}
        self._keeps_up = False
        self._head = 0
        self._rolls_at = NOWHERE
        self._meter: Meter | None = None
        self._jumped = False
        self._unix = 0.0
        self._out = np.zeros((BOUNCE_FRAMES, 2), np.float32)
        self._piece = np.zeros((max(2 * MAX_REQUEST_FRAMES, AHEAD_FRAMES), 2), np.float32)
        self._old = np.zeros((BUS_FADE_FRAMES, 2), np.float32)
        self._named: tuple[str, ...] | None = None
        self._introduce()

    @property
    def looks(self) -> bool:
        """Whether somebody asks without waking anybody: the link has to be looked at often."""
        return any(self._link.slots[number].row["looks"] for number in self._served)

    def serve(self, now: float) -> bool:
        """Answer all that can be answered; False when nothing was."""
        answered, slots = False, self._link.slots
        while True:
            for number, host in enumerate(self._link.hosts):
                if host or number in self._served:
                    self._greet(number, slots[number])
            waiting = [number for number in self._served if not self._place(number, slots[number], now)]
            ready = [number for number, turn in self._turns.items() if self._is_ready(number, turn, now)]
            for number in ready:
                self._answer(number, slots[number], self._turns.pop(number))
            if not ready:
                break
            answered = True
        look = NOTES_LOOK_SECONDS if self._turns and self._notes.waiting else LOOK_SECONDS
        self.waits_seconds = look if self._turns or waiting else 0.0
        if answered:
            self.asked_at = now
            self._introduce()
        return answered

    def mix_ahead(self) -> bool:
        """Mix, while nobody waits for an answer, what a bounce will ask for next; False when nothing was."""
        if self._turns or not self._given or self._hears_notes():
            return False
        first = max(self._given.values(), key=lambda given: given.cursor)
        until = self._head + BOUNCE_FRAMES
        turns_at = self._score.loop_end(first.ask, self._head)
        is_on = self._score.playing and self._score.goes_on_until(first.cursor, first.ask, self._head) == self._head
        if not is_on or until > first.cursor + AHEAD_FRAMES or self._head <= turns_at <= until:
            return False
        self._mix_until(first.cursor, self._head + 1, first.ask, self._unix)
        for number, given in self._given.items():
            slot = self._link.slots[number]
            more = self._give_ahead(slot, given)
            if more.until > given.until:
                self._given[number] = more
                slot.give(more.until + more.shift)
        return True

    def idle(self, frames: int, unix_seconds: float) -> None:
        """Mix a block that nobody hears: so that the engine goes on without a DAW."""
        self._mix(frames, unix_seconds)
        self._introduce()

    def rest(self) -> None:
        """Nobody asks any more: what the DAW had playing stops. Instances of hosts that died are forgotten."""
        for number in tuple(self._served):
            if not process_lives(self._link.slots[number].host):
                self._forget(number)
        self._halt()

    def _halt(self) -> None:
        """Stop what the DAW had playing, where it has got to."""
        if self._score.playing:
            self._score.stop(self._head)
            self._desk.conduct(transport(Passage(self._head, self._score.timeline(self._head), False)))
        self._rolls_at = NOWHERE
        self._keep_time(None)

    def _keep_time(self, meter: Meter | None) -> None:
        """Tell whose beats the timeline has, where that is news, and after each jump; None: nobody's but its own."""
        if meter is None and self._meter is not None:
            self._desk.keep_time(0.0, 0, 0)
        elif meter is not None and (self._jumped or not meter.is_like(self._meter)):
            self._desk.keep_time(meter.tempo_bpm, meter.beats_per_bar, meter.begin_frame)
            self._jumped = False
        else:
            return
        self._meter = meter

    def _introduce(self) -> None:
        """Tell plug-ins what buses there are and how late they come, where that is news."""
        buses = self._desk.buses
        if buses is not self._named:
            self._named = buses
            rings_out = [old if old not in buses else "" for old in self._desk.strip_ids]
            known = [bus or old for bus, old in zip(buses, rings_out, strict=True)]
            self._link.name_buses(known, self._desk.strip_names)
            self._keep()
        self._link.set_latency(self._desk.latency_frames, self._desk.strip_latency_frames)

    def _greet(self, number: int, slot: Slot) -> None:
        """See who has come and who has left."""
        host, generation = slot.host, slot.claim
        if not host:
            if number in self._served:
                self._forget(number)
        elif generation != slot.generation or (number not in self._served and slot.taken < slot.asked):
            if number in self._served:
                self._drop(number)
            slot.generation = generation
            self._served[number] = int(slot.row["bus"])
            self._score.join(number, host)
            self._keep()
            self._halt_unled()

    def _drop(self, number: int) -> None:
        """Answer nothing that was asked, and let go of what was pressed."""
        self._turns.pop(number, None)
        self._reads_on.pop(number, None)
        self._given.pop(number, None)
        self._notes.let_go(number, self._head)

    def _forget(self, number: int) -> None:
        self._drop(number)
        del self._served[number]
        self._score.leave(number)
        self._keep()
        self._halt_unled()

    def _halt_unled(self) -> None:
        """Stop the story where whoever had it playing is gone, also if others stay who go their own way."""
        if not self._score.is_led:
            self._halt()

    def _keep(self, *others: int) -> None:
        """Keep what instances read, and as much else as there is room for: one that comes later may read it."""
        wanted = {*self._served.values(), *others}
        rest = [bus for bus in range(len(self._desk.buses) + 1) if bus not in wanted and self._has(bus)]
        self._history.want(frozenset((*wanted, *rest[: self._history.room - len(wanted)])), self._head)

    def _place(self, number: int, slot: Slot, now: float) -> bool:
        """Find out where the next request of a slot reads, and take its notes; False: it has to wait for that."""
        while number not in self._turns and slot.taken < slot.asked:
            request = slot.requests[slot.taken % len(slot.requests)]
            frames, ahead = int(request["frames"]), int(request["ahead_frames"])
            if slot.claim != slot.generation:
                return True  # somebody has come meanwhile, and is greeted first
            if request["generation"] != slot.generation or not 0 < frames <= MAX_REQUEST_FRAMES >= ahead:
                slot.skip()
                continue
            count, on = self._count_on(number, slot)
            frames = on or frames
            ask = _ask(request, now, frames)
            found = self._find(number, slot, ask)
            if found is None:
                slot.hold()
                return False
            cursor, refusal = found
            stream, late = int(request["stream"]), int(slot.row["latency_frames"])
            patience = 0.5 * max(late, ahead) / self._rate
            last = slot.requests[(slot.taken + max(1, count) - 1) % len(slot.requests)]
            self._turns[number] = Turn(
                ask, meter_of(last, self._rate), stream, frames + ahead, cursor, refusal,
                _unix(int(request["asked_ns"])), now,
                NOTES_PATIENCE_SECONDS if ask.offline else patience,
                0.0 if late < frames and not ahead else LEAD_PATIENCE_SECONDS if ask.offline else patience,
                int(request["flags"]), int(request["bus"]), max(1, count),
            )  # fmt: skip
            if slot.row["takes_notes"]:
                frame = cursor + ahead if refusal is Refusal.SERVED else NOWHERE
                self._keeps_up = self._notes.take(number, slot, stream, stream + frames, frame) or self._keeps_up
        return True

    def _count_on(self, number: int, slot: Slot) -> tuple[int, int]:
        """Return how many requests of a bounce can be answered as one, and of how many frames; (0, 0): none.

        Those for what it has been given; and those beyond, where nobody can have another place of the timeline there.
        """
        given = self._given.get(number)
        if given is None or self._hears_notes():
            return 0, 0
        leads = self._score.goes_on_until(given.cursor, given.ask, self._head) == self._head
        turns = self._score.loop_end(given.ask, self._head) >= 0
        return count_on(slot, given, AHEAD_FRAMES if leads and not turns else given.until - given.cursor)

    def _find(self, number: int, slot: Slot, ask: Ask) -> tuple[int, Refusal] | None:
        """Return where a request reads, or why it does not; None: it has to wait. A jump is told the mixer."""
        if slot.row["sample_rate"] != self._rate:
            return NOWHERE, Refusal.OTHER_RATE
        mixing = [turn.ask.loop for turn in self._turns.values() if self._mixes(turn)]
        if mixing and (ask.loop not in mixing or self._score.jumps(number, ask, self._head)):
            return None  # first what is before
        place = self._score.place(number, ask, self._head)
        if place is WAIT:
            return None
        cursor = place.cursor
        if place.passage is not None:
            begins_bounce = ask.offline and ask.playing
            if begins_bounce:
                cursor += self._flush(number)
            self._go(Passage(cursor, place.passage.frame, place.passage.playing), as_new=begins_bounce)
        refused = {id(ELSEWHERE): Refusal.ELSEWHERE, id(OTHER_HOST): Refusal.OTHER_HOST}
        return cursor, refused.get(id(place), Refusal.SERVED)

    def _mixes(self, turn: Turn) -> bool:
        """Whether something has to be mixed for it."""
        return turn.refusal is Refusal.SERVED and turn.cursor + turn.frames > self._head

    def _is_ready(self, number: int, turn: Turn, now: float) -> bool:
        """Whether nothing can come any more that belongs into what has to be mixed."""
        waited = now - turn.placed_at
        if not self._mixes(turn):
            return True
        if waited >= turn.patience_seconds:
            self._keeps_up = self._keeps_up and not self._notes.waiting
            return True
        if self._keeps_up and self._notes.waiting:
            return False
        return waited >= turn.lead_seconds or not any(
            other != number and self._link.slots[other].row["takes_notes"] and other not in self._turns
            and self._score.is_next(other, turn.ask, self._head)
            for other in self._served
        )  # fmt: skip

    def _answer(self, number: int, slot: Slot, turn: Turn) -> None:
        """Answer a request."""
        ask, cursor, frames, refusal = turn.ask, turn.cursor, turn.frames, turn.refusal
        self.offline = ask.offline
        done = turn.stream + frames
        if refusal is Refusal.SERVED:
            if ask.follows and turn.meter is not None:
                self._keep_time(turn.meter)
            if (bus := turn.bus) != self._served[number]:
                self._keep(bus)
            self._mix_until(cursor, cursor + frames, ask, turn.unix_seconds)
            given = self._given.pop(number, None)
            if given is None or not given.is_of(cursor, turn.stream, bus):
                given = None
            if given is None or given.until < cursor + frames:
                self._give(number, slot, turn)
            if not self._has(bus):
                refusal = Refusal.NO_BUS
            elif may_be_given_ahead(ask) and bus == self._served[number] and not self._hears_notes():
                until = cursor + frames if given is None else max(given.until, cursor + frames)
                shift = turn.stream - cursor
                given = Given(ask, turn.flags, cursor + ask.frames, shift, until, self._served[number])
                given = self._given[number] = self._give_ahead(slot, given)
                done = given.until + shift
            self._reads_on[number] = cursor + ask.frames
        else:
            self._reads_on.pop(number, None)
            self._given.pop(number, None)
            self._piece[:frames] = 0.0
            lay(slot.ring, turn.stream, self._piece[:frames])
        slot.answer(done, int(refusal), time.monotonic_ns(), turn.count)

    def _give_ahead(self, slot: Slot, given: Given) -> Given:
        """Lay into a slot's ring what is mixed of what it will ask for; return what it has then."""
        goes_on = self._score.goes_on_until(given.cursor, given.ask, self._head)
        until = max(given.cursor, min(goes_on, given.cursor + room_ahead(slot)))
        if (frames := until - given.until) > 0:
            piece = self._piece[:frames]
            self._history.read(given.bus, given.until, frames, piece)
            lay(slot.ring, given.until + given.shift, piece)
        return msgspec.structs.replace(given, until=until)

    def _flush(self, number: int) -> int:
        """Let nothing of what was before be heard in a bounce: players, tails, memories. Return how long that took."""
        begin = self._head
        self._score.stop(begin)
        panic = records(1)
        panic["kind"] = Kind.PANIC
        self._desk.conduct(panic)
        end = begin + round(FLUSH_SECONDS * self._rate)
        while self._head < end:
            self._mix(min(BOUNCE_FRAMES, end - self._head), self._unix)
        self._score.shift(number, self._head - begin)
        return self._head - begin

    def _go(self, passage: Passage, *, as_new: bool = False) -> None:
        """Bring the mixer to a passage that begins with its next frame. as_new: with effects as an export has them."""
        self._score.told(passage)
        self._jumped = True
        self._desk.conduct(transport(passage, as_new=as_new))
        rolls_in = passage.playing and passage.frame < 0
        self._rolls_at = passage.begin - passage.frame if rolls_in else NOWHERE

    def _mix_until(self, cursor: int, until: int, ask: Ask, unix_seconds: float) -> None:
        """Mix what has not been mixed yet, round the DAW's loop where that ends, and across frame 0."""
        if self._head >= until:
            return
        self._score.mixed(cursor, cursor + ask.frames, ask.at)
        if ask.offline and not self._hears_notes():
            # in blocks of one size from where it began to play, whatever the DAW's are
            begun = self._score.begun
            until = begun - (begun - until) // BOUNCE_FRAMES * BOUNCE_FRAMES
        while (loop_end := self._score.loop_end(ask, self._head)) == self._head > cursor or self._head < until:
            if loop_end == self._head > cursor:
                self._go(Passage(self._head, ask.loop[0], True))
                continue
            if self._rolls_at == self._head:
                self._desk.conduct(transport(Passage(self._head, 0, True), as_new=ask.offline))
                self._rolls_at = NOWHERE
            edges = [until, self._head + (BOUNCE_FRAMES if ask.offline else MAX_REQUEST_FRAMES)]
            edges += [edge for edge in (loop_end, self._rolls_at) if edge > self._head]
            seconds = (self._head - cursor) / self._rate
            self._mix(min(edges) - self._head, self._unix if ask.offline else unix_seconds + seconds)

    def _hears_notes(self) -> bool:
        """Whether notes may come: then nothing is mixed before they are there."""
        return any(self._link.slots[number].row["takes_notes"] for number in self._served)

    def _mix(self, frames: int, unix_seconds: float) -> None:
        self._link.beat()
        out = self._out[:frames]
        self._render(out, unix_seconds, False)
        for bus in self._history.buses:
            block = out if bus == 0 else self._strip(bus, frames)
            self._history.write(bus, self._head, block)
        self._head += frames
        self._unix = unix_seconds + frames / self._rate

    def _strip(self, bus: int, frames: int) -> Audio:
        """Return what a strip gave in this block; silence where there is none, or the block failed."""
        if self._has(bus):
            block = self._desk.strip_output(bus - 1)
            if len(block) == frames:
                return block
        return np.zeros((frames, 2), np.float32)

    def _has(self, bus: int) -> bool:
        """Whether a bus sounds: also one that has left the story and rings out."""
        strips = self._desk.strip_ids
        return bus == 0 or (bus < BUSES and bus <= len(strips) and strips[bus - 1] != "")

    def _give(self, number: int, slot: Slot, turn: Turn) -> None:
        """Lay into the slot's ring what the bus played that was asked for."""
        cursor, frames, bus, before = turn.cursor, turn.frames, turn.bus, self._served[number]
        came_from = self._reads_on.get(number, cursor)
        piece = self._piece[:frames]
        changes = bus != before and self._history.has(bus, cursor)
        self._history.read(bus if changes else before, cursor, frames, piece)
        skips = 0 < cursor - came_from < HISTORY_FRAMES // 2 and self._history.has(before, came_from)
        if (changes or skips) and not self.offline:
            self._fade(before, came_from if skips else cursor, piece)
        if changes:
            self._served[number] = bus
            self._keep()
        lay(slot.ring, turn.stream, piece)

    def _fade(self, before: int, cursor: int, piece: Audio) -> None:
        """Go over to ``piece`` from another bus, or from another place of the same one."""
        old = self._old[: len(piece)]
        self._history.read(before, cursor, len(old), old)
        rise = (np.arange(len(old), dtype=np.float32) / len(old))[:, None]
        piece[: len(old)] = piece[: len(old)] * rise + old * (1.0 - rise)


def _ask(request: np.void, now: float, frames: int) -> Ask:
    flags = int(request["flags"])
    loops = bool(flags & Flag.LOOP)
    return Ask(
        frame=int(request["timeline_frame"]),
        frames=frames,
        ahead=int(request["ahead_frames"]),
        playing=bool(flags & Flag.PLAYING),
        follows=not flags & Flag.FREE,
        offline=bool(flags & Flag.OFFLINE),
        loop=(int(request["loop_start"]), int(request["loop_end"])) if loops else (0, 0),
        at=now,
    )


def _unix(asked_ns: int) -> float:
    """Return the wall time of a moment of the monotonic clock."""
    return time.time() - (time.monotonic_ns() - asked_ns) * 1e-9
