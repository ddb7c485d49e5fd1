"""The fixed-size records that cross process borders: live commands, reports, timeline entries, the status block.

Pure layout: numpy dtypes and their codes, no memory and no I/O. All frames are engine frames (counted from the
start of the audio process) unless the field says timeline.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NOW = -1
"""A record's ``frame`` that means: at the start of the next block."""

RECORD_BYTES = 128


STREAMED, PAGED = 1, 2
"""A START_PLAYER's flags: its clip is still being made; its clip lies on the disk."""
PUT_OFF = 4
"""A flag of what turns something of an insert: the mixer has put it off, since too much was turned at once."""


class Kind(IntEnum):
    """What a live record asks of the mixer."""

    START_PLAYER = 1
    STOP_PLAYER = 2
    SET_GAIN = 3
    SET_PAN = 4
    SET_MUTE = 5
    SET_SOLO = 6
    SET_SEND = 7
    SET_INSERT = 8
    SET_BYPASS = 9
    PLAY = 10
    STOP = 11
    LOCATE = 12
    SET_LOOP = 13
    PANIC = 14
    EPOCH = 15
    CLEAR_SCHEDULED = 16
    SET_LIMITER = 17
    STOP_AT = 18
    PAUSE_PLAYER = 19
    RESUME_PLAYER = 20
    SET_DUCK = 21
    FORGET = 22
    SET_RECORD = 30
    SET_FEED = 31
    SET_INLET = 32


class Shape(IntEnum):
    """How a fade runs from 0 to 1; a fade-out is the same backwards."""

    LINEAR = 0
    EQUAL_POWER = 1
    S_CURVE = 2
    EXPONENTIAL = 3


RECORD = np.dtype(
    {
        "names": [
            "kind", "strip", "frame", "player", "serial", "offset", "length", "channels", "index", "param",
            "flags", "value", "gain", "pan", "ramp_frames", "fade_in_frames", "fade_out_frames",
            "attack_frames", "rate", "loop_start", "loop_frames", "loop_fade_frames", "fade_in_shape", "fade_out_shape",
        ],
        "formats": [
            "<i4", "<i4", "<i8", "<i8", "<i8", "<i8", "<i8", "<i4", "<i4", "<i4",
            "<i4", "<f8", "<f4", "<f4", "<i4", "<i4", "<i4",
            "<i4", "<f8", "<i8", "<i8", "<i4", "<u1", "<u1",
        ],
        "itemsize": RECORD_BYTES,
    }
)  # fmt: skip
"""One live command.

kind: a Kind. strip: index in the graph. frame: when, an engine frame, or NOW. player: id of the player to start or
stop (0 with STOP_PLAYER: all players). serial: the number that a report repeats.
START_PLAYER: offset (arena index of the first float to play: trim is already in it), length (the clip's frames to
play), channels (1 or 2), gain (linear), pan (-1..1), fade_in_frames, fade_out_frames and their Shapes, attack_frames
(a short straight fade-in on top, for a start inside a sound). rate: how many frames of the clip pass in one of the
output, pitch and speed together, 1/4 to 4; negative: backwards from the last frame on; 0 means 1. loop_start and
loop_frames: a stretch, counted in frames as they are played, that is played index times (0: for ever) before it goes
on; its last loop_fade_frames blend with as many before loop_start. Fades are in output frames.
With the flag STREAMED it plays what is still being made, always plainly: value is the arena index of its header,
offset the first float of its sound, loop_start the frames to leave out, length the most that there can be. With the
flag PAGED it plays from the disk, plainly too: value is the arena index of the clip's page table, offset its first
frame.
STOP_PLAYER and PANIC: ramp_frames is the fade. PAUSE_PLAYER and RESUME_PLAYER: player (0: all that the timeline did
not start), ramp_frames is the fade; starts that still wait for their frame go on waiting when they are resumed.
SET_GAIN: value is linear gain. SET_PAN: value -1..1. SET_MUTE, SET_SOLO, SET_BYPASS: value 0 or 1. SET_SEND: index
is the send's key in the graph, value is linear gain. SET_INSERT: index is the insert's key in the graph, param counts
the effect's parameters in table order, value is in the parameter's unit. All of these glide over ramp_frames.
FORGET: effects are as new, their oscillators too; it takes milliseconds and fades nothing, so it is for silence.
SET_DUCK: param counts the table of ducking, value is in its unit. SET_RECORD: value 1: lane index of recording serial
is strip from that frame on; 0: that recording ends. SET_FEED: value 1: lane index of the feed is strip from now on; 0:
it is free. SET_INLET: value 1: inlet index is heard on strip from now on; 0: it is not.
LOCATE: value is a timeline frame. SET_LOOP: offset and length are timeline start and length (length 0: off). STOP_AT:
the timeline stops by itself when it reaches frame value; LOCATE, STOP and PLAY of a later block forget that (in one
block: PLAY first, then STOP_AT). EPOCH: serial is the epoch to acknowledge. SET_LIMITER: value is the ceiling in dBTP,
NaN: off.
"""


class Report(IntEnum):
    """What the audio process tells."""

    STARTED = 1
    ENDED = 2
    LATE = 3
    NO_PLAYER = 4
    EPOCH = 5
    LOOPED = 6
    SCHEDULE_FULL = 7
    STRIP_FAILED = 8
    TIMELINE = 9
    TRANSPORT = 10
    PANICKED = 11
    TAKEN = 20
    SWAPPED = 21
    BEATS = 22
    AUTOMATED = 23
    STOLEN = 12
    UNDERRUN = 13
    REFILLED = 14
    HELD = 15
    RESUMED = 16


REPORT = np.dtype(
    {
        "names": ["kind", "strip", "player", "serial", "requested_frame", "actual_frame", "value"],
        "formats": ["<i4", "<i4", "<i8", "<i8", "<i8", "<i8", "<f8"],
        "itemsize": 64,
    }
)
"""One report. STARTED and ENDED: player, requested and actual engine frame. STARTED's value is 1 where the clip is
still being made; of the timeline's players, how many frames of the clip came before (a start midway). ENDED's is how
long the fade was with which it was stopped, which began at requested_frame, 0: it came to its end.
LATE: the record's serial and both frames. TIMELINE:
serial is the generation now playing. TRANSPORT: value is 1 playing, 0 stopped; requested_frame is the timeline frame,
actual_frame the engine frame of the change. STRIP_FAILED: the strip that was silenced. TAKEN: the block at actual_frame
took the records up to position serial of the ring. SWAPPED: the mixer begins at actual_frame to go over to another
graph. STOLEN: the player fades out, its place is wanted for a newer one. UNDERRUN: the player has played all that is
ready, value frames, and is silent from actual_frame on; it began to fade at requested_frame. REFILLED: it goes on at
actual_frame, after value frames of silence. HELD: the player pauses, fading from actual_frame on within value frames.
RESUMED: it goes on at actual_frame, fading in within value frames.
BEATS: the timeline has the DAW's from now on: value is beats a minute, 0: its own again; serial is beats to a bar,
requested_frame the timeline frame on which the first bar begins."""


HEARD = np.dtype([("frame", "<i8"), ("size", "u1"), ("bytes", "u1", 3), ("spare", "<u4")])
"""A short MIDI message from a DAW, at an engine frame; of size 0: so many, frame, found no room."""


ENTRY = np.dtype(
    {
        "names": [
            "start_frame", "length", "offset", "player", "table", "channels", "strip",
            "gain", "pan", "fade_in_frames", "fade_out_frames", "fade_in_shape", "fade_out_shape",
        ],
        "formats": ["<i8", "<i8", "<i8", "<i8", "<i8", "<i4", "<i4", "<f4", "<f4", "<i4", "<i4", "<u1", "<u1"],
        "itemsize": 72,
    }
)  # fmt: skip
"""One clip of the compiled timeline, sorted by start_frame (timeline frames). offset: arena index of the first float
to play. player: the id that its player reports, stable over generations as long as the clip is the same. table: one
more than the arena index of its page table if it lies on the disk, offset is then its first frame; else 0."""


AUTOMATION = np.dtype(
    [
        ("frame", "<i8"), ("frames", "<i8"), ("kind", "<i4"), ("strip", "<i4"), ("key", "<i4"), ("param", "<i4"),
        ("lane", "<i8"), ("begin", "<f8"), ("end", "<f8"),
    ]
)  # fmt: skip
"""One move of a knob by the timeline, sorted by frame (timeline frames): from ``begin`` to ``end`` in ``frames``.

kind: SET_GAIN, SET_PAN, SET_SEND or SET_INSERT; strip, key, param, begin and end as in a RECORD of that kind. lane:
what moves the same knob has the same number.
"""


class Turned(NamedTuple):
    """What a record says that turns something, read at once: to read an array's row field by field takes longer."""

    kind: int
    strip: int
    place: int
    """The record's index."""
    param: int
    value: float
    ramp_frames: int
    flags: int


_TURNED: Callable[[Any], tuple[Any, ...]] = itemgetter(
    *((RECORD.names or ()).index(name) for name in ("kind", "strip", "index", "param", "value", "ramp_frames", "flags"))
)


def turned(row: Any) -> Turned:
    """Return what a record that turns something says. row: the record as a tuple."""
    return Turned._make(_TURNED(row))


def records(count: int) -> np.ndarray:
    """Return ``count`` zeroed live records with ``frame`` set to NOW."""
    block = np.zeros(count, RECORD)
    block["frame"] = NOW
    return block


def joined(first: NDArray[np.void], second: NDArray[np.void]) -> NDArray[np.void]:
    """Return live records one after the other. Numpy would compare their fields first: some 80 µs."""
    if not len(first) or not len(second):
        return first if len(first) else second
    return np.frombuffer(bytearray(first.tobytes() + second.tobytes()), RECORD)


def of_streams(reports: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which REPORTs tell how players of what is still being made fare: nobody foresees that."""
    kinds = reports["kind"]
    began = (kinds == Report.STARTED) & (reports["value"] == 1.0)
    told: NDArray[np.bool_] = began | (kinds == Report.UNDERRUN) | (kinds == Report.REFILLED)
    return told
