"""Reading a strip's automation: lanes by what they move, points as ``[place, value]`` or ``[place, value, curve]``."""

from __future__ import annotations

from typing import cast, get_args

from engine.story.fields import Fields, Notes, found
from engine.story.model import At, Beat, Curve, Lane, Point
from engine.story.nodes import Mapping, Node, Scalar, Sequence
from engine.story.positions import number_from, position_from
from engine.story.problems import Path, allowed_text


def read_automation(strip: Fields, sample_rate: int, notes: Notes) -> tuple[Lane, ...]:
    """Return the lanes of a strip; what is wrong with them is noted."""
    node = strip.child("automation")
    if node is None:
        return ()
    if not isinstance(node, Mapping):
        strip.complain("automation", "a mapping of knobs to their points")
        return ()
    lanes = Fields(node, (*strip.path, "automation"), notes, node.fields)
    read = {target: _points(lanes, target, sample_rate, notes) for target in node.fields}
    return tuple(Lane(target=target, points=points) for target, points in read.items() if points)


def _points(lanes: Fields, target: str, sample_rate: int, notes: Notes) -> tuple[Point, ...]:
    items = list(lanes.items(target))
    if not items:
        lanes.complain(target, "a list of points, [place, value] or [place, value, curve]")
    points = [_point(node, path, sample_rate, notes) for node, path in items]
    return tuple(point for point in points if point is not None)


def _point(node: Node, path: Path, sample_rate: int, notes: Notes) -> Point | None:
    words = [item.text for item in node.items if isinstance(item, Scalar)] if isinstance(node, Sequence) else []
    if len(words) in (2, 3):
        at, value, curve = (
            position_from(words[0].strip(), sample_rate),
            number_from(words[1]),
            (*words[2:], "linear")[0],
        )
        if isinstance(at, At | Beat) and value is not None and curve in get_args(Curve):
            return Point(at=at, value=value, curve=cast(Curve, curve))
    curves = allowed_text(get_args(Curve))
    notes.add(
        node, path, f"expected [place, value] or [place, value, curve] with a curve of {curves}, got {found(node)}"
    )
    return None
