"""The timeline's players: the compiled table of clips started by frame, also from the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.beginnings import start
from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER, release
from engine.mixer.players import Players
from engine.mixer.reports import Reports
from engine.mixer.streams import PLAIN


@kernel
def first_at(entries: NDArray[Any], timeline_frame: int) -> int:
    """Return the index of the first entry that starts at ``timeline_frame`` or later."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle].start_frame < timeline_frame:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _start_entry(
    players: Players,
    reports: Reports,
    entry: Any,
    strips: int,
    arena: NDArray[np.float32],
    frame: int,
    skip: int,
    fade: int,
) -> None:
    attack, table = fade if skip > 0 else 0, entry.table - 1
    index = start(players, reports, entry, strips, arena, frame, skip, attack, 1, 0, frame, fade, PLAIN, table)
    if index >= 0:
        players.table[index].entry_start = entry.start_frame


@kernel
def start_between(
    players: Players,
    reports: Reports,
    entries: NDArray[Any],
    strips: int,
    arena: NDArray[np.float32],
    timeline_frame: int,
    frames: int,
    frame: int,
    fade: int,
) -> None:
    """Start the entries of ``frames`` frames from ``timeline_frame`` on, which is engine ``frame``."""
    for index in range(first_at(entries, timeline_frame), len(entries)):
        entry = entries[index]
        if entry.start_frame >= timeline_frame + frames:
            return
        at = frame + entry.start_frame - timeline_frame
        _start_entry(players, reports, entry, strips, arena, at, 0, fade)


@kernel
def start_midway(
    players: Players,
    reports: Reports,
    entries: NDArray[Any],
    strips: int,
    arena: NDArray[np.float32],
    timeline_frame: int,
    frame: int,
    fade: int,
) -> None:
    """Start every entry that began before ``timeline_frame`` and still sounds there, with a fade-in of ``fade``."""
    for index in range(first_at(entries, timeline_frame)):
        entry = entries[index]
        skip = timeline_frame - entry.start_frame
        if skip < entry.length and not _sounds(players, entry):
            _start_entry(players, reports, entry, strips, arena, frame, skip, fade)


@kernel
def _same(row: Any, entry: Any) -> bool:
    """Whether a player is what ``entry`` says."""
    return (
        row.player == entry.player
        and row.entry_start == entry.start_frame
        and row.offset == entry.offset
        and row.table == entry.table - 1
        and row.length == entry.length
        and row.channels == entry.channels
        and row.strip == entry.strip
        and np.float32(row.gain) == entry.gain
        and np.float32(row.pan) == entry.pan
        and row.fade_in == max(0, entry.fade_in_frames)
        and row.fade_out == max(0, entry.fade_out_frames)
        and row.fade_in_shape == entry.fade_in_shape
        and row.fade_out_shape == entry.fade_out_shape
    )


@kernel
def _sounds(players: Players, entry: Any) -> bool:
    for index in range(players.used[0]):
        row = players.table[index]
        if row.timeline == 1 and row.release_start == NEVER and _same(row, entry):
            return True
    return False


@kernel
def release_timeline(players: Players, frame: int, fade: int) -> None:
    """Fade out every player that the timeline started."""
    for index in range(players.used[0]):
        if players.table[index].timeline == 1:
            release(players.table[index], frame, fade)


@kernel
def release_changed(players: Players, entries: NDArray[Any], frame: int, fade: int) -> None:
    """Fade out the timeline's players that are not in ``entries`` as they sound; the others sound on."""
    for index in range(players.used[0]):
        row = players.table[index]
        if row.timeline != 1 or row.release_start != NEVER:
            continue
        kept = False
        for at in range(first_at(entries, row.entry_start), len(entries)):
            if entries[at].start_frame != row.entry_start:
                break
            kept = kept or _same(row, entries[at])
        if not kept:
            release(players.table[index], frame, fade)
