"""Lanes of automation: which knob each moves, and edits of their points. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from engine.errors import BadRange, UnknownThing
from engine.params import FADER, PAN, ParamSpec
from engine.plugins.facts import is_plugin
from engine.story.model import At, Beat, Lane, Point, Story, Strip
from engine.story.rules import ANY_NUMBER
from engine.story.timeline import point_frame
from engine.units import frames_to_seconds

BESIDE_SECONDS = 0.005
"""How far from a point it may be named: seconds that came as floats of 32 bits are not exact."""

LANE_FORMS = "gain_db, pan, send.BUS or insert.NUMBER.PARAMETER"


Effects = Mapping[str, Mapping[str, ParamSpec]]


def lane_spec(target: str, strip: Strip, effects: Effects | None) -> ParamSpec | None:
    """Return the range of what a lane moves, None when the strip has no such thing."""
    match target.split("."):
        case ["gain_db"]:
            return FADER
        case ["pan"]:
            return PAN
        case ["send", bus] if any(send.to == bus for send in strip.sends):
            return FADER
        case ["insert", number, param] if number.isdecimal() and 1 <= int(number) <= len(strip.inserts):
            if effects is None:
                return ANY_NUMBER
            effect = strip.inserts[int(number) - 1].effect
            if is_plugin(effect) and effect not in effects:
                return ANY_NUMBER  # it is not here: nobody knows what it has
            return effects.get(effect, {}).get(param)
    return None


def with_point(strip: Strip, name: str, target: str, point: Point, effects: Effects | None) -> Strip:
    """Return the strip with one more point in a lane; one that stood at the same place gives way."""
    spec = lane_spec(target, strip, effects)
    if spec is None:
        raise UnknownThing(f"knob of strip {name!r}", target, [LANE_FORMS])
    spec.check(point.value, f"{name} {target}")
    lanes = {lane.target: lane.points for lane in strip.automation}
    others = tuple(p for p in lanes.get(target, ()) if p.at != point.at)
    lanes[target] = tuple(sorted((*others, point), key=_order))
    return replace(strip, automation=tuple(Lane(target=t, points=p) for t, p in lanes.items()))


def points_of(story: Story, strip: str, target: str) -> Sequence[tuple[int, Point]]:
    """Return the points of a lane with their timeline frames, in the order in which they are met."""
    strips = story.strips()
    if strip not in strips:
        raise UnknownThing("strip", strip, strips)
    lanes = {lane.target: lane.points for lane in strips[strip].automation}
    if target not in lanes:
        raise UnknownThing(f"automation of strip {strip!r}", target, lanes)
    return sorted(((point_frame(story, p.at), p) for p in lanes[target]), key=lambda pair: pair[0])


def nearest_point(story: Story, strip: str, target: str, timeline_frame: int) -> Point:
    """Return the point of a lane that is at a frame, or right beside it."""
    points = points_of(story, strip, target)
    frame, point = min(points, key=lambda pair: abs(pair[0] - timeline_frame))
    if abs(frame - timeline_frame) > BESIDE_SECONDS * story.sample_rate:
        where, nearest = (f"{frames_to_seconds(f, story.sample_rate):g} s" for f in (timeline_frame, frame))
        raise BadRange(f"{strip} {target} has no point at {where}; the nearest one is at {nearest}")
    return point


def without_point(strip: Strip, target: str, point: Point) -> Strip:
    """Return the strip without a point of a lane; a lane that has no other one goes with it."""
    lanes = {lane.target: lane.points for lane in strip.automation}
    lanes[target] = tuple(each for each in lanes[target] if each != point)
    return replace(strip, automation=tuple(Lane(target=t, points=p) for t, p in lanes.items() if p))


def without_lane(strip: Strip, name: str, target: str) -> Strip:
    """Return the strip without a lane."""
    if target not in (known := [lane.target for lane in strip.automation]):
        raise UnknownThing(f"automation of strip {name!r}", target, known)
    return replace(strip, automation=tuple(lane for lane in strip.automation if lane.target != target))


def renumbered(strip: Strip, place: Callable[[int], int | None]) -> Strip:
    """Return the strip with its lanes following inserts that have other numbers now (None: it is gone)."""
    lanes: list[Lane] = []
    for lane in strip.automation:
        parts = lane.target.split(".")
        if parts[0] != "insert":
            lanes.append(lane)
        elif (number := place(int(parts[1]))) is not None:
            lanes.append(replace(lane, target=f"insert.{number}.{parts[2]}"))
    return replace(strip, automation=tuple(lanes))


def _order(point: Point) -> tuple[int, float, float]:
    """Points in frames first, in bars after them: the tempo map sorts them out when they are played."""
    match point.at:
        case At(frame=frame):
            return 0, frame, 0.0
        case Beat(bar=bar, beat=beat):
            return 1, bar, beat
