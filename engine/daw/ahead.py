"""What a bounce is given before it asks: the DAW copies blocks without a word, while the next ones are mixed.

Whatever it asks is still told block by block, and counts: what was given ahead is only used while the DAW goes on as it
did. bridge/plugin/client.hpp is the other end of that.
"""

from __future__ import annotations

import msgspec

from engine.daw.layout import REQUEST, RING_FRAMES, Flag, offset_of
from engine.daw.link import Slot
from engine.daw.score import Ask
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


def may_be_given_ahead(ask: Ask) -> bool:
    """Whether more than that can be given: a bounce goes on, as a rule."""
    return ask.offline and ask.playing and ask.follows


def room_ahead(slot: Slot) -> int:
    """Return how many frames there may be in a slot's ring beyond what was asked for."""
    kept = int(slot.row["max_block_frames"]) + int(slot.row["latency_frames"])  # what it may still have to read
    return max(0, min(AHEAD_FRAMES, RING_FRAMES - kept))


def count_on(slot: Slot, given: Given, most: int) -> tuple[int, int]:
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
