"""OSC address patterns: ``? * [a-z] [!a-z] {one,two}`` inside a part, ``//`` across parts (OSC 1.1).

Matched by walking sets of places, not by regular expressions: no pattern can make it slow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from bridge.errors import BadValue

WILD = frozenset("?*[]{}")
MAX_PATTERN = 256
MAX_WILD = 16
"""How many wild pieces (``* ? [] {}``) a pattern may have."""

_Step = Callable[[str, set[int]], set[int]]
"""Takes the places in a text that the pattern has reached so far to those after one more piece of pattern."""


def is_pattern(address: str) -> bool:
    """Tell whether an address is a pattern."""
    return not WILD.isdisjoint(address) or "//" in address


@lru_cache(maxsize=16_384)
def matches(pattern: str, address: str) -> bool:
    """Tell whether ``pattern`` matches the whole of ``address``. Raises BadValue for a pattern that is none."""
    if not is_pattern(pattern):
        return pattern == address
    parts, names = split(pattern), address.split("/")[1:]
    reached = {0}
    for part in parts:
        if part == "":
            reached = set(range(min(reached), len(names) + 1)) if reached else reached
        else:
            reached = {i + 1 for i in reached if i < len(names) and matches_part(part, names[i])}
    return len(names) in reached


def split(pattern: str) -> tuple[str, ...]:
    """Return a pattern's parts, an empty one for ``//``. Raises BadValue when it is malformed or too long."""
    if not pattern.startswith("/") or len(pattern) > MAX_PATTERN:
        raise BadValue(f"a pattern starts with '/' and has at most {MAX_PATTERN} characters, got {pattern[:40]!r}")
    if sum(map(pattern.count, "*?[{")) > MAX_WILD:
        raise BadValue(f"a pattern has at most {MAX_WILD} wild pieces, got {pattern[:40]!r}")
    parts = tuple(pattern.split("/")[1:])
    for part in parts:
        if not WILD.isdisjoint(part):
            _steps(part)
    return parts


def matches_part(part: str, name: str) -> bool:
    """Tell whether one part of a pattern matches one part of an address."""
    if WILD.isdisjoint(part):
        return part == name
    reached = {0}
    for step in _steps(part):
        reached = step(name, reached)
        if not reached:
            return False
    return len(name) in reached


@lru_cache(maxsize=1024)
def _steps(part: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    position = 0
    while position < len(part):
        step, position = _step(part, position)
        steps.append(step)
    return tuple(steps)


def _step(part: str, position: int) -> tuple[_Step, int]:
    match part[position]:
        case "*":
            return _anything, position + 1
        case "?":
            return _anyone, position + 1
        case "[":
            end = _closing(part, position, "]")
            return _one_of(part[position + 1 : end]), end + 1
        case "{":
            end = _closing(part, position, "}")
            return _alternatives(part[position + 1 : end].split(",")), end + 1
        case "]" | "}" as stray:
            raise BadValue(f"pattern {part!r}: {stray!r} closes nothing")
        case character:
            return _alternatives((character,)), position + 1


def _closing(part: str, position: int, bracket: str) -> int:
    end = part.find(bracket, position + 1)
    if end < 0:
        raise BadValue(f"pattern {part!r}: {part[position]!r} is not closed by {bracket!r}")
    return end


def _anything(text: str, reached: set[int]) -> set[int]:
    return set(range(min(reached), len(text) + 1))


def _anyone(text: str, reached: set[int]) -> set[int]:
    return {i + 1 for i in reached if i < len(text)}


def _alternatives(words: Sequence[str]) -> _Step:
    def step(text: str, reached: set[int]) -> set[int]:
        return {i + len(word) for i in reached for word in words if text.startswith(word, i)}

    return step


def _one_of(inside: str) -> _Step:
    negated = inside.startswith("!")
    ranges = _ranges(inside[negated:])

    def step(text: str, reached: set[int]) -> set[int]:
        return {
            i + 1
            for i in reached
            if i < len(text) and any(low <= text[i] <= high for low, high in ranges) is not negated
        }

    return step


def _ranges(inside: str) -> tuple[tuple[str, str], ...]:
    """Return the characters as first and last: a minus at either end is itself, a range that runs backwards empty."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(inside):
        last = position + 2 if inside[position + 1 : position + 2] == "-" and position + 2 < len(inside) else position
        found.append((inside[position], inside[last]))
        position = last + 1
    return tuple(found)
