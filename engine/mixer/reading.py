"""Reading: what a player hears of its clip when it is not played plainly: faster, slower, backwards, round a loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel, woven
from engine.mixer.doubling import AT_ONCE
from engine.mixer.varispeed import FASTEST, MOST_TAPS, ONE, Filters, interpolate, lead, span
from engine.mixer.vectors import LANES

LOUDEST = np.float32(1e8)
"""Samples beyond this (+160 dBFS), infinities and NaN are no sound: they are played as silence."""

CHUNK = 256
"""Output frames that are read at once."""
SCRATCH = int((CHUNK + LANES) * FASTEST) + MOST_TAPS + 2
"""Frames that are needed for them."""
DOUBLED = 2 * (CHUNK + 2 * AT_ONCE)
"""Samples that are made of them where they are doubled."""


@kernel
def sound(x: np.float32) -> np.float32:
    """Return a sample, or silence for what is none."""
    return x if abs(x) <= LOUDEST else np.float32(0.0)


@kernel
def _at(row: Any, arena: NDArray[np.float32], place: int, channel: int) -> np.float32:
    """Return the clip's sample at ``place`` in the order of playing; silence outside."""
    if place < 0 or place >= row.length:
        return np.float32(0.0)
    if row.reverse:
        place = row.length - 1 - place
    return sound(arena[row.offset + place * row.channels + channel])


@kernel
def _looped(row: Any, arena: NDArray[np.float32], place: int, channel: int) -> np.float32:
    """Return the sample at ``place``, which counts on through the rounds of the loop; seams are blended."""
    lap = (place - row.loop_start) // row.loop_frames
    last = row.rounds - 1
    if row.rounds and lap > last:
        return _at(row, arena, place - last * row.loop_frames, channel)
    if lap > 0:
        place -= lap * row.loop_frames
    here = _at(row, arena, place, channel)
    into = place - (row.loop_start + row.loop_frames - row.loop_fade)
    if into < 0 or (row.rounds and lap == last):
        return here
    there = _at(row, arena, place - row.loop_frames, channel)
    return here + (there - here) * np.float32(into / row.loop_fade)


@woven
def _copy(arena: NDArray[np.float32], first: int, channels: int, out: NDArray[np.float32], frames: int) -> None:
    clip = arena[first : first + frames * channels]  # from 0 on: a place that might be negative is looked at each time
    if channels == 1:
        for i in range(frames):
            out[i] = sound(clip[i])
    else:
        for i in range(frames):
            out[i] = sound(clip[2 * i])


@woven
def _unroll(
    row: Any, arena: NDArray[np.float32], first: int, channel: int, out: NDArray[np.float32], frames: int
) -> None:
    """Write what is played from place ``first`` on into ``out``, without interpolation."""
    if row.loop_frames > 0:
        for i in range(frames):
            out[i] = _looped(row, arena, first + i, channel)
    elif row.reverse or first < 0 or first + frames > row.length:
        for i in range(frames):
            out[i] = _at(row, arena, first + i, channel)
    else:
        _copy(arena, row.offset + first * row.channels + channel, row.channels, out, frames)


@woven
def read_varied(
    row: Any,
    arena: NDArray[np.float32],
    filters: Filters,
    scratch: NDArray[np.float32],
    doubled: NDArray[np.float32],
    channel: int,
    out: NDArray[np.float32],
    frames: int,
) -> None:
    """Write the player's next frames, up to CHUNK, of one channel into ``out``, which has room for CHUNK.

    scratch, doubled: SCRATCH and DOUBLED floats. At rate 1 they are the clip's samples as they are. Arrays come whole,
    not as slices: counting a slice's references takes as long as reading what is in it.
    """
    first = row.position >> 32
    if row.step == ONE:
        _unroll(row, arena, first, channel, out, frames)
        return
    fine = row.position & (ONE - 1)
    needed = ((fine + (frames - 1) * row.step) >> 32) + span(filters, row.band)
    _unroll(row, arena, first - lead(filters, row.band), channel, scratch, needed)
    interpolate(filters, row.band, scratch, fine, row.step, doubled, out, frames)


@kernel
def move_on(row: Any, frames: int) -> None:
    """Count ``frames`` as read."""
    row.position += frames * row.step
    if row.loop_frames > 0 and row.rounds == 0:
        _stay_small(row)


@kernel
def _stay_small(row: Any) -> None:
    """Take whole rounds off a place that counts on for ever, as many as leave what the filters see the same."""
    kept = row.loop_start + row.loop_frames * (2 + MOST_TAPS // row.loop_frames)
    surplus = (row.position >> 32) - kept
    if surplus >= row.loop_frames:
        row.position -= (surplus // row.loop_frames * row.loop_frames) << 32
