"""Playing: one kernel that plays all players into the strips' inputs.

A fade-in is 0 at the first frame, a fade-out reaches 0 one frame after the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel, woven
from engine.mixer.fetching import fetch
from engine.mixer.levels import NEVER, fill_levels, level_rests
from engine.mixer.paging import find, follow_pages
from engine.mixer.players import Players
from engine.mixer.reading import CHUNK, move_on, read_varied, sound
from engine.mixer.reports import Reports, tell
from engine.mixer.streams import DRY, PLAIN, follow
from engine.mixer.uncounted import uncounted
from engine.realtime.records import Report


@kernel
def _add(
    row: Any,
    arena: NDArray[np.float32],
    first: int,
    frame: int,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    loud: NDArray[np.float64],
) -> None:
    """Add the clip's frames from engine ``frame`` on, which lie at ``first``, to ``left`` and ``right``."""
    gain_left = np.float32(row.gain * min(1.0, 1.0 - row.pan))
    gain_right = np.float32(row.gain * min(1.0, 1.0 + row.pan))
    clip = arena[first : first + len(left) * row.channels]
    if not level_rests(row, frame, len(left)):
        _add_fading(row, clip, frame, gain_left, gain_right, left, right, loud)
    elif row.channels == 1:
        for i in range(len(left)):
            x = sound(clip[i])
            left[i] += x * gain_left
            right[i] += x * gain_right
    else:
        for i in range(len(left)):
            left[i] += sound(clip[2 * i]) * gain_left
            right[i] += sound(clip[2 * i + 1]) * gain_right


@kernel
def _add_pages(
    row: Any,
    arena: NDArray[np.float32],
    frame: int,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    loud: NDArray[np.float64],
) -> None:
    """Do the same page by page; what is not there is silence."""
    done = 0
    while done < len(left):
        first, count = find(arena, row.table, row.offset + frame + done - row.start + row.skip)
        count = min(count, len(left) - done)
        if first >= 0:
            _add(row, arena, first, frame + done, left[done : done + count], right[done : done + count], loud)
        done += count


@kernel
def _add_fading(
    row: Any,
    clip: NDArray[np.float32],
    frame: int,
    gain_left: np.float32,
    gain_right: np.float32,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    loud: NDArray[np.float64],
) -> None:
    """Where every level is 1 this gives the same bits as the plain loops: a fade's end does not depend on blocks."""
    channels, other = row.channels, row.channels - 1
    for begin in range(0, len(left), len(loud)):
        count = min(len(loud), len(left) - begin)
        fill_levels(row, frame + begin, loud[:count])
        for i in range(count):
            at, level = channels * (begin + i), np.float32(loud[i])
            left[begin + i] += sound(clip[at]) * level * gain_left
            right[begin + i] += sound(clip[at + other]) * level * gain_right


@kernel
def _mix(heard: NDArray[np.float32], gain: np.float32, into: NDArray[np.float32]) -> None:
    for i in range(len(into)):
        into[i] += heard[i] * gain


@kernel
def _mix_fading(
    heard: NDArray[np.float32], loud: NDArray[np.float64], gain: np.float32, into: NDArray[np.float32]
) -> None:
    for i in range(len(into)):
        into[i] += heard[i] * np.float32(loud[i]) * gain


@woven
def _add_varied(
    row: Any,
    players: Players,
    arena: NDArray[np.float32],
    frame: int,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
) -> None:
    gain_left = np.float32(row.gain * min(1.0, 1.0 - row.pan))
    gain_right = np.float32(row.gain * min(1.0, 1.0 + row.pan))
    filters, scratch, doubled, heard = players.filters, players.scratch, players.doubled, players.heard
    other = players.other if row.channels == 2 else heard
    for begin in range(0, len(left), CHUNK):
        count = min(CHUNK, len(left) - begin)
        read_varied(row, arena, filters, scratch, doubled, 0, heard, count)
        if row.channels == 2:
            read_varied(row, arena, filters, scratch, doubled, 1, players.other, count)
        move_on(row, count)
        if level_rests(row, frame + begin, count):
            _mix(heard, gain_left, left[begin : begin + count])
            _mix(other, gain_right, right[begin : begin + count])
            continue
        fill_levels(row, frame + begin, players.loud[:count])
        _mix_fading(heard, players.loud, gain_left, left[begin : begin + count])
        _mix_fading(other, players.loud, gain_right, right[begin : begin + count])


@woven
def _fetch_ahead(row: Any, arena: NDArray[np.float32], frame: int, frames: int) -> None:
    """Have what a player is about to play brought into the fastest memory, while another one plays."""
    first, count = frame - row.start + row.skip, frames
    if row.step != 0:
        first, count = row.position >> 32, (frames * row.step) >> 32
        if row.reverse:
            first = row.length - first - count
    if row.table == PLAIN:
        fetch(arena, row.offset + first * row.channels, count * row.channels)


@kernel
def _follow_clip(row: Any, reports: Reports, arena: NDArray[np.float32], frame: int, end: int, fade: int) -> None:
    """See how much there is of a clip that is still being made, or lies on the disk."""
    begin = max(frame, row.start)
    if begin >= end:
        return
    if row.header != PLAIN:
        follow(row, reports, arena, begin, end - begin, fade)
    elif row.table != PLAIN:
        follow_pages(row, reports, arena, frame, begin, end - begin, fade)


@kernel
def _rest(row: Any, begin: int) -> tuple[int, int]:
    """Return after how many frames from ``begin`` on a player ends, and how many of them it sounds."""
    left_over = row.sounding - (begin - row.start + row.skip)
    audible = NEVER if row.hold_start == NEVER else row.hold_start + row.hold_frames - begin
    if audible < left_over and (row.table == PLAIN or row.flow != DRY):
        left_over = NEVER  # it waits
    if row.release_start != NEVER:
        left_over = min(left_over, row.release_start + row.release_frames - begin)
    return left_over, audible


@kernel
def _tell_end(row: Any, reports: Reports, ended: int) -> None:
    """Report that a player has ended, and with what fade, from where on."""
    if row.release_start < ended:
        begun, fade = row.release_start, row.release_frames
    else:
        begun, fade = row.requested, 0
    tell(reports, Report.ENDED, row.strip, row.player, row.serial, begun, ended, float(fade))


@kernel
def play(
    players: Players,
    reports: Reports,
    arena: NDArray[np.float32],
    frame: int,
    frames: int,
    inputs: NDArray[np.float32],
    fade: int,
) -> None:
    """Play every player from ``frame`` on for ``frames`` frames into ``inputs`` and let go of those that end.

    fade: how long one takes to fall silent whose clip is still being made and runs dry.
    inputs: (strips, 2 * capacity), cleared here; a strip's left channel is its first ``frames`` floats, the right
    one follows.
    """
    players, reports, arena, inputs = uncounted((players, reports, arena, inputs))
    inputs[:, : 2 * frames] = 0.0
    kept, end, count = 0, frame + frames, players.used[0]
    for index in range(count):
        row = players.table[index]
        _fetch_ahead(players.table[min(index + 1, count - 1)], arena, frame, frames)
        if row.header != PLAIN or row.table != PLAIN:
            _follow_clip(row, reports, arena, frame, end, fade)
        begin = max(frame, row.start)
        left_over, audible = _rest(row, begin)
        sounding = min(end - begin, left_over, audible)
        if sounding > 0:
            strip, wait = inputs[row.strip], begin - frame
            left, right = strip[wait : wait + sounding], strip[frames + wait : frames + wait + sounding]
            if row.table != PLAIN:
                _add_pages(row, arena, begin, left, right, players.loud)
            elif row.step == 0:
                first = row.offset + (begin - row.start + row.skip) * row.channels
                _add(row, arena, first, begin, left, right, players.loud)
            else:
                _add_varied(row, players, arena, begin, left, right)
        if left_over <= end - begin:
            _tell_end(row, reports, begin + max(0, left_over))
            continue
        if kept != index:
            players.table[kept] = players.table[index]
        kept += 1
    players.used[0] = kept
