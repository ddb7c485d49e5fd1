"""Faders: a whole level of the graph in one call: faders, pans, gates, sends, sums and meters.

Where nothing of a strip moves, its gains are one number each instead of a curve: the same bits, in a fraction of the
time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel, meter_kernel
from engine.mixer.latency import Late, taken_from
from engine.mixer.ramps import fill, multiply
from engine.mixer.reading import LOUDEST
from engine.mixer.reports import Reports
from engine.mixer.strips import DIRECT, FEED, GAIN, PAN, PRIVATE, ROWS, Strips, fail
from engine.mixer.uncounted import uncounted

SMALLEST = np.float32(1e-30)
"""Below this a sample is zero: tails must not run into denormals, which are slow."""

_MAGNITUDE = np.int32(0x7FFFFFFF)
_SMALLEST_BITS, _LOUDEST_BITS = (value.view(np.int32) for value in (SMALLEST, LOUDEST))

PIECE = 1024
"""Frames that are taken through a fader at a time."""


@kernel
def _clean(strip_input: NDArray[np.float32]) -> bool:
    """Zero what is too small to hear; False if something is no sound at all.

    Magnitudes compare like their bits without the sign, and whole numbers are compared many at a time.
    """
    bits = strip_input.view(np.int32)
    worst = np.int32(0)
    for i in range(len(bits)):
        size = bits[i] & _MAGNITUDE
        worst = max(worst, size)
        bits[i] = bits[i] if size >= _SMALLEST_BITS else np.int32(0)
    return bool(worst <= _LOUDEST_BITS)


@meter_kernel
def _measure(meter: NDArray[np.float64], out: NDArray[np.float32]) -> None:
    """Take flat stereo ``out`` into a strip's peaks and sums of squares."""
    left, right = np.float32(0.0), np.float32(0.0)
    power_left, power_right = 0.0, 0.0
    for i in range(len(out) // 2):
        x, y = out[2 * i], out[2 * i + 1]
        left, right = max(left, abs(x)), max(right, abs(y))
        power_left += np.float64(x) * x
        power_right += np.float64(y) * y
    meter[0, 0], meter[1, 0] = max(meter[0, 0], left), max(meter[1, 0], right)
    meter[0, 1] += power_left
    meter[1, 1] += power_right


@kernel
def _rests(ramps: NDArray[Any], row: int, frame: int) -> bool:
    """Whether a ramp has come to its end before ``frame``."""
    return bool(frame - ramps[row].start_frame >= ramps[row].frames)


@kernel
def _is_still(strips: Strips, strip: int, frame: int, ducked: NDArray[np.float64]) -> bool:
    """Whether nothing of a strip's faders moves from ``frame`` on, and nothing ducks it."""
    ramps = strips.ramps
    for row in range(ROWS * strip, ROWS * strip + ROWS):
        if not _rests(ramps, row, frame):
            return False
    for send in range(strips.first_send[strip], strips.first_send[strip + 1]):
        if not _rests(ramps, ROWS * len(strips.kind) + send, frame):
            return False
    if not _rests(ramps, len(ramps) - 1, frame):
        return False
    loudest, lowest = 1.0, 1.0
    for i in range(len(ducked)):
        loudest, lowest = max(loudest, ducked[i]), min(lowest, ducked[i])
    return loudest == lowest == 1.0


@kernel
def _still_gains(strips: Strips, strip: int) -> tuple[float, float, float]:
    """Return the gains of a strip that is still: left and right to the buses, and what of either goes to the master.

    The same numbers, multiplied in the same order, as ``_fader_curves`` has for each frame.
    """
    ramps = strips.ramps
    gain, pan = ramps[ROWS * strip + GAIN].end, ramps[ROWS * strip + PAN].end
    gain *= ramps[len(ramps) - 1].end
    return gain * min(1.0, 1.0 - pan), gain * min(1.0, 1.0 + pan), ramps[ROWS * strip + DIRECT].end


@kernel
def _fader_curves(strips: Strips, strip: int, frame: int, frames: int, ducked: NDArray[np.float64]) -> None:
    """Fill the scratch: 0 left and 1 right gain to the buses, 2 and 3 to the master."""
    ramps = strips.ramps
    left, right = strips.curves[0, :frames], strips.curves[1, :frames]
    direct, gain = strips.curves[2, :frames], strips.curves[4, :frames]
    fill(ramps, ROWS * strip + GAIN, frame, gain)
    multiply(ramps, len(ramps) - 1, frame, gain)
    for i in range(len(ducked)):
        gain[i] *= ducked[i]
    fill(ramps, ROWS * strip + PAN, frame, left)
    for i in range(frames):
        pan = left[i]
        left[i] = gain[i] * min(1.0, 1.0 - pan)
        right[i] = gain[i] * min(1.0, 1.0 + pan)
    fill(ramps, ROWS * strip + DIRECT, frame, direct)
    for i in range(frames):
        strips.curves[3, i] = direct[i] * right[i]
        direct[i] *= left[i]


@kernel
def _add(source: NDArray[np.float32], gain: np.float32, into: NDArray[np.float32]) -> None:
    for i in range(len(into)):
        into[i] += source[i] * gain


@kernel
def _add_curved(
    source: NDArray[np.float32], gains: NDArray[np.float64], curve: NDArray[np.float64], into: NDArray[np.float32]
) -> None:
    for i in range(len(into)):
        into[i] += source[i] * np.float32(gains[i] * curve[i])


@kernel
def _lay(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    gain_left: np.float32,
    gain_right: np.float32,
    out: NDArray[np.float32],
) -> None:
    """Fill flat stereo ``out``."""
    for i in range(len(left)):
        out[2 * i] = left[i] * gain_left
        out[2 * i + 1] = right[i] * gain_right


@kernel
def _send(
    strips: Strips,
    strip: int,
    frame: int,
    frames: int,
    inputs: NDArray[np.float32],
    ducked: NDArray[np.float64],
    late: Late,
) -> None:
    """Give every send its share, after ``_direct``."""
    for send in range(strips.first_send[strip], strips.first_send[strip + 1]):
        delayed = late.heard.shape[2] > 1 and (late.send[send, 0] != 0 or late.send[send, 1] != 0)
        if delayed:
            taken_from(late, late.heard[strip], late.send[send], frame, frames)
        row = ROWS * len(strips.kind) + send
        for begin in range(0, frames, PIECE):
            count, at = min(PIECE, frames - begin), frame + begin
            some = ducked[begin : begin + count]
            still, curve = _is_still(strips, strip, at, some), strips.curves[4, :count]
            left, right, _ = _still_gains(strips, strip)
            share = strips.ramps[ROWS * strip + FEED].end * strips.ramps[row].end
            if not still:
                if frames > PIECE:  # else they are still there from its fader
                    _fader_curves(strips, strip, at, count, some)
                fill(strips.ramps, ROWS * strip + FEED, at, curve)
                multiply(strips.ramps, row, at, curve)
            for channel in range(2):
                first = channel * frames + begin
                source, into = inputs[strip, first : first + count], inputs[strips.send_to[send], first : first + count]
                if delayed:
                    source = late.taken[channel, begin : begin + count]
                if still:
                    _add(source, np.float32((left, right)[channel] * share), into)
                else:
                    _add_curved(source, strips.curves[channel, :count], curve, into)


@kernel
def _fade(
    strips: Strips,
    strip: int,
    frame: int,
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    out: NDArray[np.float32],
    ducked: NDArray[np.float64],
) -> None:
    """Fill flat stereo ``out`` with what the fader leaves of both sides, and measure it."""
    if _is_still(strips, strip, frame, ducked):
        gain_left, gain_right, direct = _still_gains(strips, strip)
        _lay(left, right, np.float32(direct * gain_left), np.float32(direct * gain_right), out)
    else:
        _fader_curves(strips, strip, frame, len(left), ducked)
        for i in range(len(left)):
            out[2 * i] = left[i] * np.float32(strips.curves[2, i])
            out[2 * i + 1] = right[i] * np.float32(strips.curves[3, i])
    _measure(strips.meters[strip], out)


@kernel
def _sum_up(inputs: NDArray[np.float32], master: int, frames: int, premaster: NDArray[np.float32], done: int) -> None:
    """Note what has come together for the master."""
    left, right = inputs[master, :frames], inputs[master, frames : 2 * frames]
    one = np.float32(1.0)
    _lay(left, right, one, one, premaster.reshape(-1)[2 * done : 2 * (done + frames)])


@kernel
def mix_level(
    strips: Strips,
    reports: Reports,
    level: NDArray[np.int32],
    inputs: NDArray[np.float32],
    frame: int,
    frames: int,
    outputs: NDArray[np.float32],
    premaster: NDArray[np.float32],
    done: int,
    ducked: NDArray[np.float64],
    ducking: bool,
    late: Late,
) -> None:
    """Run the faders of the strips in ``level``: inputs to outputs, sends and the master's input, with meters.

    inputs: planar, as ``play`` leaves them. outputs: (strips, at least max_block, 2), premaster: (max_block, 2); this
    part of the block begins at ``done``. ducked: (strips, at least max_block), the gain that ducking leaves, if
    ``ducking``. late: what is delayed.
    """
    strips, reports, inputs, outputs = uncounted((strips, reports, inputs, outputs))
    premaster, ducked, late = uncounted((premaster, ducked, late))
    master, summed = strips.master[0], False
    for strip in level:
        if strip == master:  # before it, since effects of its own are another level's
            if strip != level[0]:
                _sum_up(inputs, master, frames, premaster, done)
            summed = True
        if not _clean(inputs[strip, : 2 * frames]) and strips.failed[strip] == 0:
            fail(strips, reports, strip, frame)
        if strips.failed[strip] != 0:
            inputs[strip, : 2 * frames] = 0.0
        some = ducked[strip, : frames if ducking else 0]
        _direct(strips, strip, frame, frames, inputs, outputs[strip], done, some, late)
        _send(strips, strip, frame, frames, inputs, some, late)
    if not summed:
        _sum_up(inputs, master, frames, premaster, done)


@kernel
def _direct(
    strips: Strips,
    strip: int,
    frame: int,
    frames: int,
    inputs: NDArray[np.float32],
    output: NDArray[np.float32],
    done: int,
    ducked: NDArray[np.float64],
    late: Late,
) -> None:
    """Run a strip's fader into its output and the master's input, piece by piece, so that one stays in the cache."""
    master, flat = strips.master[0], output.reshape(-1)
    delayed = late.heard.shape[2] > 1 and strip != master and _remember(late, strip, inputs, frame, frames)
    feeds = strip != master and strips.kind[strip] != PRIVATE
    for begin in range(0, frames, PIECE):
        count, first = min(PIECE, frames - begin), done + begin
        left, right = inputs[strip, begin : begin + count], inputs[strip, frames + begin : frames + begin + count]
        if delayed:
            left, right = late.taken[0, begin : begin + count], late.taken[1, begin : begin + count]
        out = flat[2 * first : 2 * (first + count)]
        _fade(strips, strip, frame + begin, left, right, out, ducked[begin : begin + count])
        if feeds:
            _gather(out, inputs[master, begin : begin + count], inputs[master, frames + begin : frames + begin + count])


@kernel
def _gather(out: NDArray[np.float32], left: NDArray[np.float32], right: NDArray[np.float32]) -> None:
    """Add flat stereo ``out`` to both sides."""
    for i in range(len(left)):
        left[i] += out[2 * i]
        right[i] += out[2 * i + 1]


@kernel
def _remember(late: Late, strip: int, inputs: NDArray[np.float32], frame: int, frames: int) -> bool:
    """Keep what has come out of a strip's chain; whether what goes to the master is older: it is ``taken`` then."""
    mask = late.heard.shape[2] - 1
    for channel in range(2):
        line = late.heard[strip, channel]
        for i in range(frames):
            line[(frame + i) & mask] = inputs[strip, channel * frames + i]
    if late.direct[strip, 0] == 0 and late.direct[strip, 1] == 0:
        return False
    taken_from(late, late.heard[strip], late.direct[strip], frame, frames)
    return True
