"""Ways: where knobs went while a recording ran, as points of automation that go there again.

The mixer turns a knob in straight lines of its own units, one after the other. What takes no longer than a step of
automation is two points at one place, which is where automation steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from engine.mixer.automation import STEP_DB
from engine.session.knobs import Moved, in_gain, with_value
from engine.story.model import At, Lane, Point, Strip
from engine.units import db_to_gain, gain_to_db

DIGITS = 9
"""Decibels are rounded, so that what was a whole step of them is no more than one after its way through amplitude."""


def drawn(strip: Strip, id: str, moved: Iterable[Moved], since: int, until: int, step_frames: int) -> Strip:
    """Return a strip that stands where it stood at an engine frame, with all that was turned until another.

    step_frames: how long a step of automation takes.
    """
    ways = _ways(moved, id, since, until, step_frames)
    for target, points in ways.items():
        strip = with_value(strip, target, points[0].value)
    return replace(strip, automation=_moving(ways))


def lanes(moved: Iterable[Moved], strip: str, since: int, until: int, step_frames: int) -> tuple[Lane, ...]:
    """Return what was turned of a strip between two engine frames as automation of a story that begins there."""
    return _moving(_ways(moved, strip, since, until, step_frames))


def _moving(ways: dict[str, list[Point]]) -> tuple[Lane, ...]:
    """Return the lanes of knobs that did not only stand somewhere."""
    moving = {target: points for target, points in ways.items() if len({point.value for point in points}) > 1}
    return tuple(Lane(target=target, points=tuple(points)) for target, points in moving.items())


def _ways(moved: Iterable[Moved], strip: str, since: int, until: int, step_frames: int) -> dict[str, list[Point]]:
    found: dict[str, list[Moved]] = {}
    for each in moved:
        if each.move.strip == strip and each.move.target and each.frame < until:
            found.setdefault(each.move.target, []).append(each)
    return {
        target: _points(sorted(way, key=lambda each: each.frame), since, in_gain(target), step_frames)
        for target, way in found.items()
    }


class _Glide(NamedTuple):
    """A knob's straight way between two frames, in the mixer's own units; before and after it rests."""

    begin_frame: int
    end_frame: int
    begin: float
    end: float

    def at(self, frame: int) -> float:
        """Return where it is at a frame."""
        if frame >= self.end_frame:
            return self.end
        share = (frame - self.begin_frame) / (self.end_frame - self.begin_frame)
        return self.begin + (self.end - self.begin) * max(0.0, share)


class _Knots:
    """Points in the making, which lie further apart than a step takes, or at one place: then they are one."""

    def __init__(self, apart: int) -> None:
        self._apart = apart
        self._knots: list[tuple[int, float, bool]] = []

    @property
    def points(self) -> list[Point]:
        """What has come of it."""
        return [Point(at=At(frame=frame), value=value) for frame, value, _ in self._knots]

    @property
    def last(self) -> int | None:
        """The frame of the last one."""
        return self._knots[-1][0] if self._knots else None

    def line(self, frame: int, value: float, *, fixed: bool) -> None:
        """Go there in a straight line. fixed: it may not be left out for lying close to others."""
        if fixed:
            self._make_room(frame)
        if not self._is_close(frame):
            self._knots.append((frame, value, fixed))
        elif fixed:
            self._jump(self._knots[-1][0], value)

    def step(self, frame: int, begin: float, end: float) -> None:
        """Go from ``begin`` to ``end`` at a frame."""
        self._make_room(frame)
        if not self._is_close(frame):
            self._knots.append((frame, begin, True))
        self._jump(frame, end)

    def _jump(self, frame: int, value: float) -> None:
        """Step from the last one, which is at ``frame`` or close before it."""
        before = [knot[0] for knot in self._knots[-2:]]
        if len(before) == 2 and before[1] == frame and frame - before[0] <= self._apart:
            self._knots.pop()  # the one before steps here already
        self._knots.append((frame, value, True))

    def _make_room(self, frame: int) -> None:
        while self._knots and not self._knots[-1][2] and self._is_close(frame):
            self._knots.pop()

    def _is_close(self, frame: int) -> bool:
        return bool(self._knots) and frame - self._knots[-1][0] <= self._apart


def _points(moved: list[Moved], since: int, in_gain: bool, apart: int) -> list[Point]:
    """Return the points of one lane from where the knob stood at ``since``; a later move may cut one short.

    in_gain: it glides as gains do, in a straight line of amplitude. apart: how long a step of automation takes.
    """

    def value_at(glide: _Glide, frame: int) -> float:
        return round(gain_to_db(glide.at(frame)), DIGITS) if in_gain else glide.at(frame)

    knots = _Knots(apart)
    first, since_ever = moved[0].move.before, min(0, moved[0].frame - since)
    glide = _Glide(since_ever, since_ever, *((db_to_gain(first),) * 2 if in_gain else (first, first)))
    goes_on = False
    for each, following in pairwise([*moved, None]):
        assert each is not None
        begin, end = each.frame - since, each.frame + each.frames - since
        last = db_to_gain(each.move.value) if in_gain else each.move.value
        before, glide = glide, _Glide(begin, end, glide.at(begin), last)
        cut = end if following is None else min(end, following.frame - since)
        if cut <= max(0, begin):
            continue  # it was over before, or something else was wanted at once
        start = max(0, begin)
        if knots.last is None:
            knots.line(0, value_at(before if begin > 0 else glide, 0), fixed=True)
        if each.frames == apart:
            knots.step(start, value_at(glide, start), value_at(glide, end))
            goes_on = False
            continue
        if not goes_on and knots.last != start:
            knots.line(start, value_at(glide, start), fixed=True)
        for frame in _between(glide, apart) if in_gain else ():
            if start < frame < cut:
                knots.line(frame, value_at(glide, frame), fixed=False)
        goes_on = following is not None and following.frame == each.frame + each.frames and following.frames != apart
        knots.line(cut, value_at(glide, cut), fixed=not goes_on)
    return knots.points or [Point(at=At(frame=0), value=value_at(glide, 0))]


def _between(glide: _Glide, apart: int) -> Iterator[int]:
    """Yield frames between both ends, so close that straight lines of decibels are those of amplitude."""
    begin_db, end_db = gain_to_db(glide.begin), gain_to_db(glide.end)
    count = math.ceil(round(abs(end_db - begin_db) / STEP_DB, DIGITS))
    length, before = glide.end_frame - glide.begin_frame, glide.begin_frame
    for step in range(1, count):
        gain = db_to_gain(begin_db + (end_db - begin_db) * step / count)
        frame = glide.begin_frame + round((gain - glide.begin) / (glide.end - glide.begin) * length)
        if min(frame - before, glide.end_frame - frame) > apart:
            yield frame
            before = frame
