"""Clips on the disk in the mixer: a player plays what pages there are, stays in its place, and says where that is.

When pages run out it fades out before the last frame that is there, is silent in its place, and fades in again once
there is enough; both are reported. Unlike a stream it never waits: what it is silent over is passed by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER, hold
from engine.mixer.reports import Reports, tell
from engine.mixer.streams import DRY, FLOWING, word
from engine.realtime.pages import (
    ASKING,
    CHANNELS,
    FIRST_PAGE,
    FRAMES,
    MOST_PLACES,
    PAGE_FRAMES,
    PLACES,
    STAMP,
    WORD_FLOATS,
)
from engine.realtime.records import Report

REFILL_FRAMES = 2048
"""What has to be there, beside a block and a fade, before one goes on: pages are longer."""


@kernel
def is_table(arena: NDArray[np.float32], table: int, clip: Any) -> bool:
    """Whether the clip of the table at float ``table`` holds what ``clip`` (a RECORD or ENTRY row) wants of it."""
    if table < 0 or table % WORD_FLOATS or table + WORD_FLOATS * FIRST_PAGE > len(arena):
        return False
    fits: bool = word(arena, table, CHANNELS) == clip.channels and clip.offset >= 0
    return fits and clip.offset + clip.length <= word(arena, table, FRAMES)


@kernel
def find(arena: NDArray[np.float32], table: int, place: int) -> tuple[int, int]:
    """Return the arena index of a frame of the clip, -1 when it is not there, and how many frames its page goes on."""
    page_frames = word(arena, table, PAGE_FRAMES)
    index = place // page_frames
    inside = place - index * page_frames
    offset = word(arena, table, FIRST_PAGE + index) - 1
    if offset < 0:
        return -1, page_frames - inside
    return offset + inside * word(arena, table, CHANNELS), page_frames - inside


@kernel
def _ahead(arena: NDArray[np.float32], table: int, place: int, most: int) -> int:
    """Return how many frames are there from ``place`` on, as far as ``most``."""
    ahead = 0
    while ahead < most:
        first, frames = find(arena, table, place + ahead)
        if first < 0:
            return ahead
        ahead += frames
    return most


@kernel
def _ask(arena: NDArray[np.float32], table: int, place: int, frame: int) -> None:
    """Note that a player is at ``place`` in the block of engine ``frame``."""
    words = arena[table : table + WORD_FLOATS * FIRST_PAGE].view(np.int64)
    if words[STAMP] != frame:
        words[STAMP] = frame
        words[ASKING] = 0
    count = words[ASKING]
    if count < MOST_PLACES:
        words[PLACES + count] = place
        words[ASKING] = count + 1


@kernel
def follow_pages(
    row: Any, reports: Reports, arena: NDArray[np.float32], block: int, frame: int, frames: int, fade: int
) -> None:
    """See what there is for a PLAYER that is about to play ``frames`` frames from engine ``frame`` on.

    block: the engine frame at which the block begins. fade: how long it takes to fall silent, and to come back.
    """
    place = frame - row.start + row.skip
    paused = row.flow == FLOWING and row.hold_start != NEVER
    if paused:
        place = min(place, row.hold_start + row.hold_frames - row.start + row.skip)
    rest = max(0, row.sounding - place)
    _ask(arena, row.table, row.offset + min(place, max(0, row.length - 1)), block)
    if rest == 0 or (paused and frame >= row.hold_start + row.hold_frames):
        return
    if row.flow == DRY:
        if frame < row.hold_start + row.hold_frames:
            return
        wanted = min(rest, frames + fade + REFILL_FRAMES)
        if _ahead(arena, row.table, row.offset + place, wanted) >= wanted:
            _go_on(row, reports, frame, fade)
        return
    wanted = min(rest, frames + fade)
    ahead = _ahead(arena, row.table, row.offset + place, wanted)
    if ahead < wanted:
        _run_dry(row, reports, frame, ahead, fade)


@kernel
def _run_dry(row: Any, reports: Reports, frame: int, ahead: int, fade: int) -> None:
    """Fade out before the last of ``ahead`` frames that are there."""
    if row.hold_start == NEVER:
        if ahead > 0:
            hold(row, frame + max(0, ahead - fade), min(fade, ahead))
        else:
            hold(row, frame - 1, 1)
    row.flow = DRY
    last = row.hold_start + row.hold_frames
    tell(reports, Report.UNDERRUN, row.strip, row.player, row.serial, last, last, float(last - row.start))


@kernel
def _go_on(row: Any, reports: Reports, frame: int, fade: int) -> None:
    dry = row.hold_start + row.hold_frames
    row.flow = FLOWING
    row.hold_start = NEVER
    row.attack_start = frame
    row.attack = fade
    tell(reports, Report.REFILLED, row.strip, row.player, row.serial, dry, frame, float(frame - dry))
