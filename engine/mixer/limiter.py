"""The master's true-peak limiter: looks ahead, links both channels, and is the identity when nothing is too loud.

The true peak is estimated by eight-fold oversampling, closely up to 20 kHz; sound above that, such as full-band noise,
may pass the ceiling by 1 dB between samples. The gain that it asks for is held over the look-ahead (window minimum),
released exponentially, and smoothed by two moving averages of whole numbers: so it arrives in time, has no corners,
returns to exactly 1, and does not depend on how blocks are cut.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import bound, kernel, meter_kernel
from engine.mixer.ramps import fill, glide, new_ramps
from engine.mixer.touching import touch
from engine.mixer.uncounted import uncounted
from engine.units import db_to_gain, gain_to_db

LOOK_AHEAD_SECONDS = 64 / 48000
RELEASE_SECONDS = 0.08
OFF = math.nan
"""A ceiling that means: no limiter."""

_PHASES, _TAPS = 8, 16
_HALF = _TAPS // 2
_MARGIN = 4
"""Frames around a peak that share its gain: a true peak is made by its neighbours, too."""
_UNITY = 1 << 30
_PART = 256
"""Frames that are worked on at a time, to stay in the fastest memory."""
_SNAP = 1.0 - 1e-4
_SAFETY = 10.0 ** (-0.1 / 20.0)
"""What eight-fold oversampling may miss: whatever is limited at all is limited to 0.1 dB below the ceiling."""

_HOLD, _NEXT, _FIRST, _BOX_A, _BOX_B, _COUNT = 0, 1, 2, 3, 4, 5
_CEILING, _ENVELOPE, _RELEASE, _LOWEST, _BOUND = 0, 1, 2, 3, 4


class LimiterState(NamedTuple):
    """line: (look-ahead + part, 2), the delay. recent: (2, taps - 1 + part), the newest input.

    window: held minima and their times. boxes: the two moving averages. whole, real: scalars. mix: the ramp that brings
    it in.
    """

    line: NDArray[np.float32]
    recent: NDArray[np.float32]
    phases: NDArray[np.float32]
    sum: NDArray[np.float32]
    peaks: NDArray[np.float32]
    gains: NDArray[np.float32]
    window: NDArray[np.float64]
    times: NDArray[np.int64]
    box_a: NDArray[np.int64]
    box_b: NDArray[np.int64]
    whole: NDArray[np.int64]
    real: NDArray[np.float64]
    mix: NDArray[Any]
    curve: NDArray[np.float64]


def _phases() -> NDArray[np.float32]:
    """Return the (phases - 1, taps) interpolator between samples; phase 0 is the sample itself."""
    place = np.arange(_TAPS)[None, :] - (_HALF - 1) - np.arange(1, _PHASES)[:, None] / _PHASES
    window = np.i0(4.0 * np.sqrt(np.clip(1.0 - (place / _HALF) ** 2, 0.0, None))) / np.i0(4.0)
    taps = np.sinc(place) * window
    normed: NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return normed


class Limiter:
    """One limiter for one stereo signal. ceiling_db: dBTP, or None for off."""

    def __init__(self, sample_rate: int, ceiling_db: float | None, max_block_frames: int) -> None:
        self._frames = max(32, round(LOOK_AHEAD_SECONDS * sample_rate))
        box = self._frames - _HALF - _MARGIN
        self._state = LimiterState(
            line=np.zeros((self._frames + _PART, 2), np.float32),
            recent=np.zeros((2, _TAPS - 1 + _PART), np.float32),
            phases=_phases(),
            sum=np.zeros(_PART, np.float32),
            peaks=np.zeros(_PART, np.float32),
            gains=np.ones(_PART, np.float32),
            window=np.ones(self._frames, np.float64),
            times=np.zeros(self._frames, np.int64),
            box_a=np.full((box + 1) // 2, _UNITY, np.int64),
            box_b=np.full(box + 1 - (box + 1) // 2, _UNITY, np.int64),
            whole=np.zeros(6, np.int64),
            real=np.array([math.inf, 1.0, 1.0 - math.exp(-1.0 / (RELEASE_SECONDS * sample_rate)), 1.0, 1.0]),
            mix=new_ramps([0.0 if ceiling_db is None else 1.0]),
            curve=np.zeros(max_block_frames),
        )
        state = self._state
        state.whole[_HOLD] = self._frames - _HALF + _MARGIN + 2
        state.whole[_BOX_A] = len(state.box_a) * _UNITY
        state.real[_BOUND] = 1.01 * np.abs(state.phases).sum(axis=1).max()
        state.whole[_BOX_B] = len(state.box_b) * _UNITY
        nothing = np.zeros((1, 2), np.float32)
        self._limit = bound(_limit, state, nothing, nothing, 0)
        self._set_ceiling(ceiling_db)

    def _set_ceiling(self, ceiling_db: float | None) -> None:
        self._state.real[_CEILING] = math.inf if ceiling_db is None else db_to_gain(ceiling_db)

    def set_ceiling(self, ceiling_db: float | None, frame: int, ramp_frames: int) -> None:
        """Set the ceiling from ``frame`` on; one that has been off so far comes in by a crossfade of ``ramp_frames``.

        Switched off, it lets go of the gain as after any peak, and keeps its delay: a recording, and a DAW that makes
        up for the delay, go on without a gap.
        """
        self._set_ceiling(ceiling_db)
        if ceiling_db is not None:
            glide(self._state.mix, 0, 1.0, frame, ramp_frames)

    @property
    def latency_frames(self) -> int:
        """Frames by which the output is late: the look-ahead, or 0 when it has not been on."""
        return self._frames if self._state.mix["end"][0] else 0

    def take_reduction_db(self) -> float:
        """Return the largest gain reduction since the last call, 0 or less."""
        lowest = float(self._state.real[_LOWEST])
        self._state.real[_LOWEST] = 1.0
        return min(0.0, gain_to_db(lowest))

    def touch(self) -> None:
        """Have all memory mapped. Before the first block."""
        touch(self._state)

    def process(self, signal: NDArray[np.float32], out: NDArray[np.float32], frame: int) -> None:
        """Limit ``signal`` into ``out``, both (frames, 2) in one piece; ``frame`` is the engine frame of the first."""
        self._limit(self._state, signal, out, frame)


@meter_kernel
def _loudest(recent: NDArray[np.float32]) -> np.float32:
    loudest = np.float32(0.0)
    for channel in range(2):
        for i in range(recent.shape[1]):
            loudest = max(loudest, abs(recent[channel, i]))
    return loudest


@kernel
def _find_peaks(state: LimiterState, frames: int) -> bool:
    """Fill ``peaks`` with the true peak around the frame ``_HALF`` ago; False if none of them passes the ceiling."""
    peaks, total, recent = state.peaks[:frames], state.sum[:frames], state.recent
    if _loudest(recent[:, : _TAPS - 1 + frames]) * state.real[_BOUND] < state.real[_CEILING]:
        return False
    peaks[:] = 0.0
    for channel in range(2):
        signal = recent[channel]
        for i in range(frames):
            peaks[i] = max(peaks[i], max(abs(signal[i + _HALF - 1]), abs(signal[i + _HALF])))
        for phase in range(_PHASES - 1):
            total[:] = 0.0
            for tap in range(_TAPS):
                weight = state.phases[phase, tap]
                for i in range(frames):
                    total[i] += weight * signal[i + tap]
            for i in range(frames):
                peaks[i] = max(peaks[i], abs(total[i]))
    highest = np.float32(0.0)
    for i in range(frames):
        highest = max(highest, peaks[i])
    return highest > state.real[_CEILING]


@kernel
def _rests(state: LimiterState) -> bool:
    """Whether the gain is exactly 1 and nothing that was held asks for less."""
    whole = state.whole
    rests = state.real[_ENVELOPE] == 1.0 and state.window[whole[_FIRST] % len(state.window)] == 1.0
    rests = rests and whole[_BOX_A] == len(state.box_a) * _UNITY
    return rests and whole[_BOX_B] == len(state.box_b) * _UNITY


@kernel
def _held(state: LimiterState, gain: float) -> float:
    """Return the smallest of the last gains: a queue of falling candidates in a ring."""
    whole, window, times = state.whole, state.window, state.times
    now = whole[_COUNT]
    first, after = whole[_FIRST], whole[_NEXT]
    size = len(window)
    while after > first and window[(after - 1) % size] >= gain:
        after -= 1
    window[after % size] = gain
    times[after % size] = now
    after += 1
    if times[first % size] <= now - whole[_HOLD]:
        first += 1
    whole[_FIRST], whole[_NEXT] = first, after
    return window[first % size]


@kernel
def _smooth(state: LimiterState, target: float) -> float:
    """Return the gain for this frame: released, then averaged twice."""
    real, whole = state.real, state.whole
    envelope = real[_ENVELOPE]
    envelope = min(target, envelope + (target - envelope) * real[_RELEASE])
    if target == 1.0 and envelope > _SNAP:
        envelope = 1.0
    real[_ENVELOPE] = envelope
    value = np.int64(envelope * _UNITY)
    at = whole[_COUNT] % len(state.box_a)
    whole[_BOX_A] += value - state.box_a[at]
    state.box_a[at] = value
    value = whole[_BOX_A] // len(state.box_a)
    at = whole[_COUNT] % len(state.box_b)
    whole[_BOX_B] += value - state.box_b[at]
    state.box_b[at] = value
    return whole[_BOX_B] / (len(state.box_b) * _UNITY)


@kernel
def _follow(state: LimiterState, frames: int, gains: NDArray[np.float32]) -> None:
    """Fill ``gains`` for the next ``frames``, one call per part."""
    above = _find_peaks(state, frames)
    if not above and _rests(state):
        gains[:] = 1.0
        state.whole[_COUNT] += frames
        state.times[state.whole[_FIRST] % len(state.times)] = state.whole[_COUNT] - 1
        return
    ceiling = state.real[_CEILING]
    for i in range(frames):
        over = above and state.peaks[i] > ceiling
        gain = _smooth(state, _held(state, ceiling * _SAFETY / state.peaks[i] if over else 1.0))
        state.real[_LOWEST] = min(state.real[_LOWEST], gain)
        gains[i] = gain
        state.whole[_COUNT] += 1


@kernel
def _limit_part(
    state: LimiterState, signal: NDArray[np.float32], out: NDArray[np.float32], mix: NDArray[np.float64]
) -> None:
    frames, ahead = len(signal), len(state.line) - _PART
    line, recent, gains = state.line, state.recent, state.gains[: len(signal)]
    for channel in range(2):
        recent[channel, _TAPS - 1 : _TAPS - 1 + frames] = signal[:, channel]
    _follow(state, frames, gains)
    line[ahead : ahead + frames] = signal
    for i in range(frames):
        wet = np.float32(mix[i])
        for channel in range(2):
            dry, limited = signal[i, channel], line[i, channel] * gains[i]
            out[i, channel] = limited if wet == 1.0 else dry if wet == 0.0 else dry + (limited - dry) * wet
    for i in range(ahead):
        line[i] = line[frames + i]
    for channel in range(2):
        for i in range(_TAPS - 1):
            recent[channel, i] = recent[channel, frames + i]


@kernel
def _is_off(state: LimiterState, frame: int) -> bool:
    """Whether it is switched off, and nothing that it did before goes on."""
    mix = state.mix[0]
    rests = mix.end == 0.0 and frame - mix.start_frame >= mix.frames and _rests(state)
    return rests and state.real[_CEILING] == np.inf


@kernel
def _pass(state: LimiterState, signal: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Hand on what is not limited, and keep what would be needed to be switched on: what ``_limit_part`` keeps."""
    frames, ahead, kept = len(signal), len(state.line) - _PART, _TAPS - 1
    out[:] = signal
    for lag in range(max(0, ahead - frames)):
        state.line[lag] = state.line[lag + frames]
    newest = min(ahead, frames)
    state.line[ahead - newest : ahead] = signal[frames - newest :]
    newest = min(kept, frames)
    for channel in range(2):
        for lag in range(kept - newest):
            state.recent[channel, lag] = state.recent[channel, lag + frames]
        state.recent[channel, kept - newest : kept] = signal[frames - newest :, channel]
    state.whole[_COUNT] += frames
    state.times[state.whole[_FIRST] % len(state.times)] = state.whole[_COUNT] - 1


@kernel
def _limit(state: LimiterState, signal: NDArray[np.float32], out: NDArray[np.float32], frame: int) -> None:
    state, signal, out = uncounted((state, signal, out))
    if _is_off(state, frame):
        _pass(state, signal, out)
        return
    fill(state.mix, 0, frame, state.curve[: len(signal)])
    for begin in range(0, len(signal), _PART):
        end = min(len(signal), begin + _PART)
        _limit_part(state, signal[begin:end], out[begin:end], state.curve[begin:end])
