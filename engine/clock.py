"""Clocks: which engine frame is when.

The audio process filters its driver's block times with a delay-locked loop and publishes the result in the status
block; control holds on to one affine map from wall time to frames, so that what was meant to be N frames apart is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

_NS = 1_000_000_000

LOOKS = 3


def wall_ahead_ns() -> int:
    """Return how far the wall clock is ahead of the steady one, by the quickest of some looks.

    It changes when the wall clock is set, and where the steady one stands still in a suspended machine (Linux, macOS).
    """
    looks = []
    for _ in range(LOOKS):
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        looks.append((after - before, wall - (before + after) // 2))
    return min(looks)[1]


class ClockPoint(Protocol):
    """A frame and the wall time at which it leaves the engine (``status.ClockReading``)."""

    @property
    def frame(self) -> int:
        """The engine frame."""
        ...

    @property
    def unix_ns(self) -> int:
        """Its wall time, nanoseconds since 1970."""
        ...


class DelayLockedLoop:
    """Filters the jitter out of the times at which a driver asks for blocks.

    A second-order loop as in F. Adriaensen, "Using a DLL to filter time" (Linux Audio Conference 2005), for blocks of
    any length. To settle, it follows the time at ``START_HZ`` at first, falling to ``BANDWIDTH_HZ``; it learns the rate
    at the latter from the beginning, for what drifts is a crystal. A time that is far off is a stall of the machine and
    is passed over; when ``OUTLIERS`` of them come in a row, or the driver says that frames were lost, the loop starts
    again from there and keeps only its rate.
    """

    BANDWIDTH_HZ = 0.1
    STEADY_HZ = 10.0
    """For drivers that filter their times themselves. Followed closely: JACK's glide for seconds after an xrun."""
    START_HZ = 2.0
    OUTLIER_SECONDS = 0.005
    OUTLIERS = 8

    def __init__(self, sample_rate: int) -> None:
        self.block_seconds = 0.0
        """Filtered wall time at which the current block began."""
        self.resets = 0
        """How often the time jumped."""
        self.bandwidth_hz = self.BANDWIDTH_HZ
        self._frame_seconds = self._mean_frame_seconds = 1.0 / sample_rate
        self._next_seconds = 0.0
        self._length_seconds = 0.0
        self._locked_seconds = -1.0
        self._outliers = 0

    @property
    def rate_hz(self) -> float:
        """The device's rate against the wall clock, over the last seconds."""
        return 1.0 / self._mean_frame_seconds

    def update(self, unix_seconds: float, frames: int, *, jumped: bool = False) -> None:
        """Take in that a block of ``frames`` begins at ``unix_seconds``; ``jumped``: the driver lost frames before."""
        error = unix_seconds - self._next_seconds
        outlier = abs(error) > max(self.OUTLIER_SECONDS, 2.0 * self._length_seconds)
        self._outliers = self._outliers + 1 if outlier else 0
        if self._locked_seconds < 0.0 or jumped or self._outliers >= self.OUTLIERS:
            self._restart(unix_seconds)
            error = 0.0
        elif outlier:
            error = 0.0
        self._step(error, frames)

    def _restart(self, unix_seconds: float) -> None:
        self.resets += self._locked_seconds >= 0.0
        self._next_seconds = unix_seconds
        self._length_seconds = 0.0
        self._locked_seconds = 0.0
        self._outliers = 0

    def _step(self, error: float, frames: int) -> None:
        settling_hz = min(self.START_HZ, 1.0 / (self._locked_seconds + 1e-9))
        omega = 2.0 * math.pi * self._length_seconds
        time_gain = math.sqrt(2.0) * min(0.5, omega * max(self.bandwidth_hz, settling_hz))
        rate_gain = min(0.5, omega * self.bandwidth_hz) ** 2
        self.block_seconds = self._next_seconds
        if self._length_seconds > 0.0:
            self._frame_seconds *= 1.0 + rate_gain * error / self._length_seconds
        mean_gain = min(1.0, omega * self.BANDWIDTH_HZ)
        self._mean_frame_seconds += mean_gain * (self._frame_seconds - self._mean_frame_seconds)
        self._length_seconds = frames * self._frame_seconds
        self._next_seconds += time_gain * error + self._length_seconds
        self._locked_seconds += self._length_seconds


class HeldClock:
    """Maps wall time to engine frames for control: held until it is clearly off (``SNAP_FRAMES``).

    What is mapped within ``HOLD_NS`` is mapped by the same map, as long as that is not off by ``MOST_FRAMES``: a stall
    of the machine moves the driver's time by some frames, and tags that came together must keep their distances.
    It runs at the nominal rate, and times that lie a whole number of frames apart keep that distance even where both
    fall between two frames: a float holds Unix time only to a hundredth of a frame. A frame is heard the output's
    latency after it leaves the engine.
    """

    SNAP_FRAMES = 0.75
    MOST_FRAMES = 48.0
    HOLD_NS = 250_000_000
    GRID_FRAMES = 0.05

    def __init__(self, read: Callable[[], ClockPoint], sample_rate: int) -> None:
        self._read = read
        self._rate = sample_rate
        self._frame: int | None = None
        self._unix_ns = 0
        self._used_ns = -self.HOLD_NS
        self._last: tuple[float, int] | None = None
        self.snaps = 0
        """How often the map was taken anew."""

    def frame_at(self, unix_seconds: float) -> int:
        """Return the frame that leaves the engine at ``unix_seconds``. Raises NotReady before the first block."""
        exact = self._exact(unix_seconds)
        frame = round(exact)
        if self._last is not None:
            distance = (unix_seconds - self._last[0]) * self._rate
            on_grid = self._last[1] + round(distance)
            if abs(distance - round(distance)) < self.GRID_FRAMES and abs(on_grid - exact) < 0.5 + self.GRID_FRAMES:
                frame = on_grid
        self._last = unix_seconds, frame
        return frame

    def time_at(self, frame: int) -> float:
        """Return the wall time (Unix seconds) at which ``frame`` leaves the engine. Raises NotReady likewise."""
        held = self._hold()
        return self._unix_ns / _NS + (frame - held) / self._rate

    def _exact(self, unix_seconds: float) -> float:
        held = self._hold(used=True)
        whole_ns = round((unix_seconds - self._unix_ns // _NS) * _NS) - self._unix_ns % _NS
        return held + whole_ns * self._rate / _NS

    def _hold(self, *, used: bool = False) -> int:
        """Compare the map with the newest reading; take it anew when it is off."""
        now = self._read()
        together = 0 <= now.unix_ns - self._used_ns < self.HOLD_NS  # a clock may be set back
        if used and not together:
            self._used_ns = now.unix_ns
        held = self._frame
        if held is not None:
            off = now.frame - held - (now.unix_ns - self._unix_ns) * self._rate / _NS
            if abs(off) <= (self.MOST_FRAMES if together else self.SNAP_FRAMES):
                return held
        self._frame, self._unix_ns, self._last = now.frame, now.unix_ns, None
        self.snaps += 1
        return now.frame
