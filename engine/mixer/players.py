"""Players: sounding clips. One table, one kernel that plays them all into the strips' inputs.

A fade-in is 0 at the first frame, a fade-out reaches 0 one frame after the last. When every place is taken a newcomer
gets that of the quietest player, of several the oldest. The timeline's come last, and only for the timeline itself.
Whoever has to go fades out and is reported.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.levels import NEVER, hold, level, level_rests, release, resume
from engine.mixer.paging import find, follow_pages, is_table
from engine.mixer.reading import CHUNK, SCRATCH, move_on, read_varied, sound
from engine.mixer.reports import Reports, tell
from engine.mixer.streams import BEFORE, DRY, FLOWING, PLAIN, follow
from engine.mixer.varispeed import FASTEST, ONE, SLOWEST, Filters, band_of, filters
from engine.realtime.records import Report

ALL_TAKEN, BAD_CLIP = 0.0, 1.0
"""A NO_PLAYER report's value: why the player did not start."""

LONGEST = 1 << 30
"""Frames that one clip may be long where it is not played plainly, more than six hours."""

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

    filters, scratch, heard, other: what varied players need, see ``reading``; the last two hold what is heard.
    """

    table: NDArray[Any]
    used: NDArray[np.int64]
    capacity: int
    filters: Filters
    scratch: NDArray[np.float32]
    heard: NDArray[np.float32]
    other: NDArray[np.float32]


def new_players(capacity: int) -> Players:
    """Return a table for ``capacity`` players, all free."""
    leaving = max(64, capacity // 4)
    return Players(
        table=np.zeros(capacity + leaving, PLAYER),
        used=np.zeros(1, np.int64),
        capacity=capacity,
        filters=filters(),
        scratch=np.zeros(SCRATCH, np.float32),
        heard=np.zeros(CHUNK, np.float32),
        other=np.zeros(CHUNK, np.float32),
    )


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
    fits = clip.offset >= 0 and clip.length > skip
    fits = fits and (clip.channels == 1 or clip.channels == 2) and 0 <= clip.strip < strips
    fits = fits and np.isfinite(clip.gain) and np.isfinite(clip.pan)
    if table == PLAIN:
        fits = fits and clip.length <= len(arena) and clip.offset + clip.length * clip.channels <= len(arena)
    else:
        fits = fits and is_table(arena, table, clip)
    if not fits:
        tell(reports, Report.NO_PLAYER, clip.strip, clip.player, serial, requested, frame, BAD_CLIP)
        return -1
    if not _make_room(players, reports, timeline, frame, fade):
        tell(reports, Report.NO_PLAYER, clip.strip, clip.player, serial, requested, frame, ALL_TAKEN)
        return -1
    index = players.used[0]
    row = players.table[index]
    players.used[0] += 1
    row.player = clip.player
    row.serial = serial
    row.requested = requested
    row.start = frame
    row.skip = skip
    row.offset = clip.offset
    row.length = clip.length
    row.sounding = clip.length
    row.release_start = NEVER
    row.release_frames = 1
    row.release_gain = 1.0
    row.release_slope = 0.0
    row.hold_start = NEVER
    row.gain = clip.gain
    row.pan = min(1.0, max(-1.0, clip.pan))
    row.strip = clip.strip
    row.channels = clip.channels
    row.fade_in = max(0, clip.fade_in_frames)
    row.fade_out = max(0, clip.fade_out_frames)
    row.fade_in_shape = clip.fade_in_shape
    row.fade_out_shape = clip.fade_out_shape
    row.attack_start = frame
    row.attack = attack
    row.timeline = timeline
    row.step = 0
    row.header = header
    row.table = table
    row.flow = FLOWING if header == PLAIN else BEFORE
    if header == PLAIN:
        tell(reports, Report.STARTED, clip.strip, clip.player, serial, requested, frame, float(skip))
    return index


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
def _add(
    row: Any,
    arena: NDArray[np.float32],
    first: int,
    frame: int,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
) -> None:
    """Add the clip's frames from engine ``frame`` on, which lie at ``first``, to ``left`` and ``right``."""
    gain_left = np.float32(row.gain * min(1.0, 1.0 - row.pan))
    gain_right = np.float32(row.gain * min(1.0, 1.0 + row.pan))
    clip = arena[first : first + len(left) * row.channels]
    if not level_rests(row, frame, len(left)):
        _add_fading(row, clip, frame, gain_left, gain_right, left, right)
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
    row: Any, arena: NDArray[np.float32], frame: int, left: NDArray[np.float32], right: NDArray[np.float32]
) -> None:
    """Do the same page by page; what is not there is silence."""
    done = 0
    while done < len(left):
        first, count = find(arena, row.table, row.offset + frame + done - row.start + row.skip)
        count = min(count, len(left) - done)
        if first >= 0:
            _add(row, arena, first, frame + done, left[done : done + count], right[done : done + count])
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
) -> None:
    """Where every level is 1 this gives the same bits as the plain loops: a fade's end does not depend on blocks."""
    other = row.channels - 1
    for i in range(len(left)):
        loud = np.float32(level(row, frame + i))
        left[i] += sound(clip[row.channels * i]) * loud * gain_left
        right[i] += sound(clip[row.channels * i + other]) * loud * gain_right


@kernel
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
    filters, scratch, heard = players.filters, players.scratch, players.heard
    other = players.other if row.channels == 2 else heard
    for begin in range(0, len(left), CHUNK):
        count = min(CHUNK, len(left) - begin)
        read_varied(row, arena, filters, scratch, 0, heard, count)
        if row.channels == 2:
            read_varied(row, arena, filters, scratch, 1, players.other, count)
        move_on(row, count)
        if level_rests(row, frame + begin, count):
            for i in range(count):
                left[begin + i] += heard[i] * gain_left
                right[begin + i] += other[i] * gain_right
            continue
        for i in range(count):
            loud = np.float32(level(row, frame + begin + i))
            left[begin + i] += heard[i] * loud * gain_left
            right[begin + i] += other[i] * loud * gain_right


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
    inputs[:, : 2 * frames] = 0.0
    kept = 0
    for index in range(players.used[0]):
        row = players.table[index]
        if row.start < frame + frames:
            begin = max(frame, row.start)
            if row.header != PLAIN:
                follow(row, reports, arena, begin, frame + frames - begin, fade)
            elif row.table != PLAIN:
                follow_pages(row, reports, arena, frame, begin, frame + frames - begin, fade)
        wait = max(0, row.start - frame)
        begin = frame + wait
        left_over = row.sounding - (begin - row.start + row.skip)
        audible = NEVER if row.hold_start == NEVER else row.hold_start + row.hold_frames - begin
        if audible < left_over and (row.table == PLAIN or row.flow != DRY):
            left_over = NEVER  # it waits
        if row.release_start != NEVER:
            left_over = min(left_over, row.release_start + row.release_frames - begin)
        count = max(0, min(frames - wait, left_over, audible))
        if count > 0:
            strip = inputs[row.strip]
            left, right = strip[wait : wait + count], strip[frames + wait : frames + wait + count]
            if row.table != PLAIN:
                _add_pages(row, arena, begin, left, right)
            elif row.step == 0:  # without the scratch arrays: counting their references would cost as much as playing
                first = row.offset + (begin - row.start + row.skip) * row.channels
                _add(row, arena, first, begin, left, right)
            else:
                _add_varied(row, players, arena, begin, left, right)
        if left_over <= frames - wait:
            ended = begin + max(0, left_over)
            released = row.release_start < ended
            fade, begin = (row.release_frames, row.release_start) if released else (0, row.requested)
            tell(reports, Report.ENDED, row.strip, row.player, row.serial, begin, ended, float(fade))
            continue
        if kept != index:
            players.table[kept] = players.table[index]
        kept += 1
    players.used[0] = kept
