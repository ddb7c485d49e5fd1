"""Counterparts: which output belongs to the device that an input is of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.midi.surface import Surface

_NUMBERS = re.compile(r"[ :]*[0-9]+:[0-9]+$")
_DIRECTIONS = re.compile(r"\((capture|playback)\)|\b(in|out|input|output|capture|playback)\b")


def counterpart(name: str, surface: Surface, outputs: Iterable[str]) -> str | None:
    """Return the output of the device whose input is ``name``: by the surface's own names, or by its bare name."""
    fitting = [o for o in outputs if surface.fits(o)]
    bare = _bare(name)
    same = [o for o in outputs if _bare(o) == bare]
    return next(iter([*(o for o in fitting if o in same), *fitting, *same]), None)


def _bare(name: str) -> str:
    """Return a port's name without what says its direction or its number."""
    bare = _NUMBERS.sub("", name).lower()
    return _DIRECTIONS.sub("", bare)
