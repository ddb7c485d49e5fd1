"""The status block: what the audio process tells about itself after each block, read at any time by anyone.

Two copies take turns, under a sequence counter: the writer fills the copy that is not published. A reader copies the
published one and asks whether it still is; if the writer dies in the middle, the last whole one stays readable.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadRange, NotReady
from engine.realtime.atomics import fence, load_acquire, store_release
from engine.realtime.causes import CAUSES, Blame
from engine.realtime.memory import Segment

MAX_STRIPS = 256
"""Strips whose meters the block has room for."""

HISTOGRAM_BINS = 24
"""Bin b counts callbacks that took from 2^(b-1) to 2^b µs; the last one, everything longer."""

_MAGIC, _VERSION = 0x584F5645_5543, 3
_SEQUENCE, _IDENTITY, _COPIES = 0, 64, 128
_TRIES = 100

STATUS = np.dtype(
    [
        ("frame", "<i8"),
        ("unix_ns", "<i8"),
        ("rate_hz", "<f8"),
        ("sample_rate", "<i8"),
        ("block_frames", "<i8"),
        ("output_latency_frames", "<i8"),
        ("mixer_latency_frames", "<i8"),
        ("timeline_frame", "<i8"),
        ("playing", "<i8"),
        ("generation", "<i8"),
        ("active_players", "<i8"),
        ("free_players", "<i8"),
        ("underflows", "<i8"),
        ("clock_resets", "<i8"),
        ("late_starts", "<i8"),
        ("dropped_records", "<i8"),
        ("dropped_reports", "<i8"),
        ("errors", "<i8"),
        ("callbacks", "<i8"),
        ("callback_ns", "<i8"),
        ("callback_max_ns", "<i8"),
        ("callback_sum_ns", "<i8"),
        ("limiter_reduction_db", "<f8"),
        ("strips", "<i8"),
        ("histogram", "<i8", HISTOGRAM_BINS),
        ("causes", "<i8", len(CAUSES)),
        ("blame", "<i8", len(Blame._fields)),
        ("failed", "<u1", MAX_STRIPS),
        ("reduction", "<f4", MAX_STRIPS),
        ("meters", "<f4", (MAX_STRIPS, 2, 2)),
    ],
    align=True,
)
"""One copy. Plain numbers as in ``Status``; meters are linear: strip, channel, (peak, rms)."""

STATUS_BYTES = _COPIES + 2 * STATUS.itemsize

_CLOCK = np.dtype([("frame", "<i8"), ("unix_ns", "<i8"), ("rate_hz", "<f8")])
"""The front of STATUS."""
_ODD_FIELDS = ("playing", "histogram", "causes", "blame", "failed", "reduction", "meters")
_PLAIN_FIELDS = tuple(n for n in STATUS.names or () if n not in _ODD_FIELDS)


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """When the last block began: ``frame`` left the engine at ``unix_ns``; the device runs at ``rate_hz``.

    It is heard the output's latency later.
    """

    frame: int
    unix_ns: int
    rate_hz: float


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The audio process at the end of a block.

    frame, unix_ns, rate_hz: see ClockReading. output_latency_frames: from the engine to the ear, as the driver says.
    mixer_latency_frames: the limiter's look-ahead. underflows: blocks that the driver reports as missed.
    clock_resets: jumps of the driver's time. late_starts: records whose frame had passed. dropped_records: refused by
    a full schedule. dropped_reports: reports that control did not fetch in time. errors: blocks that became silence.
    limiter_reduction_db: 0 or less, falling at once and rising slowly like the meters.
    callback_*_ns: time spent in the callback, last, longest, in all; histogram: see HISTOGRAM_BINS.
    causes: how many of the underflows came from what, see ``causes.CAUSES``. blame: the last one; None: there was none.
    failed: indexes of silenced strips.
    reduction: what ducking leaves of each strip, linear, falling at once and rising slowly.
    meters: linear, shape (strips, 2 channels, peak | rms).
    """

    frame: int
    unix_ns: int
    rate_hz: float
    sample_rate: int
    block_frames: int
    output_latency_frames: int
    mixer_latency_frames: int
    timeline_frame: int
    playing: bool
    generation: int
    active_players: int
    free_players: int
    underflows: int
    clock_resets: int
    late_starts: int
    dropped_records: int
    dropped_reports: int
    errors: int
    callbacks: int
    callback_ns: int
    callback_max_ns: int
    callback_sum_ns: int
    limiter_reduction_db: float
    strips: int
    histogram: tuple[int, ...]
    causes: tuple[int, ...]
    blame: Blame | None
    failed: tuple[int, ...]
    reduction: NDArray[np.float32]
    meters: NDArray[np.float32]


def check_strips(count: int) -> None:
    """Raise BadRange for a mix of more strips than can be told of while it plays."""
    if count > MAX_STRIPS:
        raise BadRange(
            f"a mix that plays live has at most {MAX_STRIPS} strips (tracks, buses, the master and what was removed and"
            f" still rings out), this one would have {count}; exports have no such bound"
        )


def places(*fields: str) -> tuple[int, ...]:
    """Return where numbers of STATUS lie, counted in numbers of eight bytes; of several, where they begin."""
    assert STATUS.fields is not None
    return tuple(STATUS.fields[name][1] // 8 for name in fields)


class _StatusEnd:
    def __init__(self, segment: Segment) -> None:
        self._sequence_address = segment.address + _SEQUENCE
        self._identity = segment.view(np.int64, _IDENTITY, 2)
        # As bytes: numpy copies a structure field by field, bytes at once.
        self._copies = segment.view(np.uint8, _COPIES, 2 * STATUS.itemsize).reshape(2, STATUS.itemsize)


class StatusWriter(_StatusEnd):
    """The audio process's end: fill ``now``, then ``publish``.

    whole, real: the numbers of ``now`` at their ``places``, in a fraction of the time that a field by its name takes.
    """

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self._identity[:] = _MAGIC, _VERSION
        self._sequence = load_acquire(self._sequence_address)
        block = np.zeros(1, STATUS)
        self.now: np.void = block[0]
        self._block = block.view(np.uint8)
        self.whole, self.real = self._block.data.cast("q"), self._block.data.cast("d")

    def resume(self) -> None:
        """Begin with what the process before published last: its counters count on."""
        self._sequence = load_acquire(self._sequence_address)
        if self._sequence:
            self._block[:] = self._copies[self._sequence & 1]

    def publish(self) -> None:
        """Make ``now`` what readers see."""
        self._sequence += 1
        fence()  # nothing of this copy is written before the other one was published
        self._copies[self._sequence & 1] = self._block
        store_release(self._sequence_address, self._sequence)


class StatusReader(_StatusEnd):
    """Anyone's end."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self._known: tuple[int, Status] | None = None

    def read(self) -> Status:
        """Return the newest status; between two blocks it is the same. Raises NotReady before the first block."""
        sequence = load_acquire(self._sequence_address)
        if self._known is None or self._known[0] != sequence:
            self._known = sequence, self._read()
        return self._known[1]

    def _read(self) -> Status:
        block = self._copy(STATUS.itemsize).view(STATUS)[0]
        strips = min(int(block["strips"]), MAX_STRIPS)
        return Status(
            **{name: block[name].item() for name in _PLAIN_FIELDS},
            playing=bool(block["playing"]),
            histogram=tuple(block["histogram"].tolist()),
            causes=tuple(block["causes"].tolist()),
            blame=Blame(*block["blame"].tolist()) if block["underflows"] else None,
            failed=tuple(np.flatnonzero(block["failed"]).tolist()),
            reduction=block["reduction"][:strips],
            meters=block["meters"][:strips],
        )

    @property
    def blocks(self) -> int:
        """How many blocks have been mixed and told of since the engine started."""
        return load_acquire(self._sequence_address)

    @property
    def frame(self) -> int:
        """The engine frame at which the last block began; 0 before the first one."""
        return self.clock().frame if self.blocks else 0

    def clock(self) -> ClockReading:
        """Return only when the last block began (cheap). Raises NotReady before the first block."""
        frame, unix_ns, rate_hz = self._copy(_CLOCK.itemsize).view(_CLOCK)[0].item()
        return ClockReading(frame=frame, unix_ns=unix_ns, rate_hz=rate_hz)

    def _copy(self, size_bytes: int) -> NDArray[np.uint8]:
        for _ in range(_TRIES):  # a second try is needed only if a block ended during the copy
            sequence = load_acquire(self._sequence_address)
            if sequence == 0:
                raise NotReady("the audio process has not played a block yet")
            copy = self._copies[sequence & 1, :size_bytes].copy()
            fence()
            if load_acquire(self._sequence_address) == sequence:
                self._check_identity()
                return copy
        raise NotReady(f"no whole status in {_TRIES} tries: the audio process writes faster than it can be read")

    def _check_identity(self) -> None:
        if tuple(self._identity.tolist()) != (_MAGIC, _VERSION):
            raise NotReady("the status block is of another version of cuevox")
