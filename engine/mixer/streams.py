"""Streams in the mixer: a player whose clip is still being made plays up to what is there, and never a frame further.

Before the first frame it waits without a sound. When what is there runs out it fades out before the last ready frame,
holds, and fades in again once there is enough; both are reported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER, hold, resume
from engine.mixer.reports import Reports, tell
from engine.realtime.records import Report
from engine.realtime.stream import AHEAD, CHANNELS, EXPECTED, MAKING, READY, SHARE, TOTAL, WHOLE

PLAIN = -1
"""A player's header when all of its clip is there."""

FLOWING, BEFORE, DRY = 0, 1, 2
"""Whether a player plays on, has not begun, or waits for more."""


def _load_acquire_signature(_typing: Any, _address: Any) -> Any:
    """Read a 64-bit word; what is read later is at least as new."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], context.get_value_type(types.int64).as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64), generate


_load_acquire: Any = intrinsic(_load_acquire_signature)


@kernel
def word(arena: NDArray[np.float32], header: int, index: int) -> int:
    """Return the 64-bit word ``index`` of what begins at float ``header``; what is read later is at least as new."""
    value: int = _load_acquire(np.int64(arena.ctypes.data) + 4 * header + 8 * index)
    return value


@kernel
def follow(row: Any, reports: Reports, arena: NDArray[np.float32], frame: int, frames: int, fade: int) -> None:
    """See what there is of a streamed PLAYER that is about to play ``frames`` frames from engine ``frame`` on.

    fade: how long it takes to fall silent, and to come back.
    """
    total = word(arena, row.header, TOTAL)  # before READY: what was counted before it is there
    ready = word(arena, row.header, READY) - row.trim
    whole = total != MAKING or ready >= row.length
    if row.flow == BEFORE:
        _begin(row, reports, arena, frame, frames, fade, ready, whole)
        if row.flow == BEFORE:
            return
    if total != MAKING:
        row.length = min(row.length, max(0, total - row.trim))
        row.sounding = row.length
    held = row.hold_start != NEVER
    if row.flow == DRY and frame >= row.hold_start + row.hold_frames:
        place = row.hold_start + row.hold_frames - row.start
        if whole or ready - row.fade_out - place >= _needed(row, arena, place, frames, fade):
            _refill(row, reports, frame, fade)
            held = False
    if whole and not held:
        row.header = PLAIN
    elif not held:
        _stop_in_time(row, reports, frame, frames, fade, ready - row.fade_out)


@kernel
def _needed(row: Any, arena: NDArray[np.float32], place: int, frames: int, fade: int) -> int:
    """Return how many frames have to lie ahead of ``place``: what was asked for, and a block and a fade at least."""
    to_play = max(0, min(row.length, word(arena, row.header, EXPECTED) - row.trim) - place)
    asked = word(arena, row.header, AHEAD) + to_play * word(arena, row.header, SHARE) // WHOLE
    needed: int = max(asked, frames + fade)
    return needed


@kernel
def _begin(
    row: Any,
    reports: Reports,
    arena: NDArray[np.float32],
    frame: int,
    frames: int,
    fade: int,
    ready: int,
    whole: bool,
) -> None:
    """Let the player begin at ``frame`` if there is enough, else put its start off to the next block."""
    paused = row.hold_start != NEVER
    if (
        paused
        or row.release_start != NEVER
        or not (whole or ready - row.fade_out >= _needed(row, arena, 0, frames, fade))
    ):
        row.start = frame + frames
        row.attack_start = row.start
        if paused:
            row.hold_start = row.start - row.hold_frames
        return
    row.flow = FLOWING
    row.channels = max(1, word(arena, row.header, CHANNELS))
    row.offset += row.trim * row.channels
    row.length = min(row.length, (len(arena) - row.offset) // row.channels)
    row.sounding = row.length
    tell(reports, Report.STARTED, row.strip, row.player, row.serial, row.requested, frame, 1.0)


@kernel
def _stop_in_time(row: Any, reports: Reports, frame: int, frames: int, fade: int, ready: int) -> None:
    """Begin to fade before the last ready frame, where less than a fade would be left after this block."""
    ahead = ready - (frame - row.start)
    if ahead - frames >= fade:
        return
    row.flow = DRY
    hold(row, frame + max(0, ahead - fade), max(1, min(fade, ahead)))
    last = row.hold_start + row.hold_frames
    tell(reports, Report.UNDERRUN, row.strip, row.player, row.serial, row.hold_start, last, float(last - row.start))


@kernel
def _refill(row: Any, reports: Reports, frame: int, fade: int) -> None:
    dry = row.hold_start + row.hold_frames
    row.flow = FLOWING
    resume(row, frame, fade)
    tell(reports, Report.REFILLED, row.strip, row.player, row.serial, dry, frame, float(frame - dry))
