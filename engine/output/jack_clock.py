"""When a JACK cycle began: JACK's own answer, because PortAudio only tells when its callback got to run.

Without this, every time would be late by the wake-up of the callback, about 0.1 ms.
"""

from __future__ import annotations

import ctypes
import time

from engine.errors import DeviceError
from engine.output.jack_guest import JackGuest

_WRAP = 2**32


class JackClock(JackGuest):
    """Reads the cycle times of the default JACK server (``JACK_DEFAULT_SERVER``). Raises DeviceError without one."""

    def __init__(self) -> None:
        super().__init__(b"cuevox-clock")
        self.jack.jack_get_time.restype = ctypes.c_uint64
        self._frame, self._cycle_us, self._next_us = ctypes.c_uint32(), ctypes.c_uint64(), ctypes.c_uint64()
        self._period_us = ctypes.c_float()
        self._out = [ctypes.byref(v) for v in (self._frame, self._cycle_us, self._next_us, self._period_us)]
        self.lost_frames = 0
        """How many frames went by unseen before the last cycle, as far as it is known by then."""
        self._expected: int | None = None
        self._off = 0

    def cycle(self, frames: int) -> tuple[float, bool]:
        """Return the wall time at which the current cycle of ``frames`` began, and whether cycles were lost before.

        Called once a cycle, from its callback. A callback that runs so late that the server is already in a later
        cycle is no loss: only when the next one is off by as much as this one, the frames are gone.
        """
        self.jack.jack_get_cycle_times(self.client, *self._out)
        since_us = self.jack.jack_get_time() - self._cycle_us.value
        now = time.time()
        frame = self._frame.value
        off = (frame - self._expected + _WRAP // 2) % _WRAP - _WRAP // 2 if self._expected is not None else 0
        lost = off != 0 and off == self._off
        self.lost_frames = off if lost else 0
        if lost or self._expected is None:
            self._expected, off = frame, 0
        self._off = off
        self._expected = (self._expected + frames) % _WRAP
        return now - (since_us + off * self._period_us.value / frames) * 1e-6, lost


def server_answers() -> bool:
    """Return whether the default JACK server is there."""
    try:
        JackClock().close()
    except DeviceError:
        return False
    return True
