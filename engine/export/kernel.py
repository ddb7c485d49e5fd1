"""The loops of export that touch every sample: PCM to float and back, K-weighting, true peak.

Compiled, and they let go of the interpreter lock, so reading, mixing and writing overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel

PCM24_FULL_SCALE = 8388608.0
"""A sample of 1.0 in 24 bits; the largest that fits is one step below."""


@kernel
def decode_pcm24(raw: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    """Turn little-endian 24-bit samples into float; exact."""
    scale = np.float32(1.0 / 2147483648.0)
    for i in range(out.size):
        j = 3 * i
        word = (np.int32(raw[j]) << 8) | (np.int32(raw[j + 1]) << 16) | (np.int32(raw[j + 2]) << 24)
        out[i] = np.float32(np.int32(word)) * scale


@kernel
def encode_pcm24(samples: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    """Turn float samples (flat) into little-endian 24 bits: rounded to the nearest step, clipped, no dither."""
    for i in range(samples.size):
        scaled = np.rint(np.float64(samples[i]) * PCM24_FULL_SCALE)
        value = np.int32(min(max(scaled, -PCM24_FULL_SCALE), PCM24_FULL_SCALE - 1.0))
        j = 3 * i
        out[j] = np.uint8(value & 0xFF)
        out[j + 1] = np.uint8((value >> 8) & 0xFF)
        out[j + 2] = np.uint8((value >> 16) & 0xFF)


@kernel
def largest(samples: NDArray[np.float32]) -> float:
    """Return the largest magnitude of flat ``samples``.

    Magnitudes compare like their bits without the sign, and a maximum of integers is vectorised, one of floats is not.
    """
    bits = samples.view(np.int32)
    peak = np.int32(0)
    for i in range(bits.size):
        peak = max(peak, bits[i] & np.int32(0x7FFFFFFF))
    return float(np.full(1, peak, np.int32).view(np.float32)[0])


@kernel
def last_above(block: NDArray[np.float32], threshold: float) -> int:
    """Return the frame after the last one of ``block`` (frames, channels) that reaches ``threshold``; 0: none does."""
    if largest(block.reshape(-1)) < threshold:
        return 0
    for frame in range(block.shape[0] - 1, -1, -1):
        for channel in range(block.shape[1]):
            if abs(block[frame, channel]) >= threshold:
                return frame + 1
    return 0


@kernel
def outline(block: NDArray[np.float32], at: int, bucket: int, peaks: NDArray[np.float32]) -> None:
    """Raise ``peaks``, one value per ``bucket`` frames, to the magnitudes of ``block``, whose first frame is ``at``."""
    begin = 0
    while begin < block.shape[0] and (at + begin) // bucket < peaks.size:
        index = (at + begin) // bucket
        end = min(block.shape[0], (index + 1) * bucket - at)
        peaks[index] = max(peaks[index], largest(block[begin:end].reshape(-1)))
        begin = end


@kernel
def weigh(
    block: NDArray[np.float32],
    stages: NDArray[np.float64],
    state: NDArray[np.float64],
    hop: int,
    hops: NDArray[np.float64],
) -> int:
    """Run ``block`` (frames, 2) through the K-weighting and sum its energy per hop; return the hops completed.

    stages: (2, 5) biquads b0 b1 b2 a1 a2. state: 10 numbers kept between calls: two per stage and channel, then the
    energy and the frames of the unfinished hop. hops: receives each completed hop's mean square, both channels summed.
    """
    b0, b1, b2, a1, a2 = stages[0]
    d0, d1, d2, c1, c2 = stages[1]
    p1, p2, q1, q2, r1, r2, s1, s2, energy, filled = state
    count = 0
    for frame in range(block.shape[0]):
        left = np.float64(block[frame, 0])
        right = np.float64(block[frame, 1])
        x = b0 * left + p1
        p1 = b1 * left - a1 * x + p2
        p2 = b2 * left - a2 * x
        y = b0 * right + r1
        r1 = b1 * right - a1 * y + r2
        r2 = b2 * right - a2 * y
        v = d0 * x + q1
        q1 = d1 * x - c1 * v + q2
        q2 = d2 * x - c2 * v
        w = d0 * y + s1
        s1 = d1 * y - c1 * w + s2
        s2 = d2 * y - c2 * w
        energy += v * v + w * w
        filled += 1.0
        if filled >= hop:
            hops[count] = energy / hop
            count += 1
            energy = 0.0
            filled = 0.0
    state[:] = (p1, p2, q1, q2, r1, r2, s1, s2, energy, filled)
    for i in range(8):
        if abs(state[i]) < 1e-30:  # what rings on after a signal must not sink into denormals: they are 50 times slower
            state[i] = 0.0
    return count


TAPS = 12
"""Frames that each interpolated sample is made of."""

TRUE_PEAK_BOUND = 2.03
"""No interpolated sample exceeds the samples around it by more: the largest sum of a phase's coefficient magnitudes."""

_STRETCH = 128


@kernel
def _phase(samples: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Fill ``out`` with one phase of the interpolation.

    Written as twelve slices under one index, so that the compiler sees that it may vectorise: ten times as fast as
    a loop over taps.
    """
    a, b, c, d = samples[22:], samples[20:], samples[18:], samples[16:]
    e, f, g, h = samples[14:], samples[12:], samples[10:], samples[8:]
    i, j, k, m = samples[6:], samples[4:], samples[2:], samples
    w0, w1, w2, w3, w4, w5 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5]
    w6, w7, w8, w9, w10, w11 = weights[6], weights[7], weights[8], weights[9], weights[10], weights[11]
    for n in range(out.size):
        near = w3 * d[n] + w4 * e[n] + w5 * f[n] + w6 * g[n] + w7 * h[n] + w8 * i[n]
        out[n] = near + w0 * a[n] + w1 * b[n] + w2 * c[n] + w9 * j[n] + w10 * k[n] + w11 * m[n]


@kernel
def true_peak(history: NDArray[np.float32], phases: NDArray[np.float32], known: float) -> float:
    """Return the largest interpolated magnitude of ``history``, or ``known`` where that is larger.

    history: flat interleaved stereo samples, led by the previous call's last ``TAPS - 1`` frames. phases: (4, TAPS),
    the interpolator. Stretches whose samples are too small to beat ``known`` are skipped: the result is the same.
    """
    lead = (TAPS - 1) * 2
    line = np.empty(_STRETCH, np.float32)
    peak = known
    for begin in range(0, history.size - lead, _STRETCH):
        count = min(_STRETCH, history.size - lead - begin)
        stretch = history[begin : begin + count + lead]
        near = largest(stretch)
        peak = max(peak, near)
        if near * TRUE_PEAK_BOUND > peak:
            for phase in range(phases.shape[0]):
                _phase(stretch, phases[phase], line[:count])
                peak = max(peak, largest(line[:count]))
    return peak
