"""Knobs: the newest record of each knob that was turned, for a mixer that goes on with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.state import MOST_KNOBS
from engine.realtime.records import RECORD, Kind

KNOBS = tuple(int(kind) for kind in Kind if kind.name.startswith("SET_") and kind is not Kind.SET_LOOP)
"""The kinds of records that turn something and leave it there."""


class Knobs(NamedTuple):
    """The newest record of each knob that was turned since the graph was built, in the order of their first turns.

    rows: RECORDs, MOST_KNOBS at most; their frame is the engine frame at which it was turned. used: [how many].
    """

    rows: NDArray[Any]
    used: NDArray[np.int64]


def new_knobs() -> Knobs:
    """Return knobs of which none was turned."""
    return Knobs(np.zeros(MOST_KNOBS, RECORD), np.zeros(1, np.int64))


@kernel
def note(knobs: Knobs, record: Any, frame: int) -> None:
    """Keep ``record`` if it turns something, at ``frame``."""
    if record.kind not in KNOBS:
        return
    place, count = 0, knobs.used[0]
    while place < count and not _same_knob(knobs.rows[place], record):
        place += 1
    if place == len(knobs.rows):
        return
    knobs.rows[place] = record
    knobs.rows[place].frame = frame
    knobs.used[0] = max(count, place + 1)


@kernel
def note_all(knobs: Knobs, records: NDArray[Any], frame: int) -> None:
    """Keep those of ``records`` that turn something, in order."""
    for place in range(len(records)):
        note(knobs, records[place], frame)


@kernel
def _same_knob(one: Any, other: Any) -> bool:
    same: bool = one.kind == other.kind and one.strip == other.strip
    return same and one.index == other.index and one.param == other.param
