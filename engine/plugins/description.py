"""What a loaded plug-in says of itself, turned into facts: names that addresses can hold, ranges in real units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol

from msgspec.structs import replace

from engine.params import ParamSpec
from engine.plugins.facts import PluginParam

POINTS = 65
"""At how many places a parameter is asked for its text."""
MOST_CHOICES = 64
MOST_PARAMS = 512
"""Parameters beyond these have no address."""

_IGNORED = re.compile(r"MIDI CC |P\d\d\d$")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(\D*)$", re.IGNORECASE)
_THOUSANDS = {"k": 1e3, "khz": 1e3, "m": 1e6, "mhz": 1e6}


class Knob(Protocol):
    """What Pedalboard knows of one parameter."""

    name: str
    label: str
    default_raw_value: float
    raw_value: float
    num_steps: int
    is_automatable: bool

    def get_text_for_raw_value(self, raw_value: float) -> str:
        """Return how the plug-in shows a value."""
        ...


def describe_params(knobs: Iterable[Any]) -> tuple[PluginParam, ...]:
    """Return the parameters that can be turned."""
    params: list[PluginParam] = []
    names: set[str] = set()
    for index, knob in enumerate(knobs):
        if len(params) == MOST_PARAMS:
            break
        if not knob.is_automatable or _IGNORED.match(knob.name):
            continue
        base = parameter_name(knob.name, knob.label) or f"param_{index}"
        name, number = base, 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        names.add(name)
        spec, choices = _range(knob)
        params.append(PluginParam(name=name, index=index, spec=spec, choices=choices))
    return tuple(params)


def parameter_name(name: str, label: str) -> str:
    """Return a name for addresses and stories, its unit at the end: ``Cut-Off`` in ``Hz`` is ``cut_off_hz``."""
    whole = f"{name} {label}" if label and not label.startswith(":") else name
    whole = whole.lower().replace("%", " percent")
    return re.sub(r"[^a-z0-9]+", "_", whole).strip("_")


def _range(knob: Knob) -> tuple[ParamSpec, tuple[str, ...]]:
    """Return a parameter's range: numbers in its own unit, else choices counted from 0, else 0 to 1."""
    numbers = _numbers(knob, POINTS)
    if numbers and 1 < len(steps := set(numbers)) <= POINTS // 2:  # stairs: as many points as there are steps
        numbers = _numbers(knob, len(steps))
    if numbers:
        spec = _numeric(numbers, knob)
        if spec is not None:
            return spec, ()
    choices = _choices(knob)
    if choices:
        default = round(knob.default_raw_value * (len(choices) - 1))
        return ParamSpec(low=0.0, high=float(len(choices) - 1), default=float(default)), choices
    return ParamSpec(low=0.0, high=1.0, default=min(1.0, max(0.0, knob.default_raw_value))), ()


def _numbers(knob: Knob, count: int) -> list[float]:
    """Return what a parameter shows at ``count`` evenly spread places; nothing where that is no number."""
    found = [_number(knob.get_text_for_raw_value(place / (count - 1))) for place in range(count)]
    return [] if None in found else [number for number in found if number is not None]


def _number(text: str) -> float | None:
    found = _NUMBER.match(text)
    if found is None:
        return None
    value = float(found[1]) * _THOUSANDS.get(found[2].strip().lower(), 1.0)
    return value if math.isfinite(value) else None


def _numeric(points: Sequence[float], knob: Knob) -> ParamSpec | None:
    """Return the range of a parameter whose texts are numbers that rise or fall throughout."""
    steps = [b - a for a, b in pairwise(points)]
    low, high = min(points), max(points)
    if low == high or not (all(s >= 0 for s in steps) or all(s <= 0 for s in steps)):
        return None
    span = high - low
    straight = all(abs(p - (low + span * i / len(steps))) <= 2e-3 * span for i, p in enumerate(points))
    shape = ParamSpec(low=low, high=high, default=low, unit=knob.label.strip())
    if not straight:
        shape = ParamSpec(low=low, high=high, default=low, unit=shape.unit, taper="points", points=tuple(points))
    default = shape.from_norm(knob.default_raw_value)
    whole = round(default)
    return replace(shape, default=whole if abs(default - whole) <= 1e-5 * span else default)


def _choices(knob: Knob) -> tuple[str, ...]:
    """Return the texts of a parameter with few evenly spread steps, else nothing."""
    count = knob.num_steps
    if not 2 <= count <= MOST_CHOICES:
        return ()
    return tuple(knob.get_text_for_raw_value(step / (count - 1)).strip() for step in range(count))
