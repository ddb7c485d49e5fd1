"""Automation: knobs that the timeline turns. Compiled into moves, each a straight line of the mixer's own units.

A move begins at its timeline frame, so blocks are cut there and their size changes nothing. What a live command turns
stays with whoever turned it until the timeline is started or located again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.graph import Graph
from engine.realtime.records import AUTOMATION, Kind, records
from engine.story.model import Lane, Point, Story, Strip
from engine.story.timeline import point_frame
from engine.units import db_to_gain

NEVER = 1 << 62
STEP_DB = 1.5
"""A straight line of amplitude stands for at most so much of one of decibels: it is never 0.1 dB off."""
SMOOTH_PIECES = 16

Move = NDArray[np.void]
Turner = Callable[[np.void, float, int, int], None]
"""Turns what a row of AUTOMATION names to a value, from an engine frame on, within some frames."""


def compile_automation(story: Story, graph: Graph, fade_frames: int) -> Move:
    """Return every move of the story (dtype AUTOMATION), sorted by frame. fade_frames: what a step takes."""
    rows: list[tuple[Any, ...]] = []
    number = 0
    for name, strip in story.strips().items():
        for lane in strip.automation:
            where = _place(graph, graph.index(name), strip, lane.target)
            if where is not None:
                rows.extend(_moves(story, lane, number, where, fade_frames))
                number += 1
    return np.array(sorted(rows), AUTOMATION) if rows else np.zeros(0, AUTOMATION)


def _place(graph: Graph, index: int, strip: Strip, target: str) -> tuple[int, int, int, int] | None:
    """Return kind, strip, key and parameter of a target; None when the strip has no such send or insert."""
    spec = graph.strips[index]
    match target.split("."):
        case ["gain_db"]:
            return Kind.SET_GAIN, index, 0, 0
        case ["pan"]:
            return Kind.SET_PAN, index, 0, 0
        case ["send", bus]:
            keys = [send.key for send, to in zip(spec.sends, strip.sends, strict=True) if to.to == bus]
            return (Kind.SET_SEND, index, keys[0], 0) if keys else None
        case ["insert", number, param] if number.isdecimal() and 1 <= int(number) <= len(strip.inserts):
            effect = strip.inserts[int(number) - 1].effect
            row = graph.spec(effect)
            if param in row.params:
                key = spec.insert_keys[int(number) - 1]
                return Kind.SET_INSERT, index, key, row.param_index(param, effect)
    return None


def _moves(
    story: Story, lane: Lane, number: int, where: tuple[int, int, int, int], fade_frames: int
) -> Iterator[tuple[Any, ...]]:
    kind, index, key, param = where
    points = sorted(((point_frame(story, p.at), p) for p in lane.points), key=lambda pair: pair[0])
    in_gain = kind in (Kind.SET_GAIN, Kind.SET_SEND)

    def row(frame: int, frames: int, begin: float, end: float) -> tuple[Any, ...]:
        values = (db_to_gain(begin), db_to_gain(end)) if in_gain else (begin, end)
        return (frame, frames, kind, index, key, param, number, *values)

    if len(points) == 1:
        yield row(points[0][0], fade_frames, points[0][1].value, points[0][1].value)
    settled = 0  # where the step before has arrived
    for (frame, point), (end_frame, following) in pairwise(points):
        frames = end_frame - frame
        if point.curve == "hold" or frames <= fade_frames:
            yield row(end_frame, fade_frames, point.value, following.value)
            settled = end_frame + fade_frames
            continue
        for begin, end, share in _pieces(point, following, in_gain):
            start, stop = max(settled, frame + round(share[0] * frames)), frame + round(share[1] * frames)
            if stop > start:
                yield row(start, stop - start, begin, end)


def _pieces(point: Point, following: Point, in_gain: bool) -> Iterator[tuple[float, float, tuple[float, float]]]:
    """Yield straight pieces: both values, and which part of the way they stand for."""
    change = following.value - point.value
    count = min(64, max(1, math.ceil(abs(change) / STEP_DB))) if in_gain else 1
    if point.curve == "smooth":
        count = max(count, SMOOTH_PIECES)
    for piece in range(count):
        ways = piece / count, (piece + 1) / count
        begin, end = (3 * w**2 - 2 * w**3 if point.curve == "smooth" else w for w in ways)
        yield point.value + change * begin, point.value + change * end, ways


class Automation:
    """Where the moves of one mixer stand. All in the mixer's thread."""

    def __init__(self, fade_frames: int) -> None:
        self._fade = fade_frames
        self._moves = Moves(np.zeros(0, AUTOMATION))
        self._next = 0
        self._expected = -1
        self._was_playing = False
        self._touched: set[int] = set()
        self._later: list[tuple[int, int]] = []

    def set_rows(self, rows: Move) -> None:
        """Play these moves from now on; not copied."""
        self._moves = Moves(rows)
        self._expected = -1
        self._later.clear()

    def adopt(self, other: Automation) -> None:
        """Go on where another mixer's automation stands."""
        self._moves, self._next = other._moves, other._next
        self._expected, self._was_playing = other._expected, other._was_playing
        self._touched, self._later = set(other._touched), list(other._later)

    @property
    def moves(self) -> bool:
        """Whether the timeline moves anything."""
        return len(self._moves.rows) > 0

    def touch(self, kind: int, strip: int, key: int, param: int) -> None:
        """Hear that somebody turned a knob: the timeline lets it be."""
        if self.moves:
            self._touched.update(self._moves.lanes_of(kind, strip, key, param))

    def held(self) -> NDArray[np.void]:
        """Return a record (dtype RECORD) for each knob that the timeline has, and nobody else: what it would set."""
        if not self.moves:
            return records(0)
        knobs = self._moves.knobs[[lane not in self._touched for lane in self._moves.lanes]]
        held = records(len(knobs))
        for name, column in (("kind", "kind"), ("strip", "strip"), ("index", "key"), ("param", "param")):
            held[name] = knobs[column]
        return held

    def let_go(self) -> None:
        """Give every knob back to the timeline, which is being started or located."""
        self._touched.clear()
        self._expected = -1

    def run(self, timeline_frame: int, playing: bool, frame: int, turn: Turner) -> int:
        """Have ``turn`` do what is due at engine ``frame``; return how many frames from there on nothing begins."""
        if not self.moves:
            return NEVER
        rows, frames = self._moves.rows, self._moves.frames
        if timeline_frame != self._expected or playing != self._was_playing:
            self._chase(timeline_frame, playing, frame, turn)
        for due, index in [each for each in self._later if each[0] <= frame]:
            self._later.remove((due, index))
            row = rows[index]
            self._do(turn, row, frame, int(row["frame"] + row["frames"]) - timeline_frame)
        if not playing:
            return NEVER
        while self._next < len(frames) and frames[self._next] == timeline_frame:
            row = rows[self._next]
            self._do(turn, row, frame, int(row["frames"]))
            self._next += 1
        ahead = int(frames[self._next]) - timeline_frame if self._next < len(frames) else NEVER
        return min([ahead, *(due - frame for due, _ in self._later)])

    def advance(self, timeline_frame: int, playing: bool) -> None:
        """Note where the timeline is expected next, if nobody moves it."""
        self._expected, self._was_playing = timeline_frame, playing

    def _do(self, turn: Turner, row: np.void, frame: int, frames: int) -> None:
        if int(row["lane"]) not in self._touched:
            turn(row, float(row["end"]), frame, max(1, frames))

    def _chase(self, timeline_frame: int, playing: bool, frame: int, turn: Turner) -> None:
        """Bring every lane to where it is at this place, and on from there."""
        self._next = int(np.searchsorted(self._moves.frames, timeline_frame, side="right"))
        self._later.clear()
        place = timeline_frame + (self._fade if playing else 0)
        for lane, index in self._moves.at(timeline_frame):
            if lane in self._touched:
                continue
            row = self._moves.rows[index]
            turn(row, _value_at(row, place), frame, self._fade)
            if playing and int(row["frame"]) < place < int(row["frame"] + row["frames"]):
                self._later.append((frame + self._fade, index))


class Moves:
    """Moves, and which of them are of one lane: a callback has no time to look through thousands for each knob."""

    def __init__(self, rows: Move) -> None:
        self.rows = rows
        self.frames: NDArray[np.int64] = rows["frame"].astype(np.int64)
        lanes = rows["lane"].astype(np.uint16)  # numpy sorts short numbers in no time
        self._order = np.argsort(lanes, kind="stable")
        self._in_lanes = self.frames[self._order]
        counts = np.bincount(lanes)
        ends = np.cumsum(counts)
        self._lanes = [(int(n), int(ends[n] - counts[n]), int(ends[n])) for n in np.flatnonzero(counts)]
        self.lanes = [lane for lane, _, _ in self._lanes]
        self.knobs = rows[self._order[[begin for _, begin, _ in self._lanes]]] if self._lanes else rows
        """A row of each of the lanes: which knob it turns."""

    def lanes_of(self, kind: int, strip: int, key: int, param: int) -> list[int]:
        """Return the lanes that move a knob."""
        knobs = self.knobs
        same = (knobs["kind"] == kind) & (knobs["strip"] == strip) & (knobs["key"] == key) & (knobs["param"] == param)
        lanes: list[int] = knobs["lane"][same].tolist()
        return lanes

    def at(self, timeline_frame: int) -> Iterator[tuple[int, int]]:
        """Yield each lane and the index of its move under way, or done last, at a frame; its first one before that."""
        for lane, begin, end in self._lanes:
            before = int(np.searchsorted(self._in_lanes[begin:end], timeline_frame, side="right"))
            yield lane, int(self._order[begin + max(0, before - 1)])


def _value_at(row: np.void, timeline_frame: int) -> float:
    share = (timeline_frame - int(row["frame"])) / max(1, int(row["frames"]))
    begin, end = float(row["begin"]), float(row["end"])
    return begin + (end - begin) * min(1.0, max(0.0, share))
