"""What a story has and a session does not: told to the mix engineer, since it would be missed only when it is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from engine.export.plan import Plan
from engine.story.model import FadeShape, Story

Feature = Literal["automation", "ducking", "sends", "mutes", "solos"]
FEATURES: frozenset[Feature] = frozenset({"automation", "ducking", "sends", "mutes", "solos"})
SHAPES: frozenset[FadeShape] = frozenset({"linear", "equal_power", "s_curve", "exponential"})


def missing(plan: Plan, has: frozenset[Feature], fades: frozenset[FadeShape]) -> Iterator[str]:
    """Iterate over what ``plan`` uses that a session has not. has, fades: what it knows."""
    for feature, find in _FINDERS.items():
        where = list(find(plan.story)) if feature not in has else []
        if where:
            yield f"{feature} of {', '.join(where)}"
    used = sorted({shape for shape in _shapes(plan) if shape not in fades})
    if used:
        yield f"the shape of fades that are {', '.join(used)}: they have the nearest that it knows"


def _shapes(plan: Plan) -> Iterator[FadeShape]:
    for placed in plan.placed:
        clip = placed.clip
        if clip.fade_in_frames:
            yield clip.fade_in_shape
        if clip.fade_out_frames:
            yield clip.fade_out_shape


def _automated(story: Story) -> Iterator[str]:
    for name, strip in story.strips().items():
        if strip.automation:
            yield f"{name} ({', '.join(lane.target for lane in strip.automation)})"


_FINDERS: Mapping[Feature, Callable[[Story], Iterator[str]]] = {
    "automation": _automated,
    "ducking": lambda story: (name for name, strip in story.strips().items() if strip.duck),
    "sends": lambda story: (name for name, strip in story.strips().items() if strip.sends),
    "mutes": lambda story: (name for name, strip in story.strips().items() if strip.mute),
    "solos": lambda story: (name for name, strip in story.strips().items() if strip.solo),
}
