"""Arguments: from what travels to what a command's field holds, and back. The only place that coerces."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import cast

from bridge.errors import BadArguments, BadValue
from bridge.message import TimeTag, Value
from bridge.port import EnginePort
from bridge.route import Arg, Path, Route
from engine.params import ParamSpec
from engine.units import frames_to_seconds, seconds_to_frames

MAX_SECONDS = 1e6
"""Beyond this no time on the timeline is meant."""

_PRESS = Arg(name="press", type="f")


def spec_of(arg: Arg, port: EnginePort, path: Path) -> ParamSpec | None:
    """Return an argument's range, asking the engine where it depends on the address."""
    return arg.spec(port, path) if callable(arg.spec) else arg.spec


def fields(route: Route, args: Sequence[object], port: EnginePort, path: Path) -> dict[str, object]:
    """Return the command fields that ``args`` give. Raises BadArguments, BadValue, BadRange, UnknownThing."""
    args = flat(route, args)
    required = sum(not a.optional for a in route.args)
    if not required <= len(args) <= len(route.args):
        raise BadArguments(f"expects {usage(route)}, got {count(len(args))}")
    return {a.name: take(a, value, port, path) for a, value in zip(route.args, args, strict=False)}


def trigger_fields(
    route: Route, args: Sequence[object], port: EnginePort, path: Path
) -> tuple[bool, dict[str, object]]:
    """Return whether a trigger is pressed, and the command fields.

    Without a press after the required arguments, with true and with a number > 0 it is; false and 0 are the release.
    """
    args = flat(route, args)
    required = [a for a in route.args if not a.optional]
    optional = [a for a in route.args if a.optional]
    if not len(required) <= len(args) <= len(route.args) + 1:
        raise BadArguments(f"expects {usage(route)}, got {count(len(args))}")
    rest = args[len(required) :]
    given = [*zip(required, args, strict=False), *zip(optional, rest[1:], strict=False)]
    found = {a.name: take(a, value, port, path) for a, value in given}
    if not rest:
        return True, found
    pressed = _number(_PRESS, rest[0]) > 0
    if pressed and route.press is not None and not isinstance(rest[0], bool):
        found[route.press.name] = take(route.press, rest[0], port, path)
    return pressed, found


def flat(route: Route, args: Sequence[object]) -> Sequence[object]:
    """Return arguments with arrays taken for what is in them, but where a row takes lists as they are."""
    if not any(isinstance(value, list) for value in args) or any(arg.listed for arg in route.args):
        return args
    found: list[object] = []
    for value in args:
        found.extend(value if isinstance(value, list) else (value,))
    return found


def take(arg: Arg, value: object, port: EnginePort, path: Path) -> object:
    """Return what the command's field holds for one argument that came in."""
    if arg.type == "s":
        return _text(arg, value)
    if arg.type == "t" and not (arg.when and isinstance(value, (int, float)) and not isinstance(value, bool)):
        return _tag(arg, value)
    number = _number(arg, value)
    if arg.truth:
        return number > 0
    if arg.seconds:
        return seconds_to_frames(_seconds(arg, number), port.sample_rate)
    spec = spec_of(arg, port, path)
    if arg.norm and spec is not None:
        if not 0.0 <= number <= 1.0:
            raise BadValue(f"{arg.shown}: {number:g} is outside 0 to 1")
        return spec.from_norm(number)
    if spec is not None:
        number = spec.check(_snap(number, spec), arg.shown)
    return _whole(arg, number) if arg.type in "ih" else number


def _text(arg: Arg, value: object) -> str:
    if arg.named and _is_whole(value):
        return str(int(cast(float, value)))
    if arg.place and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{_number(arg, value):.12g}"
    if arg.listed and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    if arg.encoded and isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if not isinstance(value, str):
        raise BadArguments(f"{arg.shown}: expected a text, got {_named(value)}")
    return value


def _is_whole(value: object) -> bool:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return numeric and math.isfinite(cast(float, value)) and value == int(cast(float, value))


def _tag(arg: Arg, value: object) -> TimeTag:
    if not isinstance(value, TimeTag):
        raise BadArguments(f"{arg.shown}: expected a time tag{' or a beat' * arg.when}, got {_named(value)}")
    return value


def _number(arg: Arg, value: object) -> float:
    if not isinstance(value, (int, float)):
        raise BadArguments(f"{arg.shown}: expected a number, got {_named(value)}")
    if not math.isfinite(value):
        raise BadValue(f"{arg.shown}: {value} is no number to work with")
    return float(value)


def _snap(number: float, spec: ParamSpec) -> float:
    """A bound that came as 32 bits may lie a rounding beyond itself: 0.1 travels as 0.10000000149.

    A fader's lowest is silence, and what others call less (Reaper's -150 dB) is no more.
    """
    if spec.taper == "fader" and number < spec.low:
        return spec.low
    for bound in (spec.low, spec.high):
        if math.isclose(number, bound, rel_tol=2e-7):
            return bound
    return number


def _seconds(arg: Arg, number: float) -> float:
    low = -MAX_SECONDS if arg.signed else 0.0
    if not low <= number <= MAX_SECONDS:
        raise BadValue(f"{arg.shown}: {number:g} is outside {low:g} to {MAX_SECONDS:g} s")
    return number


def _whole(arg: Arg, number: float) -> int:
    if number != int(number):
        raise BadValue(f"{arg.shown}: expected a whole number, got {number:g}")
    return int(number)


def _named(value: object) -> str:
    match value:
        case str():
            return f"the text {value[:40]!r}"
        case None:
            return "nil"
        case bytes():
            return f"a blob of {len(value)} bytes"
        case list():
            return "an array"
        case TimeTag():
            return "a time tag"
    return repr(value)


def give(route: Route, values: Sequence[object], port: EnginePort, path: Path) -> tuple[Value, ...]:
    """Return field values as they travel: the inverse of ``fields``."""
    if route.repeated:
        return tuple(_sent(route.args[i % len(route.args)], v, port, path) for i, v in enumerate(values))
    return tuple(_sent(a, v, port, path) for a, v in zip(route.args, values, strict=True))


def _sent(arg: Arg, value: object, port: EnginePort, path: Path) -> Value:
    if arg.truth:
        return int(bool(value))
    if arg.type == "s":
        return str(value)
    if isinstance(value, (TimeTag, bytes)):
        return value
    if not isinstance(value, (int, float)):
        raise TypeError(f"{arg.shown}: a reader gave {value!r}")
    if arg.seconds:
        return frames_to_seconds(int(value), port.sample_rate)
    spec = spec_of(arg, port, path)
    if arg.norm and spec is not None:
        return spec.to_norm(value)
    return int(value) if arg.type in "ih" else float(value)


def usage(route: Route) -> str:
    """Return how a row's arguments are written, as in ``f:gain_db``; those in brackets may be left out."""
    words = [f"{a.type}:{a.shown}" for a in route.args if not a.optional]
    if route.trigger:
        words.append(f"[f:{(route.press or _PRESS).name}]")
    words += [f"[{a.type}:{a.shown}]" for a in route.args if a.optional]
    return " ".join([*words, *(["…"] if route.wrapper else [])]) or "no arguments"


def count(arguments: int) -> str:
    """Return how an error says a number of arguments."""
    return {0: "none", 1: "one"}.get(arguments, str(arguments))
