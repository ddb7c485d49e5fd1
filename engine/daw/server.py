"""The server: answers what plug-ins ask, in order, out of one mixer."""

from __future__ import annotations

import time

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.daw.ahead import AHEAD_FRAMES, Ahead, Given, may_be_given_ahead
from engine.daw.conductor import NOWHERE, Conductor
from engine.daw.desk import Desk
from engine.daw.history import lay
from engine.daw.layout import MAX_REQUEST_FRAMES, Flag, Refusal
from engine.daw.link import DawLink, Slot
from engine.daw.meter import Meter, meter_of
from engine.daw.notes import NoteSender
from engine.daw.score import ELSEWHERE, HISTORY_FRAMES, OTHER_HOST, WAIT, Ask, Passage, Score
from engine.output.base import Render
from engine.platform import process_lives

BUS_FADE_FRAMES = 256
"""How long an instance takes to go over to another bus."""
NOTES_PATIENCE_SECONDS = 2.0
LEAD_PATIENCE_SECONDS = 0.25
"""How long a bounce waits for what control makes of notes, and for an instance that may still bring some. Live both
have half of the latency."""
NOTES_LOOK_SECONDS, LOOK_SECONDS = 0.0002, 0.002

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
        self._link, self._desk, self._rate, self._notes = link, desk, sample_rate, notes
        self._score = Score(sample_rate)
        self._conductor = Conductor(desk, render, sample_rate, self._score, link.beat)
        self._ahead = Ahead(self._conductor, self._score, link.slots)
        self._served: dict[int, int] = {}
        self._reads_on: dict[int, int] = {}
        self._turns: dict[int, Turn] = {}
        self._keeps_up = False
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
        return not self._turns and not self._hears_notes() and self._ahead.mix()

    def idle(self, frames: int, unix_seconds: float) -> None:
        """Mix a block that nobody hears: so that the engine goes on without a DAW."""
        self._conductor.mix(frames, unix_seconds)
        self._introduce()

    def rest(self) -> None:
        """Nobody asks any more: what the DAW had playing stops. Instances of hosts that died are forgotten."""
        for number in tuple(self._served):
            if not process_lives(self._link.slots[number].host):
                self._forget(number)
        self._conductor.halt()

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
        self._ahead.forget(number)
        self._notes.let_go(number, self._conductor.head)

    def _forget(self, number: int) -> None:
        self._drop(number)
        del self._served[number]
        self._score.leave(number)
        self._keep()
        self._halt_unled()

    def _halt_unled(self) -> None:
        """Stop the story where whoever had it playing is gone, also if others stay who go their own way."""
        if not self._score.is_led:
            self._conductor.halt()

    def _keep(self, *others: int) -> None:
        """Keep what instances read."""
        self._conductor.keep({*self._served.values(), *others})

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
            count, on = (0, 0) if self._hears_notes() else self._ahead.count_on(number)
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

    def _find(self, number: int, slot: Slot, ask: Ask) -> tuple[int, Refusal] | None:
        """Return where a request reads, or why it does not; None: it has to wait. A jump is told the mixer."""
        if slot.row["sample_rate"] != self._rate:
            return NOWHERE, Refusal.OTHER_RATE
        mixing = [turn.ask.loop for turn in self._turns.values() if self._mixes(turn)]
        if mixing and (ask.loop not in mixing or self._score.jumps(number, ask, self._conductor.head)):
            return None  # first what is before
        place = self._score.place(number, ask, self._conductor.head)
        if place is WAIT:
            return None
        cursor = place.cursor
        if place.passage is not None:
            begins_bounce = ask.offline and ask.playing
            if begins_bounce:
                cursor += self._conductor.flush(number)
            self._conductor.go(Passage(cursor, place.passage.frame, place.passage.playing), as_new=begins_bounce)
        refused = {id(ELSEWHERE): Refusal.ELSEWHERE, id(OTHER_HOST): Refusal.OTHER_HOST}
        return cursor, refused.get(id(place), Refusal.SERVED)

    def _mixes(self, turn: Turn) -> bool:
        """Whether something has to be mixed for it."""
        return turn.refusal is Refusal.SERVED and turn.cursor + turn.frames > self._conductor.head

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
            and self._score.is_next(other, turn.ask, self._conductor.head)
            for other in self._served
        )  # fmt: skip

    def _answer(self, number: int, slot: Slot, turn: Turn) -> None:
        """Answer a request."""
        self.offline = turn.ask.offline
        done, refusal = turn.stream + turn.frames, turn.refusal
        if refusal is Refusal.SERVED:
            done = self._play(number, slot, turn)
            if not self._conductor.has(turn.bus):
                refusal = Refusal.NO_BUS
        else:
            self._reads_on.pop(number, None)
            self._ahead.forget(number)
            self._piece[: turn.frames] = 0.0
            lay(slot.ring, turn.stream, self._piece[: turn.frames])
        slot.answer(done, int(refusal), time.monotonic_ns(), turn.count)

    def _play(self, number: int, slot: Slot, turn: Turn) -> int:
        """Mix what is asked for and lay it into the slot's ring; return before which stream frame that is right."""
        ask, cursor, conductor = turn.ask, turn.cursor, self._conductor
        end, shift = cursor + turn.frames, turn.stream - cursor
        if ask.follows and turn.meter is not None:
            conductor.keep_time(turn.meter)
        if turn.bus != self._served[number]:
            self._keep(turn.bus)
        bounces = ask.offline and not self._hears_notes()
        conductor.mix_until(cursor, end, ask, turn.unix_seconds, in_blocks=bounces)
        given = self._ahead.take(number, cursor, turn.stream, turn.bus)
        if given is None or given.until < end:
            self._give(number, slot, turn)
        self._reads_on[number] = cursor + ask.frames
        is_there = conductor.has(turn.bus) and turn.bus == self._served[number]
        if not (bounces and is_there and may_be_given_ahead(ask)):
            return end + shift
        until = end if given is None else max(given.until, end)
        given = Given(ask, turn.flags, cursor + ask.frames, shift, until, turn.bus)
        return self._ahead.give(number, given) + shift

    def _hears_notes(self) -> bool:
        """Whether notes may come: then nothing is mixed before they are there."""
        return any(self._link.slots[number].row["takes_notes"] for number in self._served)

    def _give(self, number: int, slot: Slot, turn: Turn) -> None:
        """Lay into the slot's ring what the bus played that was asked for."""
        cursor, frames, bus, before = turn.cursor, turn.frames, turn.bus, self._served[number]
        came_from = self._reads_on.get(number, cursor)
        piece = self._piece[:frames]
        changes = bus != before and self._conductor.history.has(bus, cursor)
        self._conductor.history.read(bus if changes else before, cursor, frames, piece)
        skips = 0 < cursor - came_from < HISTORY_FRAMES // 2 and self._conductor.history.has(before, came_from)
        if (changes or skips) and not self.offline:
            self._fade(before, came_from if skips else cursor, piece)
        if changes:
            self._served[number] = bus
            self._keep()
        lay(slot.ring, turn.stream, piece)

    def _fade(self, before: int, cursor: int, piece: Audio) -> None:
        """Go over to ``piece`` from another bus, or from another place of the same one."""
        old = self._old[: len(piece)]
        self._conductor.history.read(before, cursor, len(old), old)
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
