"""Knobs that were turned, as automation: its lanes go where the knobs went."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.mixer.ramps import Glide
from engine.session.knobs import Move, Moved
from engine.session.ways import lanes
from engine.story.model import At, Point
from engine.units import db_to_gain, gain_to_db

STEP_FRAMES = 240
OFF_DB = 0.2


def moved(target: str, frame: int, frames: int, before: float, value: float) -> Moved:
    return Moved(move=Move(strip="a", target=target, before=before, value=value), frame=frame, frames=frames)


def points_of(*moves: Moved) -> list[Point]:
    (lane,) = lanes(moves, "a", 1000, 1_000_000, STEP_FRAMES)
    return list(lane.points)


def frames_of(points: list[Point]) -> list[int]:
    return [point.at.frame for point in points if isinstance(point.at, At)]


def value_at(points: list[Point], frame: int) -> float:
    """Return where a lane of straight lines is at a frame."""
    for (begin, first), (end, second) in pairwise(zip(frames_of(points), points, strict=True)):
        if begin <= frame <= end:
            return first.value + (second.value - first.value) * (frame - begin) / (end - begin)
    return points[-1].value


@pytest.mark.parametrize("target", ["gain_db", "send.hall"])
@pytest.mark.parametrize(("before", "value"), [(0.0, -24.0), (-24.0, 0.0), (-3.0, 6.0), (-60.0, 0.0)])
def test_a_fade_goes_as_gains_glide(target: str, before: float, value: float) -> None:
    points = points_of(moved(target, 1000, 480_000, before, value))
    glide = Glide(db_to_gain(before))
    glide.to(db_to_gain(value), 0, 480_000)
    for frame in range(0, 480_001, 997):
        assert abs(value_at(points, frame) - gain_to_db(glide.at(frame))) < OFF_DB
    assert min(b - a for a, b in pairwise(frames_of(points))) > STEP_FRAMES


def test_a_fade_that_is_cut_short_ends_where_it_had_got_to() -> None:
    points = points_of(
        moved("gain_db", 1000, 48_000, 0.0, -24.0),
        moved("gain_db", 25_000, 48_000, -24.0, 0.0),
    )
    reached = gain_to_db((1.0 + db_to_gain(-24.0)) / 2)
    assert value_at(points, 24_000) == pytest.approx(reached)
    assert min(point.value for point in points) == pytest.approx(reached)
    glide = Glide((1.0 + db_to_gain(-24.0)) / 2)
    glide.to(1.0, 24_000, 48_000)
    for frame in range(24_000, 72_001, 997):
        assert abs(value_at(points, frame) - gain_to_db(glide.at(frame))) < OFF_DB


def test_a_fade_to_silence_is_silent_at_its_end_only() -> None:
    points = points_of(moved("gain_db", 1000, 48_000, 0.0, -100.0))
    assert value_at(points, 24_000) == pytest.approx(gain_to_db(0.5), abs=OFF_DB)
    assert (frames_of(points)[-1], points[-1].value) == (48_000, -100.0)


def test_other_knobs_glide_straight_and_are_cut_where_they_are() -> None:
    points = points_of(moved("pan", 1000, 48_000, -1.0, 1.0), moved("pan", 13_000, 1000, 1.0, 0.0))
    told = [(frame, point.value) for frame, point in zip(frames_of(points), points, strict=True)]
    assert told == [(0, -1.0), (12_000, -0.5), (13_000, 0.0)]
