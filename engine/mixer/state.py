"""What a mixer must know to go on where another one stood, perhaps in a process that is gone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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

MOST_KNOBS = 4096


class Packed(NamedTuple):
    """A MixerState as bytes, valid until the mixer's next call. player_bytes: of each player's row."""

    stand: memoryview
    players: memoryview
    waiting: memoryview
    knobs: memoryview
    player_bytes: int


class MixerState(NamedTuple):
    """A mixer between two blocks. stand: one STAND. players: the rows that sound. waiting: RECORDs by frame.

    knobs: RECORDs that turn a fresh mixer of the same graph to where this one's knobs are.
    """

    stand: NDArray[Any]
    players: NDArray[Any]
    waiting: NDArray[Any]
    knobs: NDArray[Any]
