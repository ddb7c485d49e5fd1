"""The checkpoint: where the mixer stands, kept in shared memory for an audio process that takes over.

Two copies take turns under a sequence counter, as in the status block: one of them is always whole. A copy is written
after blocks that took something in, also of a stream, and now and then, since a mixer that is given nothing goes on by
itself: whoever takes over mixes from the checkpoint to the present, faster than time.
"""

from __future__ import annotations

import struct
import time
from typing import Any

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine.clock import wall_ahead_ns
from engine.mixer.state import MOST_KNOBS, STAND, MixerState, Packed
from engine.realtime.atomics import fence, load_acquire, store_release
from engine.realtime.memory import Segment
from engine.realtime.records import RECORD

PLAYER_BYTES = 512
"""Room for one player's row; what a row is, the mixer knows."""
MOST_WAITING = 4096

_LINE_BYTES = 64
_HEAD = np.dtype(
    [
        ("taken", "<i8"),
        ("unix_ns", "<i8"),
        ("wall_ns", "<i8"),
        ("steady_ns", "<i8"),
        ("players", "<i8"),
        ("player_bytes", "<i8"),
        ("waiting", "<i8"),
        ("knobs", "<i8"),
    ]
)
_WORDS = struct.Struct(f"={_HEAD.itemsize // 8}q")
_HEAD_BYTES = 4 * _LINE_BYTES


def checkpoint_bytes(max_players: int) -> int:
    """Return the size of a segment for a mixer of ``max_players``."""
    return _LINE_BYTES + 2 * _copy_bytes(max_players)


def _copy_bytes(max_players: int) -> int:
    return _HEAD_BYTES + max_players * PLAYER_BYTES + (MOST_WAITING + MOST_KNOBS) * RECORD.itemsize


SET_NS = 1_000_000
"""A clock that is off by less was not set."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint. taken: position of the command ring. state: see MixerState.

    unix_ns: the wall time at which ``state``'s frame left, or would have left, the engine; wall_ns, steady_ns: the two
    clocks when it was written.
    """

    taken: int
    unix_ns: int
    wall_ns: int
    steady_ns: int
    state: MixerState

    def seconds_until(self, unix_seconds: float) -> float:
        """Return how long after the checkpoint ``unix_seconds`` (about now) is, though the clock may have been set."""
        set_by_ns = wall_ahead_ns() - (self.wall_ns - self.steady_ns)
        if abs(set_by_ns) < SET_NS:
            set_by_ns = 0  # nobody set it: the two clocks can't be read at the same instant
        return unix_seconds - (self.unix_ns + set_by_ns) / 1e9


class Checkpoint:
    """Both ends; only the audio process that plays writes. max_players: as the segment was made for."""

    def __init__(self, segment: Segment) -> None:
        self._sequence_address = segment.address
        self._size = (segment.size_bytes - _LINE_BYTES) // 2
        self._copies = segment.view(np.uint8, _LINE_BYTES, 2 * self._size).reshape(2, self._size)
        self._bytes = self._copies.reshape(-1).data
        self._tables = _HEAD_BYTES
        self.max_players = (self._size - _copy_bytes(0)) // PLAYER_BYTES

    def write(self, state: Packed, taken: int, unix_ns: int) -> None:
        """Keep ``state``; what is more than there is room for is left out."""
        sequence = load_acquire(self._sequence_address) + 1
        copy = (sequence & 1) * self._size
        row_bytes = state.player_bytes
        players = min(len(state.players) // row_bytes, self.max_players * PLAYER_BYTES // row_bytes)
        steady_ns = time.monotonic_ns()
        wall_ns = steady_ns + wall_ahead_ns()
        counts = players, row_bytes, len(state.waiting) // RECORD.itemsize, len(state.knobs) // RECORD.itemsize
        _WORDS.pack_into(self._bytes, copy, taken, unix_ns, wall_ns, steady_ns, *counts)
        self._put(copy + 2 * _LINE_BYTES, state.stand)
        self._put(copy + self._tables, state.players[: players * row_bytes])
        at = self._put(copy + self._tables + self.max_players * PLAYER_BYTES, state.waiting)
        self._put(at, state.knobs)
        store_release(self._sequence_address, sequence)

    def read(self, player: DTypeLike) -> Saved | None:
        """Return the newest checkpoint with rows of dtype ``player``; None if there is none, or it has other rows."""
        sequence = load_acquire(self._sequence_address)
        if sequence == 0:
            return None
        copy = self._copies[sequence & 1].copy()
        fence()
        head = copy[: _HEAD.itemsize].view(_HEAD)[0]
        dtype = np.dtype(player)
        if head["player_bytes"] != dtype.itemsize:
            return None
        waiting_at = self._tables + self.max_players * PLAYER_BYTES
        knobs_at = waiting_at + int(head["waiting"]) * RECORD.itemsize
        state = MixerState(
            stand=_get(copy, 2 * _LINE_BYTES, STAND, 1),
            players=_get(copy, self._tables, dtype, int(head["players"])),
            waiting=_get(copy, waiting_at, RECORD, int(head["waiting"])),
            knobs=_get(copy, knobs_at, RECORD, int(head["knobs"])),
        )
        times = {name: int(head[name]) for name in ("taken", "unix_ns", "wall_ns", "steady_ns")}
        return Saved(state=state, **times)

    def _put(self, at: int, rows: memoryview) -> int:
        """Write ``rows``; return where they end."""
        self._bytes[at : at + len(rows)] = rows
        return at + len(rows)


def _get(copy: NDArray[np.uint8], at: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    rows: NDArray[Any] = copy[at : at + count * dtype.itemsize].view(dtype)
    return rows
