"""Varispeed: interpolation between the samples of what is played, by windowed-sinc filters.

A filter is a Kaiser-windowed sinc, sampled at PHASES places between two samples and taken linearly between those. Above
rate 1 its edge moves down with the rate, in bands of two semitones: what would fold back is gone before it can.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.weighing import weighed

ONE = 1 << 32
"""A place in a clip is a whole number of this many parts of a frame: exact, however blocks are cut."""

SLOWEST, FASTEST = 0.25, 4.0
"""Two octaves down and up."""

PHASES = 128
TAPS, MOST_TAPS = 32, 64
BETA = 7.5
"""Of the Kaiser window: 76 dB."""
EDGE = 0.5
"""Where a filter stands at half, in cycles per frame of the output."""
BANDS_PER_OCTAVE = 6
BANDS = 2 * BANDS_PER_OCTAVE + 1


class Filters(NamedTuple):
    """table: the rows of all bands, PHASES + 1 each, one after another. first: where a band begins. taps: of its rows.

    Rows lie close, so that a band stays in the fastest memory.
    """

    table: NDArray[np.float32]
    first: NDArray[np.int64]
    taps: NDArray[np.int64]


@lru_cache(maxsize=1)
def filters() -> Filters:
    """Return the filters of all bands; one table for all mixers."""
    bands = [_band(2.0 ** (band / BANDS_PER_OCTAVE)) for band in range(BANDS)]
    return Filters(
        table=_on_a_cache_line(np.concatenate([rows.ravel() for rows in bands])),
        first=np.cumsum([0, *(rows.size for rows in bands[:-1])]),
        taps=np.array([rows.shape[1] for rows in bands]),
    )


def _on_a_cache_line(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a copy that begins on a cache line: else every other load of eight would cross one."""
    room = np.zeros(len(values) + 16, np.float32)
    begin = -room.ctypes.data % 64 // 4
    room[begin : begin + len(values)] = values
    return room[begin : begin + len(values)]


def _band(rate: float) -> NDArray[np.float64]:
    """Return the filter for rates up to ``rate``, (PHASES + 1, taps); each row sums to 1.

    It would have to grow with the rate. Beyond MOST_TAPS its slope gets wider instead, and moves down so far that it
    lets no more fold back than that of rate 1.
    """
    wanted = TAPS * rate
    count = min(MOST_TAPS, 8 * round(wanted / 8))
    slope = (76.0 - 7.95) / (14.36 * TAPS)
    edge = (EDGE - slope / 2.0 * (max(1.0, wanted / count) - 1.0)) / rate
    places = np.arange(count) - (count // 2 - 1) - np.arange(PHASES + 1)[:, np.newaxis] / PHASES
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (places / (count / 2)) ** 2)))
    rows = np.sinc(2.0 * edge * places) * window
    scaled: NDArray[np.float64] = rows / rows.sum(axis=1, keepdims=True)
    return scaled


@kernel
def band_of(step: int) -> int:
    """Return the band for ``step``: the parts of a frame that pass in one frame of the output."""
    if step <= ONE:
        return 0
    return min(BANDS - 1, int(np.ceil(BANDS_PER_OCTAVE * np.log2(step / ONE) - 1e-9)))


@kernel
def interpolate(
    filters: Filters,
    band: int,
    sound: NDArray[np.float32],
    place: int,
    step: int,
    out: NDArray[np.float32],
    frames: int,
) -> None:
    """Write the sound at ``place``, ``place + step`` … (in parts of ONE) into ``out``, as many ``frames``.

    sound: begins taps / 2 - 1 frames before place 0 and reaches taps / 2 frames beyond the last place.
    """
    table, base, taps = filters.table, filters.first[band], filters.taps[band]
    for i in range(frames):
        fine = (place & (ONE - 1)) * PHASES
        between = np.float32((fine & (ONE - 1)) * (1.0 / ONE))
        out[i] = weighed(table, base + (fine >> 32) * taps, taps, between, sound, place >> 32)
        place += step
