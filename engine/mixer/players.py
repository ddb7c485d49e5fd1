"""Players: sounding clips. One table, one kernel that plays them all into the strips' inputs.

Fades are straight lines of amplitude, as Reaper's linear fade shape: the fade-in is 0 at the first frame, the
fade-out reaches 0 one frame after the last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.reports import Reports, tell
from engine.realtime.records import Report

NEVER = 1 << 62
LOUDEST = np.float32(1e8)
"""Samples beyond this (+160 dBFS), infinities and NaN are no sound: they are played as silence."""

ALL_TAKEN, BAD_CLIP = 0.0, 1.0
"""A NO_PLAYER report's value: why the player did not start."""

PLAYER = np.dtype(
    [
        ("player", "<i8"), ("serial", "<i8"), ("requested", "<i8"), ("start", "<i8"), ("skip", "<i8"),
        ("offset", "<i8"), ("length", "<i8"), ("release_start", "<i8"), ("release_frames", "<i8"),
        ("entry_start", "<i8"), ("release_gain", "<f8"), ("gain", "<f8"), ("pan", "<f8"),
        ("strip", "<i4"), ("channels", "<i4"), ("fade_in", "<i4"), ("fade_out", "<i4"), ("attack", "<i4"),
        ("timeline", "<i4"),
    ]
)  # fmt: skip
"""One sounding clip.

start: the engine frame of its first frame; skip: the clip's frames that came before (a start midway).
attack: frames of a short fade at a start midway. release: from release_start on, release_gain falls to 0.
timeline: 1 when the compiled timeline plays it; entry_start is then its place there.
"""


class Players(NamedTuple):
    """table: PLAYER, the first ``used[0]`` rows sound, oldest first."""

    table: NDArray[Any]
    used: NDArray[np.int64]


def new_players(capacity: int) -> Players:
    """Return a table for ``capacity`` players, all free."""
    return Players(np.zeros(capacity, PLAYER), np.zeros(1, np.int64))


@kernel
def start(
    players: Players,
    reports: Reports,
    clip: Any,
    strips: int,
    arena_floats: int,
    frame: int,
    skip: int,
    attack: int,
    timeline: int,
    serial: int,
    requested: int,
) -> None:
    """Start a player of ``clip`` (a RECORD or ENTRY row) at engine ``frame``, ``skip`` frames into the clip.

    Reports STARTED, or NO_PLAYER when all are taken or the clip lies outside the arena or the graph.
    """
    fits = clip.offset >= 0 and clip.length > skip and clip.length <= arena_floats
    fits = fits and (clip.channels == 1 or clip.channels == 2) and 0 <= clip.strip < strips
    if not fits or clip.offset + clip.length * clip.channels > arena_floats:
        tell(reports, Report.NO_PLAYER, clip.strip, clip.player, serial, requested, frame, BAD_CLIP)
        return
    if players.used[0] >= len(players.table):
        tell(reports, Report.NO_PLAYER, clip.strip, clip.player, serial, requested, frame, ALL_TAKEN)
        return
    row = players.table[players.used[0]]
    players.used[0] += 1
    row.player = clip.player
    row.serial = serial
    row.requested = requested
    row.start = frame
    row.skip = skip
    row.offset = clip.offset
    row.length = clip.length
    row.release_start = NEVER
    row.release_frames = 1
    row.release_gain = 1.0
    row.gain = clip.gain
    row.pan = min(1.0, max(-1.0, clip.pan))
    row.strip = clip.strip
    row.channels = clip.channels
    row.fade_in = max(0, clip.fade_in_frames)
    row.fade_out = max(0, clip.fade_out_frames)
    row.attack = attack
    row.timeline = timeline
    tell(reports, Report.STARTED, clip.strip, clip.player, serial, requested, frame, 0.0)


@kernel
def release(players: Players, index: int, frame: int, frames: int) -> None:
    """Fade player ``index`` out from ``frame`` on; a fade that would end sooner is kept."""
    row = players.table[index]
    if row.release_start + row.release_frames <= frame + frames:
        return
    age = frame - row.release_start
    if age > 0:
        row.release_gain *= 1.0 - age / row.release_frames
    row.release_start = frame
    row.release_frames = frames


@kernel
def stop(players: Players, player: int, frame: int, frames: int) -> None:
    """Fade out the players with id ``player`` (0: all) that sound at ``frame``."""
    for index in range(players.used[0]):
        row = players.table[index]
        if (player == 0 or row.player == player) and row.start <= frame:
            release(players, index, frame, frames)


@kernel
def released_by(players: Players) -> int:
    """Return the frame by which every player that is fading out now has ended."""
    frame = 0
    for index in range(players.used[0]):
        row = players.table[index]
        if row.release_start != NEVER:
            frame = max(frame, row.release_start + row.release_frames)
    return frame


@kernel
def _level(row: Any, frame: int) -> float:
    """Return the player's fades at engine ``frame``, without its gain."""
    place = frame - row.start + row.skip
    level = 1.0
    if place < row.fade_in:
        level *= place / row.fade_in
    if place > row.length - row.fade_out:
        level *= (row.length - place) / row.fade_out
    if frame - row.start < row.attack:
        level *= (frame - row.start) / row.attack
    if row.release_start != NEVER:
        age = frame - row.release_start
        level *= row.release_gain * (1.0 - max(0, age) / row.release_frames)
    return level


@kernel
def _level_rests(row: Any, frame: int, frames: int) -> bool:
    """Whether no fade is under way anywhere in ``frames`` frames from ``frame`` on."""
    place = frame - row.start + row.skip
    if place < row.fade_in or place + frames > row.length - row.fade_out:
        return False
    return frame - row.start >= row.attack and row.release_start == NEVER


@kernel
def _add(
    row: Any, arena: NDArray[np.float32], frame: int, left: NDArray[np.float32], right: NDArray[np.float32]
) -> None:
    """Add the clip's frames from engine ``frame`` on to ``left`` and ``right``, as many as these are long."""
    gain_left = np.float32(row.gain * min(1.0, 1.0 - row.pan))
    gain_right = np.float32(row.gain * min(1.0, 1.0 + row.pan))
    first = row.offset + (frame - row.start + row.skip) * row.channels
    clip = arena[first : first + len(left) * row.channels]
    if not _level_rests(row, frame, len(left)):
        _add_fading(row, clip, frame, gain_left, gain_right, left, right)
    elif row.channels == 1:
        for i in range(len(left)):
            x = _sound(clip[i])
            left[i] += x * gain_left
            right[i] += x * gain_right
    else:
        for i in range(len(left)):
            left[i] += _sound(clip[2 * i]) * gain_left
            right[i] += _sound(clip[2 * i + 1]) * gain_right


@kernel
def _sound(x: np.float32) -> np.float32:
    return x if abs(x) <= LOUDEST else np.float32(0.0)


@kernel
def _add_fading(
    row: Any,
    clip: NDArray[np.float32],
    frame: int,
    gain_left: np.float32,
    gain_right: np.float32,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
) -> None:
    """Where every level is 1 this gives the same bits as the plain loops: a fade's end does not depend on blocks."""
    other = row.channels - 1
    for i in range(len(left)):
        level = np.float32(_level(row, frame + i))
        left[i] += _sound(clip[row.channels * i]) * level * gain_left
        right[i] += _sound(clip[row.channels * i + other]) * level * gain_right


@kernel
def play(
    players: Players, reports: Reports, arena: NDArray[np.float32], frame: int, frames: int, inputs: NDArray[np.float32]
) -> None:
    """Play every player from ``frame`` on for ``frames`` frames into ``inputs`` and let go of those that end.

    inputs: (strips, 2 * capacity), cleared here; a strip's left channel is its first ``frames`` floats, the right
    one follows.
    """
    inputs[:, : 2 * frames] = 0.0
    kept = 0
    for index in range(players.used[0]):
        row = players.table[index]
        wait = max(0, row.start - frame)
        begin = frame + wait
        left_over = row.length - (begin - row.start + row.skip)
        if row.release_start != NEVER:
            left_over = min(left_over, row.release_start + row.release_frames - begin)
        count = max(0, min(frames - wait, left_over))
        if count > 0:
            strip = inputs[row.strip]
            _add(row, arena, begin, strip[wait : wait + count], strip[frames + wait : frames + wait + count])
        if count >= left_over:
            tell(reports, Report.ENDED, row.strip, row.player, row.serial, row.requested, begin + max(0, count), 0.0)
            continue
        if kept != index:
            players.table[kept] = players.table[index]
        kept += 1
    players.used[0] = kept
