"""Inlets: sound from outside, the network for one, that is heard on strips like what is played there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.realtime.records import Kind, records
from engine.realtime.sound_ring import MOST_INLETS

FADE_SECONDS = 0.005
DECAY = 0.98
"""By how much the last sample falls, frame by frame, where sound breaks off."""
SILENT = 1e-6

Audio = NDArray[np.float32]


class Source(Protocol):
    """Where an inlet's sound comes from; never waits."""

    def read(self, out: Audio) -> int:
        """Move the oldest frames to the front of ``out``, (frames, 2), as many as fit; return how many."""
        ...


class _Inlet:
    """One inlet: it fades in when sound comes, and out when it is closed; where it breaks off it decays."""

    def __init__(self, fade_frames: int, max_block_frames: int) -> None:
        self.open = False
        self._gain = 0.0
        self._last = np.zeros((2, 1), np.float32)
        self._fade = fade_frames
        self._came = np.zeros((max_block_frames, 2), np.float32)
        self._decay = (DECAY ** np.arange(1, max_block_frames + 1)).astype(np.float32)

    @property
    def quiet(self) -> bool:
        """Whether it is closed and has faded out."""
        return not self.open and self._gain == 0.0 and not self._last.any()

    def begin(self) -> None:
        """Open anew, from silence."""
        self.open, self._gain = True, 0.0

    def follow(self, other: _Inlet) -> None:
        """Go on where another mixer's stands."""
        self.open, self._gain = other.open, other._gain
        self._last[:] = other._last

    def add(self, source: Source, row: Audio) -> None:
        """Add what came to ``row``, (2, frames)."""
        frames = row.shape[1]
        count = source.read(self._came[:frames])
        if count:
            self._add(self._came[:count].T, row[:, :count])
        if count < frames:
            self._gain = 0.0
            self._break_off(row[:, count:])

    def _add(self, came: Audio, row: Audio) -> None:
        goal = 1.0 if self.open else 0.0
        if self._gain != goal:
            step = (1.0 if self.open else -1.0) / self._fade
            curve = np.clip(self._gain + step * np.arange(1, came.shape[1] + 1, dtype=np.float32), 0.0, 1.0)
            came *= curve.astype(np.float32)
            self._gain = float(curve[-1])
        elif not self.open:
            came[:] = 0.0
        row += came
        self._last[:] = came[:, -1:]

    def _break_off(self, row: Audio) -> None:
        if not self._last.any():
            return
        row += self._last * self._decay[: row.shape[1]]
        self._last *= self._decay[row.shape[1] - 1]
        if np.abs(self._last).max() < SILENT:
            self._last[:] = 0.0


class Inlets:
    """What a mixer hears from outside. sources: of each lane; none: nothing is heard. used: whether any is open.

    deaf: nothing is taken, by a mixer that catches up unheard.
    """

    def __init__(self, sample_rate: int, max_block_frames: int) -> None:
        self.sources: Sequence[Source] = ()
        self.deaf = False
        self.used = False
        self._strips = np.full(MOST_INLETS, -1, np.int64)
        fade = max(1, round(FADE_SECONDS * sample_rate))
        self._inlets = [_Inlet(fade, max_block_frames) for _ in range(MOST_INLETS)]

    def set(self, record: np.void) -> None:
        """Do what a SET_INLET record asks."""
        lane, strip = int(record["index"]), int(record["strip"])
        if not 0 <= lane < MOST_INLETS:
            return
        inlet = self._inlets[lane]
        if not record["value"]:
            inlet.open = False
        else:
            if not inlet.open or self._strips[lane] != strip:
                inlet.begin()
            self._strips[lane] = strip
            self.used = True

    def add(self, inputs: Audio, frames: int) -> None:
        """Add what came to the strips' inputs, (strips, 2 x capacity), for the next ``frames``."""
        if self.deaf:
            return
        for lane, (strip, inlet, source) in enumerate(zip(self._strips, self._inlets, self.sources, strict=False)):
            if 0 <= strip < len(inputs):
                inlet.add(source, inputs[strip, : 2 * frames].reshape(2, frames))
                if inlet.quiet:
                    self._strips[lane] = -1
        self.used = bool((self._strips >= 0).any())

    def adopt(self, other: Inlets, places: NDArray[np.int32]) -> None:
        """Go on with what another mixer hears, whose strips are at ``places`` here."""
        known = (other._strips >= 0) & (other._strips < len(places))
        self._strips[:] = np.where(known, places[np.where(known, other._strips, 0)], -1)
        self.used = other.used
        for mine, others in zip(self._inlets, other._inlets, strict=True):
            mine.follow(others)

    def records(self) -> NDArray[np.void]:
        """Return the records that have another mixer of the same graph hear the same."""
        lanes = [n for n in range(MOST_INLETS) if self._strips[n] >= 0 and self._inlets[n].open]
        block = records(len(lanes))
        block["kind"], block["value"] = Kind.SET_INLET, 1.0
        block["index"], block["strip"] = lanes, self._strips[lanes]
        return block
