"""Players: sounding clips. One table of them, and what stops or holds those that sound.

How they begin says ``beginnings``, how they sound ``playing``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER, hold, release, resume
from engine.mixer.reading import CHUNK, DOUBLED, SCRATCH
from engine.mixer.reports import Reports, tell
from engine.mixer.streams import DRY, FLOWING, PLAIN
from engine.mixer.varispeed import Filters, filters
from engine.realtime.records import Report

PLAYER = np.dtype(
    [
        ("player", "<i8"), ("serial", "<i8"), ("requested", "<i8"), ("start", "<i8"), ("skip", "<i8"),
        ("offset", "<i8"), ("length", "<i8"), ("release_start", "<i8"), ("release_frames", "<i8"),
        ("entry_start", "<i8"), ("release_gain", "<f8"), ("release_slope", "<f8"), ("gain", "<f8"), ("pan", "<f8"),
        ("sounding", "<i8"), ("attack_start", "<i8"), ("hold_start", "<i8"), ("hold_frames", "<i8"),
        ("position", "<i8"), ("step", "<i8"), ("loop_start", "<i8"), ("loop_frames", "<i8"),
        ("strip", "<i4"), ("channels", "<i4"), ("fade_in", "<i4"), ("fade_out", "<i4"), ("attack", "<i4"),
        ("timeline", "<i4"), ("fade_in_shape", "<i4"), ("fade_out_shape", "<i4"), ("band", "<i4"),
        ("loop_fade", "<i4"), ("rounds", "<i4"), ("reverse", "<i4"), ("flow", "<i4"),
        ("header", "<i8"), ("trim", "<i8"), ("table", "<i8"),
    ]
)  # fmt: skip
"""One sounding clip.

start: the engine frame of its first frame; skip: the clip's frames that came before (a start midway).
length: the clip's frames; sounding: how many frames that makes at the output.
attack: frames of a short fade-in from attack_start on.
release: from release_start on, release_gain falls to 0; before, if it was released already, it falls by release_slope
per frame. hold: from hold_start on it falls silent and waits.
timeline: 1 when the compiled timeline plays it; entry_start is then its place there.
step: 0 when it is played plainly; else the parts of a frame (varispeed.ONE) that pass in one frame of the output, and
position is where it is. rounds: how often the loop is played, 0: for ever.
header: the arena index of its stream's header while its clip is still being made, else streams.PLAIN; trim: the frames
of the stream that it leaves out; flow: see ``streams``. table: the arena index of its clip's page table while that
lies on the disk, else streams.PLAIN; offset then counts the clip's frames.
"""


class Players(NamedTuple):
    """table: PLAYER, the first ``used[0]`` rows sound, oldest first; up to ``capacity``, and some that fade out.

    filters, scratch, doubled, heard, other: what varied players need, see ``reading``; the last two hold what is
    heard. loud: how loud a player that fades is.
    """

    table: NDArray[Any]
    used: NDArray[np.int64]
    capacity: int
    filters: Filters
    scratch: NDArray[np.float32]
    doubled: NDArray[np.float32]
    heard: NDArray[np.float32]
    other: NDArray[np.float32]
    loud: NDArray[np.float64]


def new_players(capacity: int) -> Players:
    """Return a table for ``capacity`` players, all free."""
    leaving = max(64, capacity // 4)
    return Players(
        table=np.zeros(capacity + leaving, PLAYER),
        used=np.zeros(1, np.int64),
        capacity=capacity,
        filters=filters(),
        scratch=np.zeros(SCRATCH, np.float32),
        doubled=np.zeros(DOUBLED, np.float32),
        heard=np.zeros(CHUNK, np.float32),
        other=np.zeros(CHUNK, np.float32),
        loud=np.zeros(CHUNK),
    )


@kernel
def stop(players: Players, player: int, frame: int, frames: int) -> None:
    """Fade out the players with id ``player`` (0: all) that sound at ``frame``."""
    for index in range(players.used[0]):
        row = players.table[index]
        if (player == 0 or row.player == player) and row.start <= frame:
            release(row, frame, frames)


@kernel
def pause(players: Players, reports: Reports, player: int, frame: int, frames: int, paused: bool) -> None:
    """Hold the players with id ``player`` (0: all but the timeline's), or let them go on."""
    for index in range(players.used[0]):
        row = players.table[index]
        if row.player != player and (player != 0 or row.timeline == 1):
            continue
        if paused:
            if row.flow == DRY:
                row.flow = FLOWING  # it is silent already; now it waits for whoever paused it
            if row.hold_start == NEVER:
                hold(row, frame, frames)
                tell(reports, Report.HELD, row.strip, row.player, row.serial, frame, frame, float(frames))
        elif row.header != PLAIN and row.flow == FLOWING and row.hold_start != NEVER:
            row.flow = DRY  # it goes on once there is enough
        elif row.hold_start != NEVER:
            resume(row, frame, frames)
            tell(reports, Report.RESUMED, row.strip, row.player, row.serial, frame, frame, float(frames))


@kernel
def release_all(players: Players, frame: int, frames: int) -> None:
    """Fade out every player."""
    for index in range(players.used[0]):
        release(players.table[index], frame, frames)


@kernel
def release_on(players: Players, strips: NDArray[np.bool_], frame: int, frames: int) -> None:
    """Fade out every player on one of ``strips``."""
    for index in range(players.used[0]):
        if strips[players.table[index].strip]:
            release(players.table[index], frame, frames)


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
def rehouse(players: Players, reports: Reports, before: Players, places: NDArray[np.int32], frame: int) -> None:
    """Go on with the players of another mixer; ``places``: its strips' new indexes, -1 where players end."""
    kept = 0
    for index in range(before.used[0]):
        row = before.table[index]
        strip = places[row.strip]
        if strip < 0:
            tell(reports, Report.ENDED, 0, row.player, row.serial, row.requested, frame, 0.0)
            continue
        players.table[kept] = row
        players.table[kept].strip = strip
        kept += 1
    players.used[0] = kept
