"""The ring: the last seconds of an input, by frame, and when each of them was heard."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice
from statistics import median

import numpy as np
from numpy.typing import NDArray

from engine.input.base import UNKNOWN

NEAR_BLOCKS = 7
"""Blocks on either side whose times have a say in when one was heard: a single one's delay has no part in it."""

ANCHORS = 1 << 14
"""Blocks whose times are kept: 87 s of 256 frames."""

MOST_LOST_SECONDS = 10.0


class InputRing:
    """Written by the driver's thread, read by another one. Frames are counted from the first one that was heard.

    frames: how many are kept.
    """

    def __init__(self, frames: int, channels: int, sample_rate: int) -> None:
        self._sound = np.zeros((frames, channels), np.float32)
        self._rate = sample_rate
        self._anchors: deque[tuple[float, int]] = deque(maxlen=ANCHORS)
        self.written = 0
        """How many frames have been heard; what is before it may be read."""
        self.lost = 0
        """How many of them never arrived, and are silent."""

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self._sound.shape[1])

    @property
    def oldest(self) -> int:
        """The first frame that is still kept."""
        return max(0, self.written - len(self._sound))

    def hear(self, block: NDArray[np.float32], unix_seconds: float, lost: int) -> None:
        """Keep a block whose first frame was heard at a wall time; lost: so many were lost before it, see ``Hear``."""
        if lost and self._anchors:
            gap = self._missing(unix_seconds) if lost == UNKNOWN else lost
            if 0 < gap < MOST_LOST_SECONDS * self._rate:
                self._write(np.zeros((gap, block.shape[1]), np.float32))
                self.lost += gap
        self._anchors.append((unix_seconds, self.written))
        self._write(block)

    def frame_at(self, unix_seconds: float) -> int:
        """Return the frame that was, or will be, heard at a wall time; 0 before anything was."""
        anchors = list(self._anchors)
        if not anchors:
            return 0
        place = bisect_right(anchors, (unix_seconds, 1 << 62))
        return round((unix_seconds - self._origin(_near(anchors, place))) * self._rate)

    def time_at(self, frame: int) -> float:
        """Return the wall time at which a frame was heard; 0 before anything was."""
        anchors = list(self._anchors)
        if not anchors:
            return 0.0
        place = bisect_right(anchors, frame, key=lambda anchor: anchor[1])
        return self._origin(_near(anchors, place)) + frame / self._rate

    def read(self, start: int, end: int) -> tuple[int, NDArray[np.float32]]:
        """Return a copy of what is still there of these frames, and the frame at which that begins."""
        end = min(end, self.written)
        start = min(max(start, self.oldest), end)
        places = np.arange(start, end) % len(self._sound)
        block = self._sound[places]
        kept = min(max(start, self.oldest), end)  # what was overwritten meanwhile is no more
        return kept, block[kept - start :]

    def _missing(self, unix_seconds: float) -> int:
        """Return how many frames should have been heard by now and were not."""
        latest = list(islice(reversed(self._anchors), 2 * NEAR_BLOCKS + 1))
        return round((unix_seconds - self._origin(latest)) * self._rate) - self.written

    def _origin(self, anchors: list[tuple[float, int]]) -> float:
        """Return when frame 0 would have been heard, going by some blocks."""
        return median(unix_seconds - frame / self._rate for unix_seconds, frame in anchors)

    def _write(self, block: NDArray[np.float32]) -> None:
        rest = block[-len(self._sound) :]
        first = self.written + len(block) - len(rest)
        place = first % len(self._sound)
        head = min(len(rest), len(self._sound) - place)
        self._sound[place : place + head] = rest[:head]
        self._sound[: len(rest) - head] = rest[head:]
        self.written = first + len(rest)


def _near(anchors: list[tuple[float, int]], place: int) -> list[tuple[float, int]]:
    """Return the blocks around a place, at the ends those that are there."""
    first = max(0, min(place - NEAR_BLOCKS, len(anchors) - 2 * NEAR_BLOCKS - 1))
    return anchors[first : first + 2 * NEAR_BLOCKS + 1]
