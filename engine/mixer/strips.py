"""Strips: what their faders, pans, gates, sends and meters are at, and how they are turned.

Sends are post-fader. Mute and solo close gates, which are ramps as well. A soloed track closes the other tracks, sends
included; a soloed bus closes every other direct output but leaves the sends that feed it. So ``direct`` (to the
master) and ``feed`` (to the buses) are two gates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.graph import Graph
from engine.mixer.ramps import glide, new_ramps
from engine.mixer.reports import Reports, tell
from engine.realtime.records import Kind, Report
from engine.units import db_to_gain

GAIN, PAN, DIRECT, FEED = 0, 1, 2, 3
ROWS = 4
"""Ramps of one strip; those of the sends follow after all strips, the last ramp of all is the panic gain."""

STAGGER = 136
"""Frames that each strip's buffer has beyond a block: a power of two apart, all would share a few lines of a cache."""

KINDS = ("track", "bus", "master", "gone", "private")
TRACK, BUS, MASTER, GONE, PRIVATE = range(5)
"""A private bus is in no sum, and no solo closes it."""


class Strips(NamedTuple):
    """State of all strips.

    kind, mute, solo, failed: one per strip. first_send: (strips + 1,) index of a strip's first send; send_to: strips;
    send_key: what records call it. master: [its index].
    curves: scratch for ramps, (5, at least max_block). meters: (strips, 2 channels, peak | sum of squares).
    """

    kind: NDArray[np.int32]
    mute: NDArray[np.int32]
    solo: NDArray[np.int32]
    failed: NDArray[np.int32]
    first_send: NDArray[np.int32]
    send_to: NDArray[np.int32]
    send_key: NDArray[np.int32]
    master: NDArray[np.int32]
    ramps: NDArray[Any]
    curves: NDArray[np.float64]
    meters: NDArray[np.float64]


def new_strips(graph: Graph, max_block_frames: int) -> Strips:
    """Return the state of ``graph``'s strips as the graph sets them, at rest."""
    specs = graph.strips
    sends = [send for spec in specs for send in spec.sends]
    values = [value for spec in specs for value in (db_to_gain(spec.gain_db), spec.pan, 1.0, 1.0)]
    values += [db_to_gain(send.gain_db) for send in sends]
    strips = Strips(
        kind=np.array([KINDS.index(spec.kind) for spec in specs], np.int32),
        mute=np.array([spec.mute for spec in specs], np.int32),
        solo=np.array([spec.solo for spec in specs], np.int32),
        failed=np.zeros(len(specs), np.int32),
        first_send=np.cumsum([0, *(len(spec.sends) for spec in specs)]).astype(np.int32),
        send_to=np.array([send.to for send in sends], np.int32),
        send_key=np.array([send.key for send in sends], np.int32),
        master=np.array([graph.master], np.int32),
        ramps=new_ramps([*values, 1.0]),
        curves=np.zeros((5, max_block_frames + STAGGER)),
        meters=np.zeros((len(specs), 2, 2)),
    )
    set_gates(strips, 0, 0)
    return strips


@kernel
def set_gates(strips: Strips, frame: int, frames: int) -> None:
    """Let every gate go to where the mutes and solos want it, within ``frames`` from ``frame`` on."""
    track_solo = False
    bus_solo = False
    for strip in range(len(strips.kind)):
        track_solo |= strips.kind[strip] == TRACK and strips.solo[strip] != 0
        bus_solo |= strips.kind[strip] == BUS and strips.solo[strip] != 0
    for strip in range(len(strips.kind)):
        direct = strips.mute[strip] == 0
        feed = direct
        if strips.kind[strip] == TRACK and strips.solo[strip] == 0:
            direct = direct and not (track_solo or bus_solo)
            feed = feed and not track_solo
        if strips.kind[strip] == BUS and strips.solo[strip] == 0:
            direct = direct and not bus_solo
        _set_gate(strips.ramps, ROWS * strip + DIRECT, 1.0 if direct else 0.0, frame, frames)
        _set_gate(strips.ramps, ROWS * strip + FEED, 1.0 if feed else 0.0, frame, frames)


@kernel
def _set_gate(ramps: NDArray[Any], row: int, target: float, frame: int, frames: int) -> None:
    if ramps[row].end != target:
        glide(ramps, row, target, frame, frames)


@kernel
def find_send(strips: Strips, strip: int, key: int) -> int:
    """Return the index of a strip's send, -1 if it has none of that key."""
    for send in range(strips.first_send[strip], strips.first_send[strip + 1]):
        if strips.send_key[send] == key:
            return send
    return -1


@kernel
def is_turn(kind: int) -> bool:
    """Whether records of ``kind`` are for ``turn``."""
    return kind in (Kind.SET_GAIN, Kind.SET_PAN, Kind.SET_MUTE, Kind.SET_SOLO, Kind.SET_SEND)


@kernel
def is_for_inserts(kind: int) -> bool:
    """Whether records of ``kind`` turn something of an insert."""
    return kind in (Kind.SET_INSERT, Kind.SET_BYPASS)


@kernel
def turn(strips: Strips, record: Any, frame: int, shortest_ramp: int) -> bool:
    """Do what a SET_GAIN, SET_PAN, SET_MUTE, SET_SOLO or SET_SEND record asks, from ``frame`` on.

    False: the record is of another kind, or names no strip or send of this graph.
    """
    strip = record.strip
    if not 0 <= strip < len(strips.kind) or not np.isfinite(record.value):
        return False
    frames = max(shortest_ramp, record.ramp_frames)
    if record.kind == Kind.SET_GAIN:
        glide(strips.ramps, ROWS * strip + GAIN, record.value, frame, frames)
    elif record.kind == Kind.SET_PAN:
        glide(strips.ramps, ROWS * strip + PAN, min(1.0, max(-1.0, record.value)), frame, frames)
    elif record.kind == Kind.SET_MUTE:
        strips.mute[strip] = record.value != 0.0
        set_gates(strips, frame, shortest_ramp)
    elif record.kind == Kind.SET_SOLO:
        strips.solo[strip] = record.value != 0.0
        set_gates(strips, frame, shortest_ramp)
    elif record.kind == Kind.SET_SEND:
        send = find_send(strips, strip, record.index)
        if send < 0:
            return False
        glide(strips.ramps, ROWS * len(strips.kind) + send, record.value, frame, frames)
    else:
        return False
    return True


@kernel
def fail(strips: Strips, reports: Reports, strip: int, frame: int) -> None:
    """Silence ``strip`` for good and report it, once."""
    if strips.failed[strip] == 0:
        strips.failed[strip] = 1
        tell(reports, Report.STRIP_FAILED, strip, 0, 0, frame, frame, 0.0)
