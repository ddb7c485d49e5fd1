"""JACK's frames: which one is when, and one count that does not wrap after a day."""

from __future__ import annotations

import time
from typing import Any

CLOSE_SECONDS = 2e-5
"""Two looks that close to each other happened at the same frame."""
_LOOKS = 10
_WRAP = 1 << 32


class JackFrames:
    """The frames of a JACK client's server. ``begin`` belongs to JACK's thread, the rest to any."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.rate = int(client.samplerate)
        self._high = self._last = 0

    def begin(self) -> int:
        """Return the first frame of the cycle that is under way."""
        frame = int(self._client.last_frame_time)
        if frame < self._last - _WRAP // 2:
            self._high += _WRAP
        self._last = frame
        return self._high + frame

    def at(self, unix_seconds: float) -> int:
        """Return the frame of a Unix time."""
        now, looked_at = self._clocks()
        high = self._high + _WRAP if now < self._last - _WRAP // 2 else self._high
        return high + now + round((unix_seconds - looked_at) * self.rate)

    def unix_seconds(self, frame: int) -> float:
        """Return the Unix time of a frame that is near."""
        now, looked_at = self._clocks()
        since = (now - frame + _WRAP // 2) % _WRAP - _WRAP // 2
        return looked_at - since / self.rate

    def _clocks(self) -> tuple[int, float]:
        """Return JACK's frame and the Unix time of one moment; tried again when something came between the looks."""
        for _ in range(_LOOKS):
            before = time.time()
            now = int(self._client.frame_time)
            after = time.time()
            if after - before < CLOSE_SECONDS:
                break
        return now, (before + after) / 2.0
