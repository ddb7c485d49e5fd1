"""The schedule: live records that wait for their frame, in order. Bounded: what finds no room is reported."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.beginnings import start, vary
from engine.mixer.compile import kernel
from engine.mixer.knobs import Knobs, note
from engine.mixer.levels import NEVER
from engine.mixer.players import Players, pause, stop
from engine.mixer.reports import Reports, tell
from engine.mixer.streams import PLAIN
from engine.mixer.strips import Strips, is_for_inserts, is_turn, turn
from engine.mixer.uncounted import uncounted
from engine.realtime.records import NOW, PAGED, PUT_OFF, RECORD, STREAMED, Kind, Report

CAPACITY = 4096

SUSPENDED = 1 << 60
"""The frame of a start that is put off, plus what it still had to wait."""


class Schedule(NamedTuple):
    """slots: RECORDs in any order. order: their places, by frame, then by arrival; the rest of it lists free slots.

    used: [records that wait].
    """

    slots: NDArray[Any]
    order: NDArray[np.int32]
    used: NDArray[np.int64]


def new_schedule() -> Schedule:
    """Return an empty schedule."""
    return Schedule(np.zeros(CAPACITY, RECORD), np.arange(CAPACITY, dtype=np.int32), np.zeros(1, np.int64))


@kernel
def put(schedule: Schedule, reports: Reports, record: Any, now: int) -> None:
    """Let ``record`` wait for its frame; SCHEDULE_FULL is reported when there is no room."""
    count = schedule.used[0]
    if count >= len(schedule.slots):
        tell(reports, Report.SCHEDULE_FULL, record.strip, record.player, record.serial, record.frame, now, record.kind)
        return
    slot = schedule.order[count]
    schedule.slots[slot] = record
    at = count
    while at > 0 and schedule.slots[schedule.order[at - 1]].frame > record.frame:
        schedule.order[at] = schedule.order[at - 1]
        at -= 1
    schedule.order[at] = slot
    schedule.used[0] = count + 1


@kernel
def _drop_first(schedule: Schedule) -> None:
    count = schedule.used[0]
    freed = schedule.order[0]
    for at in range(1, count):
        schedule.order[at - 1] = schedule.order[at]
    schedule.order[count - 1] = freed
    schedule.used[0] = count - 1


@kernel
def clear(schedule: Schedule, reports: Reports, now: int) -> None:
    """Forget everything that waits but what the mixer itself has put off; starts are reported as ENDED."""
    kept = 0
    for at in range(schedule.used[0]):
        slot = schedule.order[at]
        record = schedule.slots[slot]
        if is_for_inserts(record.kind) and record.flags & PUT_OFF:
            schedule.order[at], schedule.order[kept] = schedule.order[kept], slot
            kept += 1
        elif record.kind == Kind.START_PLAYER:
            tell(reports, Report.ENDED, record.strip, record.player, record.serial, record.frame, now, 0.0)
    schedule.used[0] = kept


@kernel
def cancel(schedule: Schedule, reports: Reports, player: int, now: int) -> None:
    """Forget the starts of ``player`` (0: all) that still wait; each is reported as ENDED."""
    kept = 0
    freed = 0
    count = schedule.used[0]
    for at in range(count):
        slot = schedule.order[at]
        record = schedule.slots[slot]
        if _starts(record, player):
            tell(reports, Report.ENDED, record.strip, record.player, record.serial, record.frame, now, 0.0)
            freed += 1
            continue
        schedule.order[at] = schedule.order[kept]
        schedule.order[kept] = slot
        kept += 1
    schedule.used[0] = count - freed


@kernel
def suspend(schedule: Schedule, player: int, now: int) -> None:
    """Put off the starts of ``player`` (0: all) that still wait, until ``wake``."""
    for at in range(schedule.used[0]):
        record = schedule.slots[schedule.order[at]]
        if _starts(record, player) and record.frame < SUSPENDED:
            record.frame += SUSPENDED - now
    _sort(schedule)


@kernel
def wake(schedule: Schedule, player: int, now: int) -> None:
    """Let the starts of ``player`` (0: all) that were put off wait for as long as they still had to."""
    for at in range(schedule.used[0]):
        record = schedule.slots[schedule.order[at]]
        if _starts(record, player) and record.frame >= SUSPENDED:
            record.frame += now - SUSPENDED
    _sort(schedule)


@kernel
def _starts(record: Any, player: int) -> bool:
    started: bool = record.kind == Kind.START_PLAYER and (player == 0 or record.player == player)
    return started


@kernel
def _sort(schedule: Schedule) -> None:
    """Put what waits in order again, by frame; what is due at the same frame keeps its order."""
    for count in range(1, schedule.used[0]):
        slot, at = schedule.order[count], count
        while at > 0 and schedule.slots[schedule.order[at - 1]].frame > schedule.slots[slot].frame:
            schedule.order[at] = schedule.order[at - 1]
            at -= 1
        schedule.order[at] = slot


@kernel
def is_for_players(kind: int) -> bool:
    """Whether records of ``kind`` start, stop, hold or resume players."""
    return kind in (Kind.START_PLAYER, Kind.STOP_PLAYER, Kind.PAUSE_PLAYER, Kind.RESUME_PLAYER)


@kernel
def _cuts(kind: int) -> bool:
    """Whether a block has to end where a record of ``kind`` is due; starts, stops and pauses act inside one."""
    return kind == Kind.RESUME_PLAYER or not is_for_players(kind)


@kernel
def next_cut(schedule: Schedule) -> int:
    """Return the frame of the first record that waits and cuts a block; NEVER if there is none."""
    for at in range(schedule.used[0]):
        record = schedule.slots[schedule.order[at]]
        if _cuts(record.kind):
            return record.frame
    return NEVER


@kernel
def apply_to_players(
    schedule: Schedule,
    players: Players,
    reports: Reports,
    record: Any,
    strips: int,
    arena: NDArray[np.float32],
    frame: int,
    shortest_fade: int,
) -> None:
    """Do what a record for players asks, at engine ``frame``."""
    fade = max(shortest_fade, record.ramp_frames)
    if record.kind == Kind.START_PLAYER:
        requested = record.frame if record.frame >= 0 else frame
        header = int(record.value) if record.flags & STREAMED else PLAIN
        index = start(
            players, reports, record, strips, arena, frame, 0, 0, 0, record.serial, requested, shortest_fade,
            header, int(record.value) if record.flags & PAGED else PLAIN,
        )  # fmt: skip
        if index >= 0 and header == PLAIN:
            vary(players, index, record)
        elif index >= 0:
            players.table[index].trim = max(0, record.loop_start)
    elif record.kind == Kind.STOP_PLAYER:
        stop(players, record.player, frame, fade)
        if record.player != 0:
            cancel(schedule, reports, record.player, frame)
    elif record.kind == Kind.PAUSE_PLAYER:
        pause(players, reports, record.player, frame, fade, True)
        suspend(schedule, record.player, frame)
    else:
        pause(players, reports, record.player, frame, fade, False)
        wake(schedule, record.player, frame)


@kernel
def take(
    schedule: Schedule,
    players: Players,
    reports: Reports,
    records: NDArray[Any],
    first: int,
    strips: Strips,
    knobs: Knobs,
    automated: bool,
    arena: NDArray[np.float32],
    frame: int,
    shortest_fade: int,
) -> int:
    """Take ``records`` from place ``first`` on, in order: those of a later frame wait, the others are done at once.

    Returns the place of the first that is due and not for players or strips, or how many there are; late ones are
    reported. automated: the timeline turns knobs, and has to hear of others who do: then strips are left out, too.
    """
    schedule, players, reports, records = uncounted((schedule, players, reports, records))
    strips, knobs, arena = uncounted((strips, knobs, arena))
    count = len(strips.kind)
    for place in range(first, len(records)):
        record = records[place]
        if record.frame >= frame:
            put(schedule, reports, record, frame)
            continue
        if record.frame != NOW:
            tell(reports, Report.LATE, record.strip, record.player, record.serial, record.frame, frame, 0.0)
        if is_for_players(record.kind):
            apply_to_players(schedule, players, reports, record, count, arena, frame, shortest_fade)
        elif is_turn(record.kind) and not automated:
            note(knobs, record, frame)
            turn(strips, record, frame, shortest_fade)
        else:
            return place
    return len(records)


@kernel
def play_due(
    schedule: Schedule,
    players: Players,
    reports: Reports,
    strips: int,
    arena: NDArray[np.float32],
    before: int,
    shortest_fade: int,
) -> None:
    """Start and stop players whose records are due before frame ``before``, each at its own frame."""
    schedule, players, reports, arena = uncounted((schedule, players, reports, arena))
    while schedule.used[0] > 0:
        slot = schedule.order[0]
        if schedule.slots[slot].frame >= before or _cuts(schedule.slots[slot].kind):
            return
        _drop_first(schedule)
        record = schedule.slots[slot]
        apply_to_players(schedule, players, reports, record, strips, arena, record.frame, shortest_fade)


@kernel
def take_cut(schedule: Schedule, frame: int) -> int:
    """Take the first record if it is due at ``frame`` or earlier and return its slot, else -1."""
    if schedule.used[0] == 0:
        return -1
    slot = schedule.order[0]
    if schedule.slots[slot].frame > frame:
        return -1
    _drop_first(schedule)
    return slot


@kernel
def take_inserts(schedule: Schedule, frame: int, into: NDArray[Any]) -> int:
    """Take what is due at ``frame`` and turns something of inserts, up to the first that does not; return how much."""
    taken = 0
    while taken < len(into) and schedule.used[0] > 0:
        record = schedule.slots[schedule.order[0]]
        if record.frame > frame or not is_for_inserts(record.kind):
            break
        into[taken] = record
        taken += 1
        _drop_first(schedule)
    return taken


@kernel
def rehouse(schedule: Schedule, reports: Reports, waiting: NDArray[Any], places: NDArray[np.int32], now: int) -> None:
    """Let records of another mixer wait here; ``places``: its strips' new indexes. ``waiting`` is changed."""
    for at in range(len(waiting)):
        record = waiting[at]
        if 0 <= record.strip < len(places):  # beyond: of a strip that has only now been added
            record.strip = places[record.strip]
        put(schedule, reports, record, now)
