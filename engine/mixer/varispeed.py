"""Varispeed: interpolation between the samples of what is played, by windowed-sinc filters.

A filter is a Kaiser-windowed sinc, sampled at PHASES places between two samples and taken linearly between those. Above
rate 1 its edge moves down with the rate, in bands of two semitones: what would fold back is gone before it can.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import filter_kernel, kernel

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
    """table: (bands, PHASES + 1, MOST_TAPS). taps: how many of a row are used, per band; a multiple of 8."""

    table: NDArray[np.float32]
    taps: NDArray[np.int64]


@lru_cache(maxsize=1)
def filters() -> Filters:
    """Return the filters of all bands; one table for all mixers."""
    table = np.zeros((BANDS, PHASES + 1, MOST_TAPS), np.float32)
    taps = np.zeros(BANDS, np.int64)
    for band in range(BANDS):
        rows = _band(2.0 ** (band / BANDS_PER_OCTAVE))
        taps[band] = rows.shape[1]
        table[band, :, : taps[band]] = rows
    return Filters(table, taps)


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


@filter_kernel
def _weighed(
    here: NDArray[np.float32], there: NDArray[np.float32], between: np.float32, sound: NDArray[np.float32]
) -> np.float32:
    low, high = np.float32(0.0), np.float32(0.0)
    for tap in range(len(sound)):
        low += here[tap] * sound[tap]
        high += there[tap] * sound[tap]
    return low + between * (high - low)


@kernel
def interpolate(
    filters: Filters, band: int, sound: NDArray[np.float32], place: int, step: int, out: NDArray[np.float32]
) -> None:
    """Write the sound at ``place``, ``place + step`` … (in parts of ONE) into ``out``.

    sound: begins taps / 2 - 1 frames before place 0 and reaches taps / 2 frames beyond the last place.
    """
    taps = filters.taps[band]
    table = filters.table[band]
    for i in range(len(out)):
        first = place >> 32
        fine = (place & (ONE - 1)) * PHASES
        phase = fine >> 32
        between = np.float32((fine & (ONE - 1)) * (1.0 / ONE))
        out[i] = _weighed(table[phase, :taps], table[phase + 1, :taps], between, sound[first : first + taps])
        place += step
