"""What a bounce is given before it asks: the DAW copies blocks without a word, while the next ones are mixed.

Whatever it asks is still told block by block, and counts: what was given ahead is only used while the DAW goes on as it
did. bridge/plugin/client.hpp is the other end of that.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from engine.daw.conductor import Conductor
from engine.daw.history import lay
from engine.daw.layout import REQUEST, RING_FRAMES, Flag, offset_of
from engine.daw.link import Slot
from engine.daw.score import Ask, Score
from engine.realtime.config import BOUNCE_FRAMES

_STREAM, _FRAME, _FRAMES, _GENERATION, _LOOP, _BUS = (
    offset_of(REQUEST, field) // 8
    for field in ("stream", "timeline_frame", "frames", "ahead_frames", "loop_start", "bus")
)
_LOW = 0xFFFFFFFF

AHEAD_FRAMES = 2 * BOUNCE_FRAMES
"""How far a bounce is mixed ahead of what has been asked for: one block is read while another one is mixed."""


class Given(msgspec.Struct, frozen=True):
    """What lies in a slot's ring. ask: the last one answered; flags: its own; cursor: the engine frame after it.

    shift: from engine frames to the slot's stream. until: the engine frame before which the ring is right. bus: whose
    sound it is.
    """

    ask: Ask
    flags: int
    cursor: int
    shift: int
    until: int
    bus: int

    def is_of(self, cursor: int, stream: int, bus: int) -> bool:
        """Whether what is read at ``cursor`` is what lies in the ring at ``stream``."""
        return (cursor + self.shift, bus) == (stream, self.bus)


class Ahead:
    """Who has been given what before it asked. The output's thread."""

    def __init__(self, conductor: Conductor, score: Score, slots: Sequence[Slot]) -> None:
        self._conductor, self._score, self._slots = conductor, score, slots
        self._given: dict[int, Given] = {}
        self._piece = np.zeros((AHEAD_FRAMES, 2), np.float32)

    def forget(self, number: int) -> None:
        """Know nothing more of a slot: its ring is right only up to what it has asked for."""
        self._given.pop(number, None)

    def take(self, number: int, cursor: int, stream: int, bus: int) -> Given | None:
        """Return what a slot has been given, and forget it; None: nothing, or not what it reads now."""
        given = self._given.pop(number, None)
        return given if given is not None and given.is_of(cursor, stream, bus) else None

    def give(self, number: int, given: Given) -> int:
        """Give a slot what is mixed of what it will ask for; return up to which engine frame its ring is right."""
        self._given[number] = more = self._more(self._slots[number], given)
        return more.until

    def count_on(self, number: int) -> tuple[int, int]:
        """Return how many requests of a bounce can be answered as one, and of how many frames; (0, 0): none.

        Those for what it has been given; and those beyond, where nobody can have another place of the timeline there.
        """
        given = self._given.get(number)
        if given is None:
            return 0, 0
        head = self._conductor.head
        leads = self._score.goes_on_until(given.cursor, given.ask, head) == head
        turns = self._score.loop_end(given.ask, head) >= 0
        most = AHEAD_FRAMES if leads and not turns else given.until - given.cursor
        return _count_on(self._slots[number], given, most)

    def mix(self) -> bool:
        """Mix what a bounce will ask for next, and give it; False when nothing was."""
        if not self._given:
            return False
        first, head = max(self._given.values(), key=lambda given: given.cursor), self._conductor.head
        until = head + BOUNCE_FRAMES
        turns_at = self._score.loop_end(first.ask, head)
        is_on = self._score.playing and self._score.goes_on_until(first.cursor, first.ask, head) == head
        if not is_on or until > first.cursor + AHEAD_FRAMES or head <= turns_at <= until:
            return False
        if not self._score.may_be_mixed(until, first.ask.at):
            return False
        self._conductor.mix_until(first.cursor, head + 1, first.ask, self._conductor.unix_seconds, in_blocks=True)
        for number, given in self._given.items():
            slot = self._slots[number]
            more = self._more(slot, given)
            if more.until > given.until:
                self._given[number] = more
                slot.give(more.until + more.shift)
        return True

    def _more(self, slot: Slot, given: Given) -> Given:
        """Lay into a slot's ring what is mixed of what it will ask for; return what it has then."""
        goes_on = self._score.goes_on_until(given.cursor, given.ask, self._conductor.head)
        until = max(given.cursor, min(goes_on, given.cursor + _room(slot)))
        if (frames := until - given.until) > 0:
            piece = self._piece[:frames]
            self._conductor.history.read(given.bus, given.until, frames, piece)
            lay(slot.ring, given.until + given.shift, piece)
        return msgspec.structs.replace(given, until=until)


def may_be_given_ahead(ask: Ask) -> bool:
    """Whether more than that can be given: a bounce goes on, as a rule."""
    return ask.offline and ask.playing and ask.follows


def _room(slot: Slot) -> int:
    """Return how many frames there may be in a slot's ring beyond what was asked for."""
    kept = int(slot.row["max_block_frames"]) + int(slot.row["latency_frames"])  # what it may still have to read
    return max(0, min(AHEAD_FRAMES, RING_FRAMES - kept))


def _count_on(slot: Slot, given: Given, most: int) -> tuple[int, int]:
    """Return how many of a slot's next requests go on from what it has read, and from each other, in the same way.

    They are one; also return of how many frames, ``most`` at most. (0, 0): none.
    """
    at = slot.taken % len(slot.requests)
    ask, count, frames = given.ask, 0, 0
    stream, frame = given.cursor + given.shift, ask.frame + ask.frames
    for words in slot.requests_as_words[at : at + slot.asked - slot.taken].tolist():
        # as words, since numpy takes a microsecond for each field
        more, flags = words[_FRAMES] & _LOW, words[_FRAMES] >> 32
        if (words[_STREAM], words[_FRAME], flags) != (stream + frames, frame + frames, given.flags):
            break
        if (words[_GENERATION] >> 32, words[_BUS] & _LOW) != (slot.generation, given.bus) or frames + more > most:
            break
        if flags & Flag.LOOP and tuple(words[_LOOP : _LOOP + 2]) != ask.loop:
            break
        count, frames = count + 1, frames + more
    return count, frames
