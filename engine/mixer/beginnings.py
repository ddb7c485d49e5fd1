"""Beginnings: a clip becomes a player, if there is a place for it.

When every place is taken a newcomer gets that of the quietest player, of several the oldest. The timeline's come last,
and only for the timeline itself. Whoever has to go fades out and is reported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER, level, release
from engine.mixer.paging import is_table
from engine.mixer.players import Players
from engine.mixer.reports import Reports, tell
from engine.mixer.streams import BEFORE, FLOWING, PLAIN
from engine.mixer.varispeed import FASTEST, ONE, SLOWEST, band_of
from engine.realtime.records import Report

ALL_TAKEN, BAD_CLIP = 0.0, 1.0
"""A NO_PLAYER report's value: why the player did not start."""

LONGEST = 1 << 30
"""Frames that one clip may be long where it is not played plainly, more than six hours."""


@kernel
def _make_room(players: Players, reports: Reports, timeline: int, frame: int, fade: int) -> bool:
    """Return whether there is room for one more, having somebody fade out if it must be."""
    used = players.used[0]
    if used < players.capacity:
        return True
    if used >= len(players.table):
        return False
    stay, quietest, least = 0, -1, 0.0
    for index in range(used):
        row = players.table[index]
        if row.release_start != NEVER:
            continue
        stay += 1
        loudness = row.gain * level(row, frame) + (1e12 if row.timeline else 0.0)
        if (timeline or not row.timeline) and (quietest < 0 or loudness < least):
            quietest, least = index, loudness
    if stay < players.capacity:
        return True
    if quietest < 0:
        return False
    row = players.table[quietest]
    release(row, frame, fade)
    tell(reports, Report.STOLEN, row.strip, row.player, row.serial, row.requested, frame, 0.0)
    return True


@kernel
def _fits(clip: Any, strips: int, arena: NDArray[np.float32], skip: int, table: int) -> bool:
    """Whether a clip lies in the arena, or its pages do, and all its numbers mean something."""
    if clip.offset < 0 or clip.length <= skip or not 0 <= clip.strip < strips:
        return False
    if not (clip.channels == 1 or clip.channels == 2) or not (np.isfinite(clip.gain) and np.isfinite(clip.pan)):
        return False
    if table != PLAIN:
        return is_table(arena, table, clip)
    fits: bool = clip.length <= len(arena) and clip.offset + clip.length * clip.channels <= len(arena)
    return fits


@kernel
def start(
    players: Players,
    reports: Reports,
    clip: Any,
    strips: int,
    arena: NDArray[np.float32],
    frame: int,
    skip: int,
    attack: int,
    timeline: int,
    serial: int,
    requested: int,
    fade: int,
    header: int,
    table: int,
) -> int:
    """Start a player of ``clip`` (a RECORD or ENTRY row) at engine ``frame``, ``skip`` frames into the clip.

    Returns its row; -1 and a NO_PLAYER report when all are taken, the clip lies outside the arena or the graph, or its
    gain is no number.
    fade: how long one takes to leave whose place is wanted. header: of a clip that is still being made, else PLAIN;
    such a player is reported as started when it has enough to begin. table: of a clip on the disk, else PLAIN.
    """
    fits = _fits(clip, strips, arena, skip, table)
    if not fits or not _make_room(players, reports, timeline, frame, fade):
        why = ALL_TAKEN if fits else BAD_CLIP
        tell(reports, Report.NO_PLAYER, clip.strip, clip.player, serial, requested, frame, why)
        return -1
    index: int = players.used[0]
    players.used[0] += 1
    row = players.table[index]
    row.player, row.serial, row.requested, row.timeline = clip.player, serial, requested, timeline
    _cut(row, clip, header, table)
    _fade_as_told(row, clip)
    row.start, row.skip, row.attack_start, row.attack = frame, skip, frame, attack
    if header == PLAIN:
        tell(reports, Report.STARTED, clip.strip, clip.player, serial, requested, frame, float(skip))
    return index


@kernel
def _cut(row: Any, clip: Any, header: int, table: int) -> None:
    """Say what a new player plays: plainly, all of its clip."""
    row.offset, row.length, row.sounding = clip.offset, clip.length, clip.length
    row.strip, row.channels, row.step = clip.strip, clip.channels, 0
    row.header, row.table, row.flow = header, table, FLOWING if header == PLAIN else BEFORE


@kernel
def _fade_as_told(row: Any, clip: Any) -> None:
    """Say how loud a new player is, and that nothing stops or holds it."""
    row.gain, row.pan = clip.gain, min(1.0, max(-1.0, clip.pan))
    row.fade_in, row.fade_out = max(0, clip.fade_in_frames), max(0, clip.fade_out_frames)
    row.fade_in_shape, row.fade_out_shape = clip.fade_in_shape, clip.fade_out_shape
    row.release_start, row.release_frames, row.release_gain, row.release_slope = NEVER, 1, 1.0, 0.0
    row.hold_start = NEVER


@kernel
def vary(players: Players, index: int, record: Any) -> None:
    """Have player ``index`` play as its START_PLAYER record says: rate, direction, loop; plainly from the disk."""
    row = players.table[index]
    row.attack = max(0, record.attack_frames)
    rate = record.rate if np.isfinite(record.rate) and record.rate != 0.0 else 1.0
    loops = 0 < record.loop_frames <= row.length - record.loop_start and record.loop_start >= 0
    if (rate == 1.0 and not loops) or row.length > LONGEST or row.table != PLAIN:
        return
    row.reverse = rate < 0.0
    row.step = round(min(FASTEST, max(SLOWEST, abs(rate))) * ONE)
    row.band = band_of(row.step)
    row.position = 0
    row.loop_start = record.loop_start
    row.loop_frames = record.loop_frames if loops else 0
    row.loop_fade = max(0, min(record.loop_fade_frames, record.loop_start, record.loop_frames))
    row.rounds = max(0, record.index)
    if loops and row.rounds == 0:
        row.sounding = NEVER
        return
    frames = row.length + (row.rounds - 1) * row.loop_frames if loops else row.length
    row.sounding = -((-min(frames, LONGEST) << 32) // row.step)
