"""What a mixer must know to go on where another one stood, perhaps in a process that is gone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.realtime.records import NOW, RECORD, Kind

STAND = np.dtype(
    [
        ("frame", "<i8"),
        ("timeline_frame", "<i8"),
        ("playing", "<i8"),
        ("loop_start", "<i8"),
        ("loop_end", "<i8"),
        ("stop_at", "<i8"),
        ("panic_end", "<i8"),
        ("epoch", "<i8"),
    ]
)
"""Where everything stands at the next block's first frame. epoch: the newest one not acknowledged yet, 0: none."""

KNOBS = frozenset(kind for kind in Kind if kind.name.startswith("SET_") and kind is not Kind.SET_LOOP)
"""The kinds of records that turn something and leave it there."""

MOST_KNOBS = 4096


class MixerState(NamedTuple):
    """A mixer between two blocks. stand: one STAND. players: the rows that sound. waiting: RECORDs by frame.

    knobs: RECORDs that turn a fresh mixer of the same graph to where this one's knobs are.
    """

    stand: NDArray[Any]
    players: NDArray[Any]
    waiting: NDArray[Any]
    knobs: NDArray[Any]


class Knobs:
    """The newest record of each knob that was turned since the graph was built; at most MOST_KNOBS of them."""

    def __init__(self) -> None:
        self._rows = np.zeros(MOST_KNOBS, RECORD)
        self._places: dict[tuple[int, int, int, int], int] = {}

    @property
    def rows(self) -> NDArray[Any]:
        """One record each, in the order in which they were first turned."""
        return self._rows[: len(self._places)]

    def note(self, record: np.void) -> None:
        """Keep ``record`` if it turns something."""
        kind = int(record["kind"])
        if kind not in KNOBS:
            return
        knob = kind, int(record["strip"]), int(record["index"]), int(record["param"])
        place = self._places.get(knob)
        if place is None:
            if len(self._places) == MOST_KNOBS:
                return
            place = self._places[knob] = len(self._places)
        self._rows[place] = record
        self._rows[place]["frame"] = NOW
