"""Meter: peak, true peak and loudness of one file as it is written, in constant memory.

Loudness after ITU-R BS.1770-4 (integrated, gated), loudness range after EBU Tech 3342, true peak by fourfold
oversampling. The gates need every block of the programme, so energies are kept as a histogram of hundredths of a
loudness unit with exact sums: hours take no more room than seconds.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.export.kernel import TAPS, largest, true_peak, weigh

Floats = NDArray[np.float32]

ABSOLUTE_GATE = -70.0
_HOPS_PER_SECOND = 10
_MOMENTARY_HOPS = 4
_SHORT_TERM_HOPS = 30
_BINS_PER_UNIT = 100
_BLOCKS_AT_ONCE = 64
_BINS = 100 * _BINS_PER_UNIT

_HALF_PHASES = (
    (0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
     0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
    (-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
     0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
)  # fmt: skip
PHASES = np.array([*_HALF_PHASES, *(half[::-1] for half in reversed(_HALF_PHASES))], np.float32)
"""The interpolator of BS.1770-4 annex 2: four phases of twelve taps."""


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter read. Loudness is None where the programme never rose above the gate; peaks are None for silence."""

    peak_dbfs: float | None
    true_peak_dbtp: float | None
    integrated_lufs: float | None
    range_lu: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None


class Meter:
    """Reads blocks of one stereo file in order; ``levels`` tells what they came to."""

    def __init__(self, sample_rate: int) -> None:
        self._stages = k_weighting(sample_rate)
        self._hop_frames = round(sample_rate / _HOPS_PER_SECOND)
        self._state = np.zeros(10)
        self._recent: NDArray[np.float64] = np.zeros(0)
        self._waiting: list[NDArray[np.float64]] = []
        self._momentary = _Histogram()
        self._short_term = _Histogram()
        self._edge = np.zeros((TAPS - 1, 2), np.float32)
        self._latest = [0.0, 0.0]
        self.peak = 0.0
        self.true_peak = 0.0

    def read(self, block: Floats) -> float:
        """Take the next block, shape (frames, 2), and return its peak."""
        block_peak = largest(block.reshape(-1))
        if block_peak == 0.0 and not self._edge.any() and not self._state[:8].any():
            self._silence(len(block))
            return block_peak
        self.peak = max(self.peak, block_peak)
        history = np.concatenate((self._edge, block))
        self.true_peak = true_peak(history.reshape(-1), PHASES, self.true_peak)
        self._edge = history[len(history) - len(self._edge) :].copy()
        hops = np.empty(len(block) // self._hop_frames + 1)
        self._take(hops[: weigh(block, self._stages, self._state, self._hop_frames, hops)])
        return block_peak

    def _silence(self, frames: int) -> None:
        """Count silent frames without filtering them."""
        finished, rest = divmod(int(self._state[9]) + frames, self._hop_frames)
        hops = np.zeros(finished)
        if finished:
            hops[0] = self._state[8] / self._hop_frames
            self._state[8] = 0.0
        self._state[9] = rest
        self._take(hops)

    def _take(self, hops: NDArray[np.float64]) -> None:
        self._waiting.append(hops)
        if len(self._waiting) >= _BLOCKS_AT_ONCE:
            self._sort_in()

    def _sort_in(self) -> None:
        """Turn finished hops into momentary (400 ms) and short-term (3 s) energies, one of each per hop."""
        known = len(self._recent)
        self._recent = np.concatenate((self._recent, *self._waiting))
        self._waiting.clear()
        sums = np.concatenate((np.zeros(1), np.cumsum(self._recent)))
        for number, (length, histogram) in enumerate(
            ((_MOMENTARY_HOPS, self._momentary), (_SHORT_TERM_HOPS, self._short_term))
        ):
            ends = np.arange(max(known + 1, length), len(sums))
            energies = np.maximum(sums[ends] - sums[ends - length], 0.0) / length
            histogram.add(energies)
            if len(energies):
                self._latest[number] = float(energies[-1])
        self._recent = self._recent[-(_SHORT_TERM_HOPS - 1) :]

    def levels(self) -> Levels:
        """Return the readings of everything read so far."""
        self._sort_in()
        return Levels(
            peak_dbfs=_decibels(self.peak),
            true_peak_dbtp=_decibels(self.true_peak),
            integrated_lufs=self._momentary.gated_mean(-10.0),
            range_lu=self._short_term.spread(),
            max_momentary_lufs=self._momentary.highest(),
            max_short_term_lufs=self._short_term.highest(),
        )

    def now(self) -> tuple[float | None, float | None]:
        """Return momentary (400 ms) and short-term (3 s) loudness of the newest hop, None below the absolute gate."""
        self._sort_in()
        gate = _energy(ABSOLUTE_GATE)
        momentary, short_term = (_loudness(e) if e > gate else None for e in self._latest)
        return momentary, short_term


class _Histogram:
    """Block energies above the absolute gate, by loudness: how many, and their exact sum."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self._sums = np.zeros(_BINS)
        self._highest = 0.0

    def add(self, energies: NDArray[np.float64]) -> None:
        loud = energies[energies > _energy(ABSOLUTE_GATE)]
        if not len(loud):
            return
        bins = ((_loudness_of(loud) - ABSOLUTE_GATE) * _BINS_PER_UNIT).astype(np.int64).clip(0, _BINS - 1)
        np.add.at(self._counts, bins, 1)
        np.add.at(self._sums, bins, loud)
        self._highest = max(self._highest, float(loud.max()))

    def highest(self) -> float | None:
        return _loudness(self._highest) if self._highest else None

    def gated_mean(self, relative_gate: float) -> float | None:
        """Return the loudness of what lies above the mean plus ``relative_gate``."""
        first = self._first_bin(relative_gate)
        return None if first is None else _loudness(self._sums[first:].sum() / self._counts[first:].sum())

    def spread(self) -> float | None:
        """Return the distance between the 10th and the 95th percentile above the gate of -20 LU."""
        first = self._first_bin(-20.0)
        if first is None:
            return None
        ranks = np.cumsum(self._counts[first:])
        low, high = (int(np.searchsorted(ranks, round(part * (ranks[-1] - 1)), side="right")) for part in (0.10, 0.95))
        return (high - low) / _BINS_PER_UNIT

    def _first_bin(self, relative_gate: float) -> int | None:
        if not self._highest:
            return None
        gate = _loudness(self._sums.sum() / self._counts.sum()) + relative_gate
        return max(0, int((gate - ABSOLUTE_GATE) * _BINS_PER_UNIT))


def k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """Return the two biquads of BS.1770 for any rate, shape (2, 5): b0 b1 b2 a1 a2.

    The standard tabulates them for 48 kHz only; these are its analogue prototypes under the bilinear transform.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    quality, high = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    norm = 1.0 + k / quality + k * k
    shelf = (
        (high + band * k / quality + k * k) / norm,
        2.0 * (k * k - high) / norm,
        (high - band * k / quality + k * k) / norm,
        2.0 * (k * k - 1.0) / norm,
        (1.0 - k / quality + k * k) / norm,
    )
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    quality = 0.5003270373238773
    norm = 1.0 + k / quality + k * k
    high_pass = (1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / quality + k * k) / norm)
    return np.array((shelf, high_pass))


def _energy(loudness: float) -> float:
    return float(10.0 ** ((loudness + 0.691) / 10.0))


def _loudness(energy: float) -> float:
    return -0.691 + 10.0 * math.log10(energy)


def _loudness_of(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.691 + 10.0 * np.log10(energies)


def _decibels(magnitude: float) -> float | None:
    return 20.0 * math.log10(magnitude) if magnitude > 0.0 else None
