"""From one graph to the next while it sounds: where each strip goes on, and how its levels get there without a step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.mixer.graph import Graph
from engine.mixer.insert import BYPASS
from engine.mixer.ramps import glide
from engine.mixer.strips import GAIN, PAN, ROWS, Strips, find_send, set_gates
from engine.realtime.records import Kind

FADE_SECONDS = 0.03
"""How long what comes, goes or moves takes."""

Waiting = frozenset[tuple[int, int, int]]
"""What a scheduled record will set: kind, strip, and its send's or insert's key (0 otherwise)."""


def strip_places(old: Graph, new: Graph) -> NDArray[np.int32]:
    """Return for each strip of ``old`` where it goes on in ``new``, -1 where it does not."""
    lives = {spec.id: index for index, spec in enumerate(new.strips) if spec.lives}
    places = np.full(len(old.strips), -1, np.int32)
    for index, spec in enumerate(old.strips):
        same = index < len(new.strips) and new.strips[index].kind == spec.kind and new.strips[index].id == spec.id
        if spec.kind != "gone":
            places[index] = index if same else lives.get(spec.id, -1) if spec.lives else -1
    return places


def waiting_for(records: NDArray[np.void]) -> Waiting:
    """Return what scheduled ``records`` will set."""
    keyed = (Kind.SET_SEND, Kind.SET_INSERT, Kind.SET_BYPASS)
    return frozenset((int(r["kind"]), int(r["strip"]), int(r["index"]) if r["kind"] in keyed else 0) for r in records)


def waiting_params(records: NDArray[np.void], strip: int) -> Mapping[int, frozenset[int]]:
    """Return which parameters of a strip's inserts scheduled ``records`` will set, by the insert's key."""
    found: dict[int, set[int]] = defaultdict(set)
    for record in records[records["strip"] == strip]:
        if record["kind"] == Kind.SET_INSERT:
            found[int(record["index"])].add(int(record["param"]))
        elif record["kind"] == Kind.SET_BYPASS:
            found[int(record["index"])].add(BYPASS)
    return {key: frozenset(params) for key, params in found.items()}


def part(strips: Strips, graph: Graph, following: Graph, frame: int, fade: int) -> NDArray[np.bool_]:
    """Let sends go to nothing that ``following`` has not, and strips too that it can't even let ring out.

    Returns those strips whose players must end: those that are leaving or have no place any more.
    """
    places = strip_places(graph, following)
    ending = np.zeros(len(graph.strips), np.bool_)
    for index, spec in enumerate(graph.strips):
        place = int(places[index])
        ending[index] = place < 0 or following.strips[place].leaving
        if place < 0:
            glide(strips.ramps, ROWS * index + GAIN, 0.0, frame, fade)
            continue
        kept = {send.to for send in following.strips[place].sends}
        for send in spec.sends:
            if int(places[send.to]) not in kept:
                row = ROWS * len(strips.kind) + find_send(strips, index, send.key)
                glide(strips.ramps, row, 0.0, frame, fade)
    return ending


def go_on(strips: Strips, graph: Graph, before: Strips, old: Graph, waiting: Waiting, frame: int, fade: int) -> None:
    """Let ``strips``, fresh from ``graph``, begin where those ``before`` stand, and go to what ``graph`` says.

    A ramp that is on its way there goes on; what a scheduled record will set waits for it.
    """
    strips.ramps[-1] = before.ramps[-1]
    for index in range(len(strips.kind)):
        for send in range(strips.first_send[index], strips.first_send[index + 1]):
            strips.ramps[ROWS * len(strips.kind) + send]["begin"] = 0.0
            strips.ramps[ROWS * len(strips.kind) + send]["start_frame"] = frame
            strips.ramps[ROWS * len(strips.kind) + send]["frames"] = fade
    for index, place in enumerate(strip_places(old, graph).tolist()):
        if place < 0:
            continue
        leaving = graph.strips[place].leaving
        for row, kind in ((GAIN, Kind.SET_GAIN), (PAN, Kind.SET_PAN)):
            keeps = leaving or (kind, index, 0) in waiting
            _follow(strips.ramps, ROWS * place + row, before.ramps, ROWS * index + row, keeps, frame, fade)
        for row in range(PAN + 1, ROWS):
            strips.ramps[ROWS * place + row] = before.ramps[ROWS * index + row]
        if leaving or (Kind.SET_MUTE, index, 0) in waiting:
            strips.mute[place] = before.mute[index]
        if not leaving and (Kind.SET_SOLO, index, 0) in waiting:
            strips.solo[place] = before.solo[index]
        if graph.strips[place].insert_keys == old.strips[index].insert_keys:
            strips.failed[place] = before.failed[index]
        _follow_sends(strips, place, before, index, leaving, waiting, frame, fade)
    set_gates(strips, frame, fade)


def paired_sends(before: Strips, strips: Strips, places: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Return the sends that both mixers have, as indexes of each."""
    found: list[tuple[int, int]] = []
    for index, place in enumerate(places.tolist()):
        for old in range(before.first_send[index], before.first_send[index + 1]):
            own = find_send(strips, place, before.send_key[old]) if place >= 0 else -1
            if own >= 0:
                found.append((old, own))
    return found


def _follow_sends(
    strips: Strips, place: int, before: Strips, index: int, leaving: bool, waiting: Waiting, frame: int, fade: int
) -> None:
    for send in range(strips.first_send[place], strips.first_send[place + 1]):
        key = int(strips.send_key[send])
        old = find_send(before, index, key)
        if old >= 0:
            keeps = leaving or (Kind.SET_SEND, index, key) in waiting
            rows = ROWS * len(strips.kind) + send, ROWS * len(before.kind) + old
            _follow(strips.ramps, rows[0], before.ramps, rows[1], keeps, frame, fade)


def _follow(
    ramps: NDArray[np.void],
    row: int,
    before: NDArray[np.void],
    old_row: int,
    keeps: bool,
    frame: int,
    fade: int,
) -> None:
    target = float(ramps[row]["end"])
    ramps[row] = before[old_row]
    if not keeps and float(ramps[row]["end"]) != target:
        glide(ramps, row, target, frame, fade)
