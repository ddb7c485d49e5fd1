"""Silence at the edges of a line: a line begins with its first sound and ends a fixed moment after its last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

QUIET = 10.0 ** (-66.0 / 20.0)
"""What lies below is no sound: a synthesiser's pauses are zeros, its breath is louder."""


class EdgeTrimmer:
    """Cuts the silence before the first sound and after the last, as a stream; (frames, channels) in and out.

    lead_frames: kept before the first sound. tail_frames: silence after the last sound, always exactly this much.
    """

    def __init__(self, lead_frames: int, tail_frames: int) -> None:
        self._lead_frames, self._tail_frames = lead_frames, tail_frames
        self._held: list[Audio] = []
        self._passed = 0
        self.cut_frames: int | None = None
        self.sound_frames = 0

    def feed(self, audio: Audio) -> Audio:
        """Return what is certain to stay; silence is held back until sound follows it.

        ``cut_frames`` is how much was cut at the front, None before the first sound; ``sound_frames`` is where, in
        frames of the output, the last sound so far ends.
        """
        loud = np.flatnonzero(np.abs(audio).max(axis=1, initial=0.0) > QUIET)
        if not loud.size:
            self._hold(audio)
            return audio[:0]
        joined = np.concatenate([*self._held, audio])
        before = len(joined) - len(audio)
        first = 0
        if self.cut_frames is None:
            first = max(0, before + int(loud[0]) - self._lead_frames)
            self.cut_frames = self._passed + first
        end = before + int(loud[-1]) + 1
        self._held = [joined[end:]]
        self.sound_frames += end - first
        return joined[first:end]

    def _hold(self, audio: Audio) -> None:
        self._held.append(audio)
        if self.cut_frames is None and self._lead_frames < sum(map(len, self._held[1:])):
            self._passed += len(self._held.pop(0))

    def finish(self, least_frames: int = 0) -> Audio:
        """Return the tail; longer when ``least_frames`` of the whole output say so."""
        channels = self._held[0].shape[1] if self._held else 1
        return np.zeros((max(self._tail_frames, least_frames - self.sound_frames), channels), np.float32)
