"""Levels: a player's fades, by the absolute frame, so that block sizes do not matter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.realtime.records import Shape

NEVER = 1 << 62

EXPONENT = math.log(100.0)
"""An exponential fade runs over 40 dB in equal steps of dB, less what brings it to 0."""


@kernel
def shaped(shape: int, x: float) -> float:
    """Return how far a fade of ``shape`` is at ``x`` of its time, both 0 to 1; the ends are exact."""
    if shape == Shape.EQUAL_POWER:
        return math.sin(0.5 * math.pi * x)
    if shape == Shape.S_CURVE:
        return 0.5 - 0.5 * math.cos(math.pi * x)
    if shape == Shape.EXPONENTIAL:
        return math.expm1(EXPONENT * x) / math.expm1(EXPONENT)
    return x


@kernel
def level(row: Any, frame: int) -> float:
    """Return the fades of a PLAYER at engine ``frame``, without its gain."""
    place = frame - row.start + row.skip
    value = 1.0
    if place < row.fade_in:
        value *= shaped(row.fade_in_shape, place / row.fade_in)
    if place > row.sounding - row.fade_out:
        value *= shaped(row.fade_out_shape, (row.sounding - place) / row.fade_out)
    if frame - row.attack_start < row.attack:
        value *= (frame - row.attack_start) / row.attack
    if row.hold_start != NEVER:
        value *= 1.0 - min(1.0, max(0, frame - row.hold_start) / row.hold_frames)
    if row.release_start != NEVER:
        age = frame - row.release_start
        if age >= 0:
            value *= row.release_gain * (1.0 - age / row.release_frames)
        else:
            value *= min(1.0, row.release_gain - age * row.release_slope)
    return value


@kernel
def fill_levels(row: Any, frame: int, out: NDArray[np.float64]) -> None:
    """Write the ``level`` of each frame from ``frame`` on into ``out``: the same bits, fade by fade.

    So no frame asks which of its fades are under way: some sixty players that begin together take half the time.
    """
    out[:] = 1.0
    place, frames = frame - row.start + row.skip, len(out)
    _fade(row.fade_in_shape, place, 1, row.fade_in, out[: max(0, min(frames, row.fade_in - place))])
    first = max(0, row.sounding - row.fade_out - place + 1)
    if first < frames:
        _fade(row.fade_out_shape, row.sounding - place - first, -1, row.fade_out, out[first:])
    age = frame - row.attack_start
    _fade(Shape.LINEAR, age, 1, row.attack, out[: max(0, min(frames, row.attack - age))])
    if row.hold_start != NEVER:
        held, length = frame - row.hold_start, row.hold_frames
        for i in range(frames):
            out[i] *= 1.0 - min(1.0, max(0, held + i) / length)
    if row.release_start != NEVER:
        _fill_release(row, frame - row.release_start, out)


@kernel
def _fade(shape: int, place: int, step: int, length: int, out: NDArray[np.float64]) -> None:
    """Multiply by a fade of ``length`` that is at ``place`` first, ``step`` further at each frame."""
    if shape == Shape.LINEAR:
        for i in range(len(out)):
            out[i] *= (place + step * i) / length
    else:
        for i in range(len(out)):
            out[i] *= shaped(shape, (place + step * i) / length)


@kernel
def _fill_release(row: Any, age: int, out: NDArray[np.float64]) -> None:
    gain, slope, length, begun = row.release_gain, row.release_slope, row.release_frames, min(len(out), max(0, -age))
    for i in range(begun):
        out[i] *= min(1.0, gain - (age + i) * slope)
    for i in range(begun, len(out)):
        out[i] *= gain * (1.0 - (age + i) / length)


@kernel
def level_rests(row: Any, frame: int, frames: int) -> bool:
    """Whether no fade is under way anywhere in ``frames`` frames from ``frame`` on."""
    place = frame - row.start + row.skip
    if place < row.fade_in or place + frames > row.sounding - row.fade_out:
        return False
    if row.release_start != NEVER or row.hold_start != NEVER:
        return False
    rests: bool = frame - row.attack_start >= row.attack
    return rests


@kernel
def release(row: Any, frame: int, frames: int) -> None:
    """Fade a PLAYER out from ``frame`` on; a fade that would end sooner is kept."""
    if row.release_start + row.release_frames <= frame + frames:
        return
    age = frame - row.release_start
    if age > 0:
        row.release_slope = row.release_gain / row.release_frames
        row.release_gain *= 1.0 - age / row.release_frames
    row.release_start = frame
    row.release_frames = frames


@kernel
def hold(row: Any, frame: int, frames: int) -> None:
    """Fade a PLAYER out from ``frame`` on and have it wait where it then is."""
    if row.hold_start == NEVER:
        row.hold_start = frame
        row.hold_frames = frames


@kernel
def resume(row: Any, frame: int, frames: int) -> None:
    """Let a PLAYER that waits go on at ``frame``, fading in; one that still fades out turns round where it is."""
    if row.hold_start == NEVER:
        return
    held = row.hold_start + row.hold_frames
    reached = 1.0 - min(1.0, (frame - row.hold_start) / row.hold_frames)
    row.start += max(0, frame - held)
    row.attack_start = frame - round(reached * frames)
    row.attack = frames
    row.hold_start = NEVER
