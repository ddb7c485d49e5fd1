"""Varispeed: interpolation between the samples of what is played, by windowed-sinc filters.

A filter is sampled at PHASES places between two samples and taken linearly between those. Up to rate 1 the sound is
doubled first (a Kaiser-windowed sinc of 32 samples), so that eight taps are enough to go on from there. Above rate 1
one filter does it all; its edge moves down with the rate, in bands of two semitones: what would fold back is gone
before it can.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel, woven
from engine.mixer.doubling import AT_ONCE, NEIGHBOURS, double
from engine.mixer.vectors import LANES
from engine.mixer.weighing import PHASES, weigh, weigh_close

ONE = 1 << 32
"""A place in a clip is a whole number of this many parts of a frame: exact, however blocks are cut."""

SLOWEST, FASTEST = 0.25, 4.0
"""Two octaves down and up."""

TAPS, MOST_TAPS = 32, 64
BETA = 7.5
"""Of the Kaiser window: 76 dB."""
WIDER = 4 / 3
"""By how much a slope is at most wider than at rate 1, up to MOST_TAPS: all below 0.377 cycles a frame is heard."""
EDGE = 0.5
"""Where a filter stands at half, in cycles per frame of the output."""
BANDS_PER_OCTAVE = 6
BANDS = 2 * BANDS_PER_OCTAVE + 1

CLOSE_TAPS, CLOSE_EDGE = 8, 0.44
CLOSE_WINDOW = 0.415, 0.499, 0.086
"""Of the filter between doubled samples: its window's cosines were searched for, all images of what lies below 0.425
cycles per frame are together 81 dB down."""
LEAD = NEIGHBOURS + CLOSE_TAPS // 4 - 1
"""Frames before a place that doubling needs."""
SPAN = 2 * NEIGHBOURS + CLOSE_TAPS // 2
"""Frames that it needs for one place."""


class Filters(NamedTuple):
    """table: the rows of all bands, PHASES + 1 each, one after another. first: where a band begins. taps: of its rows.

    Rows lie close, so that a band stays in the fastest memory. Band 0 is for doubled sound, by ``weights``.
    """

    table: NDArray[np.float32]
    first: NDArray[np.int64]
    taps: NDArray[np.int64]
    weights: NDArray[np.float32]


@lru_cache(maxsize=1)
def filters() -> Filters:
    """Return the filters of all bands; one table for all mixers."""
    bands = [_close_band(), *(_band(2.0 ** (band / BANDS_PER_OCTAVE)) for band in range(1, BANDS))]
    middle = _band(1.0)[PHASES // 2]
    return Filters(
        table=_on_a_cache_line(np.concatenate([rows.ravel() for rows in bands])),
        first=np.cumsum([0, *(rows.size for rows in bands[:-1])]),
        taps=np.array([rows.shape[1] for rows in bands]),
        weights=middle[NEIGHBOURS:].astype(np.float32),
    )


def _on_a_cache_line(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a copy that begins on a cache line: else every other load of eight would cross one."""
    room = np.zeros(len(values) + 16, np.float32)
    begin = -room.ctypes.data % 64 // 4
    room[begin : begin + len(values)] = values
    return room[begin : begin + len(values)]


def _taps(rate: float) -> int:
    """Return how many taps a filter for rates up to ``rate`` has: they grow with it, a little less than they should."""
    return max(TAPS, min(MOST_TAPS, LANES * math.ceil(TAPS * rate / WIDER / LANES)))


def _band(rate: float) -> NDArray[np.float64]:
    """Return the filter for rates up to ``rate``, (PHASES + 1, taps); each row sums to 1.

    Where it has fewer taps than it should its slope is wider, and moved down so far that it lets no more fold back than
    that of rate 1.
    """
    count = _taps(rate)
    slope = (76.0 - 7.95) / (14.36 * TAPS)
    edge = (EDGE - slope / 2.0 * (max(1.0, TAPS * rate / count) - 1.0)) / rate
    places = _places(count)
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (places / (count / 2)) ** 2)))
    return _scaled(np.sinc(2.0 * edge * places) * window)


def _close_band() -> NDArray[np.float64]:
    """Return the filter for doubled sound, (PHASES + 1, taps); each row sums to 1."""
    places = _places(CLOSE_TAPS)
    angle = 2.0 * np.pi * places / CLOSE_TAPS
    window = sum(share * np.cos(order * angle) for order, share in enumerate(CLOSE_WINDOW))
    return _scaled(np.sinc(2.0 * CLOSE_EDGE * places) * window)


def _places(count: int) -> NDArray[np.float64]:
    """Return where the samples lie that a row weighs, from the place that is heard."""
    return np.arange(count) - (count // 2 - 1) - np.arange(PHASES + 1)[:, np.newaxis] / PHASES


def _scaled(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = rows / rows.sum(axis=1, keepdims=True)
    return scaled


@kernel
def band_of(step: int) -> int:
    """Return the band for ``step``: the parts of a frame that pass in one frame of the output."""
    if step <= ONE:
        return 0
    return min(BANDS - 1, int(np.ceil(BANDS_PER_OCTAVE * np.log2(step / ONE) - 1e-9)))


@woven
def lead(filters: Filters, band: int) -> int:
    """Return how many frames before a place are needed to interpolate there."""
    return LEAD if band == 0 else filters.taps[band] // 2 - 1


@woven
def span(filters: Filters, band: int) -> int:
    """Return how many frames are needed in all for one place."""
    return SPAN if band == 0 else filters.taps[band]


@woven
def _weigh_along(
    filters: Filters,
    band: int,
    taps: int,
    sound: NDArray[np.float32],
    place: int,
    step: int,
    out: NDArray[np.float32],
    frames: int,
) -> None:
    for at in range(0, frames, LANES):
        weigh(filters.table, filters.first[band], taps, sound, place, step, out, at)
        place += LANES * step


@woven
def interpolate(
    filters: Filters,
    band: int,
    sound: NDArray[np.float32],
    place: int,
    step: int,
    doubled: NDArray[np.float32],
    out: NDArray[np.float32],
    frames: int,
) -> None:
    """Write the sound at ``place``, ``place + step`` … (in parts of ONE) into ``out``, as many ``frames``.

    sound: begins ``lead`` frames before place 0. doubled: scratch for band 0. Whole vectors are read and written, so
    arrays have room beyond what is asked for: ``sound`` for LANES - 1 steps or AT_ONCE frames, ``out`` for LANES.
    """
    if band == 0:
        for first in range(0, ((place + (frames - 1) * step) >> 32) + SPAN - 2 * NEIGHBOURS + 1, AT_ONCE):
            double(filters.weights, sound, first, doubled, 2 * first)
        place, step = 2 * place + ONE, 2 * step
        for at in range(0, frames, LANES):
            weigh_close(filters.table, filters.first[0], doubled, place, step, out, at)
            place += LANES * step
    elif filters.taps[band] == 32:  # each number told by itself: only so are the sums unrolled, in half the time
        _weigh_along(filters, band, 32, sound, place, step, out, frames)
    elif filters.taps[band] == 40:
        _weigh_along(filters, band, 40, sound, place, step, out, frames)
    elif filters.taps[band] == 48:
        _weigh_along(filters, band, 48, sound, place, step, out, frames)
    elif filters.taps[band] == 56:
        _weigh_along(filters, band, 56, sound, place, step, out, frames)
    else:
        _weigh_along(filters, band, MOST_TAPS, sound, place, step, out, frames)
