"""Which outputs of a device play what: the main mix the first two, private buses those that a setting names."""

from __future__ import annotations

import re

from engine.errors import SettingsError

MAIN = 2
"""The main mix has the device's first outputs, so many."""

_OUTPUTS = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")


def private_outputs(text: str) -> tuple[int, ...]:
    """Return the outputs, counted from 1, on which private buses are heard: ``3-4`` in stereo, ``3`` in mono.

    An empty text names none. Raises SettingsError.
    """
    if not text.strip():
        return ()
    found = _OUTPUTS.fullmatch(text.strip())
    outputs = tuple(int(number) for number in found.groups() if number) if found else ()
    if not outputs or (len(outputs) == MAIN and outputs[1] != outputs[0] + 1):
        raise SettingsError(f"private_output: expected two neighbours, as 3-4, or one output, as 3; got {text!r}")
    if outputs[0] <= MAIN:
        raise SettingsError(f"private_output: {text}: outputs 1 and 2 play the main mix; take 3 or more")
    return outputs


def told(outputs: tuple[int, ...]) -> str:
    """Return how people read ``outputs``."""
    return "-".join(map(str, outputs))
