"""Trimming: where the line begins and ends in what was captured. Pure.

What was said before the key was pressed belongs to the line only if it goes on into it: who was talking to somebody
else just before is not cut into the line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOP_SECONDS = 0.01
ABOVE_FLOOR_DB, BELOW_PEAK_DB, LEAST_DB = 12.0, 40.0, -60.0
"""Speech is so much louder than the room, not so much softer than its own peak, and never softer than that."""

PAUSE_SECONDS = 0.3
"""A shorter pause is within a phrase: one that is under way when the key is pressed has begun before it."""

SHORTEST_SECONDS = 0.03
LEAD_SECONDS, TAIL_SECONDS = 0.1, 0.25
"""What stays before the first sound, where breath is, and after the last, where words ring out."""


def trim(audio: NDArray[np.float32], sample_rate: int, pressed: int = 0) -> tuple[int, int] | None:
    """Return from which frame to which ``audio``, (frames, channels), holds the line; None: there is only silence.

    pressed: the frame at which the key was pressed; before it lies the pre-roll.
    """
    hop = max(1, round(HOP_SECONDS * sample_rate))
    runs = _runs(_levels_db(audio, hop))
    spoken = [(start * hop, end * hop) for start, end in runs if (end - start) * HOP_SECONDS >= SHORTEST_SECONDS]
    line = [(start, end) for start, end in spoken if end > pressed]
    if not line:
        return None
    pause = round(PAUSE_SECONDS * sample_rate)
    first = line[0][0]
    if first - pressed < pause:  # it may have begun before the key was down
        for start, end in reversed([run for run in spoken if run[1] <= pressed]):
            if first - end >= pause:
                break
            first = start
    start = max(0, first - round(LEAD_SECONDS * sample_rate))
    return start, min(len(audio), line[-1][1] + round(TAIL_SECONDS * sample_rate))


def _levels_db(audio: NDArray[np.float32], hop: int) -> NDArray[np.float64]:
    """Return the level of each hop; the last one is filled up with silence."""
    mono = np.pad(audio.astype(np.float64).mean(axis=1), (0, -len(audio) % hop))
    power = (mono.reshape(-1, hop) ** 2).mean(axis=1)
    levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-12))
    return levels


def _runs(levels_db: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the stretches of hops in which somebody speaks."""
    if not levels_db.size:
        return []
    floor = float(np.percentile(levels_db, 10))
    peak = float(levels_db.max())
    quiet = max(LEAST_DB, peak - BELOW_PEAK_DB, min(floor + ABOVE_FLOOR_DB, peak - 6.0))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], levels_db > quiet, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
