"""From one graph to the next while it sounds: where each strip goes on, and how its levels get there without a step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.graph import Graph
from engine.mixer.insert import BYPASS
from engine.mixer.ramps import glide
from engine.mixer.strips import GAIN, PAN, ROWS, Strips, set_gates
from engine.mixer.uncounted import uncounted
from engine.realtime.records import Kind

FADE_SECONDS = 0.03
"""How long what comes, goes or moves takes."""

Turn = tuple[int, int, int]
"""What a record sets: kind, strip, and its send's or insert's key (0 otherwise)."""
Waiting = frozenset[Turn]
"""What scheduled records will set."""
NO_TURN: Turn = (-1, -1, -1)


class Handover(NamedTuple):
    """How a mixer of one graph follows one of another. Made beside the callback, which only has to do it.

    old: the graph before. places: its strips' new indexes, -1 where they have none. ending: its strips whose players
    must end. closing: rows of its ramps that fall silent first. rows: (old, new) rows of ramps that go on; keeps: those
    that do not go to what the new graph says; turns: the records that set them. sends: (old, new) indexes.
    mutes: its strips whose mute stays as it is; same: those whose effects are the same.
    """

    old: Graph
    places: NDArray[np.int32]
    ending: NDArray[np.bool_]
    closing: NDArray[np.int64]
    rows: NDArray[np.int64]
    keeps: NDArray[np.bool_]
    turns: tuple[Turn, ...]
    sends: tuple[tuple[int, int], ...]
    mutes: NDArray[np.bool_]
    same: NDArray[np.bool_]


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
    if not len(records):
        return frozenset()
    keyed = (Kind.SET_SEND, Kind.SET_INSERT, Kind.SET_BYPASS)
    return frozenset((int(r["kind"]), int(r["strip"]), int(r["index"]) if r["kind"] in keyed else 0) for r in records)


def waiting_params(records: NDArray[np.void], strip: int) -> Mapping[int, frozenset[int]]:
    """Return which parameters of a strip's inserts scheduled ``records`` will set, by the insert's key."""
    if not len(records):
        return {}
    found: dict[int, set[int]] = defaultdict(set)
    for record in records[records["strip"] == strip]:
        if record["kind"] == Kind.SET_INSERT:
            found[int(record["index"])].add(int(record["param"]))
        elif record["kind"] == Kind.SET_BYPASS:
            found[int(record["index"])].add(BYPASS)
    return {key: frozenset(params) for key, params in found.items()}


def plan_handover(old: Graph, new: Graph) -> Handover:
    """Return how a mixer of ``new`` follows one of ``old``. Any thread."""
    places = strip_places(old, new)
    pairs = [(index, place) for index, place in enumerate(places.tolist()) if place >= 0]
    going = list(_going(old, new, pairs))
    mutes, same = np.zeros(len(places), np.bool_), np.zeros(len(places), np.bool_)
    for index, place in pairs:
        mutes[index] = new.strips[place].leaving
        same[index] = new.strips[place].insert_keys == old.strips[index].insert_keys
    bases = ROWS * len(old.strips), ROWS * len(new.strips)
    return Handover(
        old=old,
        places=places,
        ending=np.array([p < 0 or new.strips[p].leaving for p in places.tolist()], np.bool_),
        closing=np.array(_closing(old, new, places.tolist()), np.int64),
        rows=np.array([rows for rows, _, _ in going], np.int64).reshape(-1, 2),
        keeps=np.array([keeps for _, keeps, _ in going], np.bool_),
        turns=tuple(turn for _, _, turn in going),
        sends=tuple((rows[0] - bases[0], rows[1] - bases[1]) for rows, _, _ in going if rows[0] >= bases[0]),
        mutes=mutes,
        same=same,
    )


def _going(old: Graph, new: Graph, pairs: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], bool, Turn]]:
    """Yield each ramp that goes on: its rows, whether it keeps to where it goes, and what sets it."""
    old_sends, new_sends = _send_rows(old), _send_rows(new)
    for index, place in pairs:
        leaving = new.strips[place].leaving
        turns = {GAIN: (Kind.SET_GAIN, index, 0), PAN: (Kind.SET_PAN, index, 0)}
        for row in range(ROWS):
            turn = turns.get(row, NO_TURN)  # gates go where mutes and solos want them
            yield (ROWS * index + row, ROWS * place + row), leaving or turn is NO_TURN, turn
        for send in new.strips[place].sends:
            if (index, send.key) in old_sends:
                rows = old_sends[index, send.key], new_sends[place, send.key]
                yield rows, leaving, (Kind.SET_SEND, index, send.key)


def _send_rows(graph: Graph) -> dict[tuple[int, int], int]:
    """Return the ramp of each send, by its strip's index and its key."""
    keys = [(index, send.key) for index, spec in enumerate(graph.strips) for send in spec.sends]
    return {key: ROWS * len(graph.strips) + number for number, key in reversed(list(enumerate(keys)))}


def _closing(old: Graph, new: Graph, places: list[int]) -> list[int]:
    """Return the old ramps that fall silent: of strips that can't even ring out, of sends that go to nothing."""
    closing, sends = [], _send_rows(old)
    for index, spec in enumerate(old.strips):
        place = places[index]
        if place < 0:
            closing.append(ROWS * index + GAIN)
            continue
        kept = {send.to for send in new.strips[place].sends}
        closing += [sends[index, send.key] for send in spec.sends if places[send.to] not in kept]
    return closing


def part(strips: Strips, handover: Handover, frame: int, fade: int) -> None:
    """Let sends go to nothing that the following graph has not, and strips too that it can't even let ring out."""
    _close(strips.ramps, handover.closing, frame, fade)


def go_on(strips: Strips, before: Strips, handover: Handover, waiting: Waiting, frame: int, fade: int) -> None:
    """Let ``strips``, fresh from their graph, begin where those ``before`` stand, and go to what the graph says.

    A ramp that is on its way there goes on; what a scheduled record will set waits for it.
    """
    keeps, mutes, solos = handover.keeps, handover.mutes, np.zeros_like(handover.mutes)
    if waiting:
        keeps = keeps | np.array([turn in waiting for turn in handover.turns], np.bool_)
        mutes = mutes | np.array([(Kind.SET_MUTE, index, 0) in waiting for index in range(len(mutes))], np.bool_)
        solos[:] = [(Kind.SET_SOLO, index, 0) in waiting for index in range(len(solos))]
        solos &= ~handover.mutes  # what is leaving has none
    _go_on(strips, before, handover.places, handover.rows, keeps, mutes, solos, handover.same, frame, fade)


@kernel
def _close(ramps: NDArray[Any], rows: NDArray[np.int64], frame: int, fade: int) -> None:
    for row in rows:
        glide(ramps, row, 0.0, frame, fade)


@kernel
def _go_on(
    strips: Strips,
    before: Strips,
    places: NDArray[np.int32],
    rows: NDArray[np.int64],
    keeps: NDArray[np.bool_],
    mutes: NDArray[np.bool_],
    solos: NDArray[np.bool_],
    same: NDArray[np.bool_],
    frame: int,
    fade: int,
) -> None:
    strips, before = uncounted((strips, before))
    ramps, last = strips.ramps, len(strips.ramps) - 1
    ramps[last] = before.ramps[len(before.ramps) - 1]
    for row in range(ROWS * len(strips.kind), last):
        ramps[row].begin, ramps[row].start_frame, ramps[row].frames = 0.0, frame, fade
    for each in range(len(rows)):
        own, target = rows[each, 1], ramps[rows[each, 1]].end
        ramps[own] = before.ramps[rows[each, 0]]
        if not keeps[each] and ramps[own].end != target:
            glide(ramps, own, target, frame, fade)
    for index in range(len(places)):
        place = places[index]
        if place < 0:
            continue
        if mutes[index]:
            strips.mute[place] = before.mute[index]
        if solos[index]:
            strips.solo[place] = before.solo[index]
        if same[index]:
            strips.failed[place] = before.failed[index]
    set_gates(strips, frame, fade)
