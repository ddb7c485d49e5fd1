"""Ramps: values that glide, computed per frame from the absolute place in the ramp, so block sizes do not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel

RAMP = np.dtype([("begin", "<f8"), ("end", "<f8"), ("start_frame", "<i8"), ("frames", "<i8")])
"""From ``begin`` at ``start_frame`` in a straight line to ``end``, ``frames`` later; before and after it holds."""


class Glide:
    """One such ramp for Python alone, which reads it quicker than a row of an array."""

    __slots__ = ("_begin", "_frames", "_start_frame", "end")

    def __init__(self, value: float) -> None:
        self._begin = self.end = value
        self._start_frame = self._frames = 0

    def to(self, target: float, frame: int, frames: int) -> None:
        """Go from where it is at ``frame`` to ``target`` within ``frames``."""
        self._begin = self.at(frame)
        self.end, self._start_frame, self._frames = target, frame, frames

    def at(self, frame: int) -> float:
        """Return the value at ``frame``."""
        age = frame - self._start_frame
        if age >= self._frames:
            return self.end
        if age <= 0:
            return self._begin
        return self._begin + (self.end - self._begin) * (age / self._frames)

    def arrived(self, frame: int) -> bool:
        """Whether it is at its end at ``frame``."""
        return frame >= self._start_frame + self._frames


def new_ramps(values: list[float]) -> NDArray[Any]:
    """Return one resting ramp for each of ``values``."""
    ramps = np.zeros(len(values), RAMP)
    ramps["begin"] = ramps["end"] = values
    return ramps


@kernel
def ramp_value(ramps: NDArray[Any], row: int, frame: int) -> float:
    """Return the value of ramp ``row`` at ``frame``."""
    ramp = ramps[row]
    age = frame - ramp.start_frame
    if age >= ramp.frames:
        return ramp.end
    if age <= 0:
        return ramp.begin
    return ramp.begin + (ramp.end - ramp.begin) * (age / ramp.frames)


@kernel
def glide(ramps: NDArray[Any], row: int, target: float, frame: int, frames: int) -> None:
    """Let ramp ``row`` go from where it is at ``frame`` to ``target`` within ``frames``."""
    begin = ramp_value(ramps, row, frame)
    ramp = ramps[row]
    ramp.begin = begin
    ramp.end = target
    ramp.start_frame = frame
    ramp.frames = frames


@kernel
def fill(ramps: NDArray[Any], row: int, frame: int, out: NDArray[np.float64]) -> None:
    """Write the values of ramp ``row`` from ``frame`` on into ``out``."""
    ramp = ramps[row]
    age = frame - ramp.start_frame
    moving = max(0, min(len(out), ramp.frames - age))
    step = ramp.end - ramp.begin
    for i in range(moving):
        out[i] = ramp.begin + step * (max(0, age + i) / ramp.frames)
    out[moving:] = ramp.end


@kernel
def multiply(ramps: NDArray[Any], row: int, frame: int, out: NDArray[np.float64]) -> None:
    """Multiply ``out`` by the values of ramp ``row`` from ``frame`` on."""
    ramp = ramps[row]
    age = frame - ramp.start_frame
    moving = max(0, min(len(out), ramp.frames - age))
    step = ramp.end - ramp.begin
    for i in range(moving):
        out[i] *= ramp.begin + step * (max(0, age + i) / ramp.frames)
    if ramp.end != 1.0:
        for i in range(moving, len(out)):
            out[i] *= ramp.end


@kernel
def blend(
    ramps: NDArray[Any], frame: int, first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return planar ``first`` fading to ``second`` as ramp 0 goes from 0 to 1."""
    out = np.empty_like(first)
    ramp = ramps[0]
    frames = max(1, ramp.frames)
    for i in range(first.shape[1]):
        place = min(1.0, max(0.0, (frame + i - ramp.start_frame) / frames))
        weight = np.float32(ramp.begin + (ramp.end - ramp.begin) * place)
        for channel in range(first.shape[0]):
            a, b = first[channel, i], second[channel, i]
            out[channel, i] = b if weight == 1.0 else a + (b - a) * weight
    return out


@kernel
def cross(first: NDArray[np.float32], second: NDArray[np.float32], age: int, frames: int) -> NDArray[np.float32]:
    """Return planar ``first`` fading to ``second`` within ``frames``, of which ``age`` are over."""
    out = np.empty_like(first)
    for i in range(first.shape[1]):
        weight = np.float32(min(1.0, (age + i) / frames))
        for channel in range(first.shape[0]):
            a, b = first[channel, i], second[channel, i]
            out[channel, i] = b if weight == 1.0 else a + (b - a) * weight
    return out
