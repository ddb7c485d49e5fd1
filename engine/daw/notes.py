"""Notes from a DAW: the audio process knows their frame, control what they mean. A ring between the two.

A note counts as taken once control has handed the mixer what came of it. Until then, and for as long as the DAW can
wait, the block is not mixed into which it falls: so it sounds at its own frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.daw.link import Slot
from engine.platform import wait_on_word, wake_word
from engine.realtime.memory import Segment
from engine.realtime.records import HEARD
from engine.realtime.ring import RingReader, RingWriter


class NoteSender:
    """The audio process's end: takes notes out of slots. The output's thread."""

    def __init__(self, segment: Segment) -> None:
        self._ring = RingWriter(segment, HEARD)
        self._word = segment.address  # the ring's count of what was written
        self._held: dict[int, set[tuple[int, int]]] = {}
        self._lost = 0

    @property
    def waiting(self) -> bool:
        """Whether control has not seen to all of them yet."""
        return len(self._ring) > 0

    def take(self, number: int, slot: Slot, stream: int, until: int, frame: int) -> bool:
        """Hand over a slot's notes before stream frame ``until``; return whether control is to be waited for.

        frame: where ``stream`` is for the engine; negative: the slot is not heard, and keys are only let go.
        """
        notes = slot.take_notes(until)
        if not len(notes):
            return False
        heard = np.zeros(len(notes), HEARD)
        heard["frame"] = max(frame, 0) + np.maximum(notes["stream"].astype(np.int64) - stream, 0)
        heard["size"], heard["bytes"] = notes["size"], notes["bytes"]
        lets_go = [self._note(number, note, is_heard=frame >= 0) for note in heard["bytes"]]
        return self._send(heard if frame >= 0 else heard[lets_go])

    def let_go(self, number: int, frame: int) -> None:
        """Let go of the keys that an instance held which is gone."""
        keys = sorted(self._held.pop(number, ()))
        heard = np.zeros(len(keys), HEARD)
        heard["frame"], heard["size"] = frame, 3
        for row, (status, key) in zip(heard, keys, strict=True):
            row["bytes"] = status, key, 0
        self._send(heard)

    def _note(self, number: int, message: NDArray[np.uint8], *, is_heard: bool) -> bool:
        """Keep in mind which keys are down; return whether the message lets one go."""
        status, key, value = (int(byte) for byte in message)
        if status & 0xE0 != 0x80:
            return False
        pressed, held = status & 0x10 != 0 and value > 0, self._held.setdefault(number, set())
        if not pressed:
            held.discard((0x80 | status & 0x0F, key))
        elif is_heard:
            held.add((0x80 | status & 0x0F, key))
        return not pressed

    def _send(self, heard: NDArray[np.void]) -> bool:
        if not len(heard):
            return False
        keeps_up = not self.waiting  # who has not seen to what was before is not waited for
        if self._lost:
            lost = np.zeros(1, HEARD)
            lost["frame"] = self._lost
            self._lost *= 1 - self._ring.push(lost)
        self._lost += len(heard) - self._ring.push(heard)
        wake_word(self._word)
        return keeps_up


class NoteReader:
    """Control's end. One thread."""

    def __init__(self, segment: Segment) -> None:
        self._ring = RingReader(segment, HEARD)
        self._word = segment.address
        self._written = segment.view("<u4", 0, 1)
        self._buffer = np.zeros(self._ring.capacity, HEARD)

    def wait(self, seconds: float) -> None:
        """Sleep until there are more notes than now, or for ``seconds``; may return early."""
        seen = int(self._written[0])
        if seen == self._ring.position & 0xFFFFFFFF:
            wait_on_word(self._word, seen, seconds)

    def read(self) -> list[tuple[int, bytes]]:
        """Return the notes that are to be seen to, frame and message, oldest first; ``done`` says that they are.

        Without a message: so many found no room.
        """
        rows = self._buffer[: self._ring.peek_into(self._buffer)]
        return [(int(row["frame"]), bytes(row["bytes"][: int(row["size"])])) for row in rows]

    def done(self, count: int) -> None:
        """Say that so many have been seen to."""
        self._ring.move_to(self._ring.position + count)
