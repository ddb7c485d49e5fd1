"""Lanes: which strips are recorded or sent elsewhere, and the kernel that puts a block of them on a tape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER
from engine.realtime.records import Kind, records
from engine.realtime.tape import (
    END,
    FRAMES,
    KIND,
    LANES,
    MASTER_LATENCY,
    MOST_LANES,
    SINCE,
    SIZE,
    SKIP,
    SOUND,
    START,
    STRIP_LATENCY,
    TAKE,
    UNIT_FLOATS,
    UNTIL,
)


class Lanes:
    """What a mixer records. All lanes of one recording begin and end together.

    strips: the graph index of each lane, -1: of a strip that is gone. used: how many lanes there are, 0: no recording.
    """

    def __init__(self) -> None:
        self.strips = np.full(MOST_LANES, -1, np.int32)
        self.used, self.take = 0, 0
        self.since, self.until = 0, NEVER

    def set(self, record: np.void, frame: int) -> None:
        """Do what a SET_RECORD record asks at engine ``frame``."""
        lane, take = int(record["index"]), int(record["serial"])
        if not 0 <= lane < MOST_LANES:
            return
        if not record["value"]:
            if take == self.take:
                self.until = min(self.until, frame)
            return
        if take != self.take:
            self.take, self.since, self.until, self.used = take, frame, NEVER, 0
        self.strips[lane] = record["strip"]
        self.used = max(self.used, lane + 1)

    def records(self) -> NDArray[np.void]:
        """Return the records that have another mixer of the same graph go on with it."""
        block = records(self.used)
        block["kind"], block["serial"], block["value"] = Kind.SET_RECORD, self.take, 1.0
        block["index"], block["strip"] = np.arange(self.used), self.strips[: self.used]
        return block

    def forget(self) -> None:
        """End the recording: all of it is on the tape."""
        self.used = 0

    def adopt(self, other: Lanes, places: NDArray[np.int32]) -> None:
        """Go on with what another mixer records, whose strips are at ``places`` here."""
        self.used, self.take, self.since, self.until = other.used, other.take, other.since, other.until
        if not self.used:
            return
        known = other.strips[: other.used]
        fits = (known >= 0) & (known < len(places))
        self.strips[: other.used] = np.where(fits, places[np.where(fits, known, 0)], -1)


class Feeds(Lanes):
    """What a mixer gives to others while it plays, for ever. A lane that nobody wants holds silence."""

    def set(self, record: np.void, frame: int) -> None:  # noqa: ARG002
        """Do what a SET_FEED record asks."""
        lane = int(record["index"])
        if 0 <= lane < MOST_LANES:
            self.strips[lane] = record["strip"] if record["value"] else -1
            self.used = int(np.flatnonzero(self.strips >= 0).max(initial=-1)) + 1

    def records(self) -> NDArray[np.void]:
        """Return the records that have another mixer of the same graph go on with it."""
        block = super().records()
        block["kind"], block["value"] = Kind.SET_FEED, self.strips[: self.used] >= 0
        return block


@kernel
def _head(tape: NDArray[np.float32], place: int, size: int, kind: int) -> NDArray[np.int64]:
    words = tape[place : place + UNIT_FLOATS].view(np.int64)
    words[SIZE] = size
    words[KIND] = kind
    return words


@kernel
def write_packet(
    tape: NDArray[np.float32],
    written: int,
    room: int,
    strips: NDArray[np.int32],
    lanes: int,
    master: int,
    outputs: NDArray[np.float32],
    final: NDArray[np.float32],
    head: NDArray[np.int64],
) -> int:
    """Put a block on the tape and return how much is written now; the same as before: there is no room.

    strips: the graph index of each of ``lanes`` lanes. outputs: (strips, capacity, 2); final: (frames, 2), what the
    lane of the ``master`` holds. head: the packet's header, its size and kind left out; no frames: the last packet.
    """
    frames = head[FRAMES]
    size = UNIT_FLOATS * (1 + (2 * lanes * frames + UNIT_FLOATS - 1) // UNIT_FLOATS)
    place = written % len(tape)
    rest = len(tape) - place
    skipped = rest if rest < size else 0
    if size + skipped > room:
        return written
    if skipped:
        _head(tape, place, skipped, SKIP)
        place = 0
    words = _head(tape, place, size, SOUND if frames else END)
    for index in (TAKE, LANES, START, FRAMES, SINCE, UNTIL, STRIP_LATENCY, MASTER_LATENCY):
        words[index] = head[index]
    at = place + UNIT_FLOATS
    for lane in range(lanes):
        strip = strips[lane]
        if strip == master:
            _copy(tape, at, final, frames)
        elif 0 <= strip < len(outputs):
            _copy(tape, at, outputs[strip], frames)
        else:
            tape[at : at + 2 * frames] = 0.0
        at += 2 * frames
    now: int = written + skipped + size
    return now


@kernel
def _copy(tape: NDArray[np.float32], at: int, block: NDArray[np.float32], frames: int) -> None:
    for i in range(frames):
        tape[at + 2 * i] = block[i, 0]
        tape[at + 2 * i + 1] = block[i, 1]
