"""Taping: the audio process hands every block of what is recorded, or sent elsewhere, to the io process."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.mixer.lanes import Lanes, write_packet
from engine.mixer.mixer import Mixer
from engine.realtime.memory import Segment
from engine.realtime.tape import (
    FRAMES,
    LANES,
    MASTER_LATENCY,
    SINCE,
    START,
    STRIP_LATENCY,
    TAKE,
    UNIT_FLOATS,
    UNTIL,
    TapeWriter,
)


class Taping:
    """The callback's end of the tape. Nothing is allocated and nobody waits: what finds no room is counted as lost."""

    def __init__(self, segment: Segment) -> None:
        self._tape = TapeWriter(segment)
        self._head = np.zeros(UNIT_FLOATS // 2, np.int64)

    def write(self, mixer: Mixer, lanes: Lanes, out: NDArray[np.float32], start: int) -> None:
        """Put the block that the mixer has just made on the tape. out: what leaves the engine, from ``start`` on."""
        out = np.ascontiguousarray(out)  # as the kernel was compiled for; a view, but for odd devices
        end = min(lanes.until + mixer.latency_frames, start + len(out))
        if start + len(out) > lanes.since and start < end:
            self._put(mixer, lanes, out, start, len(out))
        if lanes.until + mixer.latency_frames <= start + len(out) and self._put(mixer, lanes, out, start + len(out), 0):
            lanes.forget()

    def _put(self, mixer: Mixer, lanes: Lanes, out: NDArray[np.float32], start: int, frames: int) -> bool:
        """Write one packet; no frames: the recording's last one. Return whether there was room."""
        head = self._head
        head[TAKE], head[LANES], head[START], head[FRAMES] = lanes.take, lanes.used, start, frames
        head[SINCE], head[UNTIL] = lanes.since, lanes.until
        head[STRIP_LATENCY], head[MASTER_LATENCY] = mixer.strip_latency_frames, mixer.latency_frames
        tape, written = self._tape, self._tape.written
        now = write_packet(
            tape.floats, written, tape.room, lanes.strips, lanes.used, mixer.master, mixer.outputs, out, head
        )
        if now == written:
            self._tape.lose(frames)
            return False
        self._tape.advance(now)
        return True
