"""Inlets: sound from outside, the network for one, that is heard on strips like what is played there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.realtime.fades import Tail
from engine.realtime.records import Kind, records
from engine.realtime.sound_ring import MOST_INLETS

FADE_SECONDS = 0.005

Audio = NDArray[np.float32]


class Source(Protocol):
    """Where an inlet's sound comes from; never waits."""

    def read(self, out: Audio) -> int:
        """Move the oldest frames to the front of ``out``, (frames, 2), as many as fit; return how many."""
        ...

    def skip(self) -> None:
        """Forget what waits."""
        ...


class _Inlet:
    """One inlet: it fades in when sound comes, and out when it is closed; where it breaks off it rings out."""

    def __init__(self, fade_frames: int, max_block_frames: int) -> None:
        self.open = False
        self._gain = 0.0
        self._last = np.zeros((2, 1), np.float32)
        self._tail = Tail()
        self._fade = fade_frames
        self._came = np.zeros((max_block_frames, 2), np.float32)

    @property
    def quiet(self) -> bool:
        """Whether it is closed and has faded out."""
        return not self.open and self._gain == 0.0 and not (self._last.any() or self._tail.sounds)

    def leave(self, tail: Tail) -> None:
        """Be heard elsewhere from now on, from silence; ``tail`` is what is left where it was."""
        self._break_off()
        tail.begin(self._tail.take())

    def follow(self, other: _Inlet) -> None:
        """Go on where another mixer's stands."""
        self.open, self._gain = other.open, other._gain
        self._last[:] = other._last
        self._tail.follow(other._tail)

    def add(self, source: Source, row: Audio) -> None:
        """Add what came to ``row``, (2, frames)."""
        frames = row.shape[1]
        count = source.read(self._came[:frames])
        self._tail.ring(row[:, :count])
        if count:
            self._add(self._came[:count].T, row[:, :count])
        if count < frames:
            self._break_off()
            self._tail.ring(row[:, count:])

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

    def _break_off(self) -> None:
        self._gain = 0.0
        self._tail.begin(self._last)
        self._last[:] = 0.0


class Inlets:
    """What a mixer hears from outside. sources: of each lane; none: nothing is heard. used: whether any is open.

    deaf: nothing is taken, by a mixer that catches up unheard. An inlet that moves to another strip rings out where it
    was.
    """

    def __init__(self, sample_rate: int, max_block_frames: int) -> None:
        self.sources: Sequence[Source] = ()
        self.deaf = False
        self.used = False
        self._strips = np.full(MOST_INLETS, -1, np.int64)
        self._left_strips = np.full(MOST_INLETS, -1, np.int64)
        self._left = [Tail() for _ in range(MOST_INLETS)]
        fade = max(1, round(FADE_SECONDS * sample_rate))
        self._inlets = [_Inlet(fade, max_block_frames) for _ in range(MOST_INLETS)]

    def set(self, record: np.void) -> None:
        """Do what a SET_INLET record asks."""
        lane, strip = int(record["index"]), int(record["strip"])
        if not 0 <= lane < MOST_INLETS:
            return
        inlet = self._inlets[lane]
        inlet.open = bool(record["value"])
        if inlet.open and self._strips[lane] != strip:
            self._move(lane, inlet, strip)

    def _move(self, lane: int, inlet: _Inlet, strip: int) -> None:
        """Have an inlet heard on another strip, or again: from silence, and nothing that came before."""
        self._left[lane].take()
        inlet.leave(self._left[lane])
        self._left_strips[lane], self._strips[lane] = self._strips[lane], strip
        self.used = True
        if not self.deaf and lane < len(self.sources):
            self.sources[lane].skip()

    def add(self, inputs: Audio, frames: int) -> None:
        """Add what came to the strips' inputs, (strips, 2 x capacity), for the next ``frames``."""
        if self.deaf:
            return
        for lane, (inlet, source) in enumerate(zip(self._inlets, self.sources, strict=False)):
            strip, left = self._strips[lane], self._left_strips[lane]
            if 0 <= strip < len(inputs):
                inlet.add(source, inputs[strip, : 2 * frames].reshape(2, frames))
                if inlet.quiet:
                    self._strips[lane] = -1
            if 0 <= left < len(inputs):
                self._left[lane].ring(inputs[left, : 2 * frames].reshape(2, frames))
        self.used = bool((self._strips >= 0).any())

    def adopt(self, other: Inlets, places: NDArray[np.int32]) -> None:
        """Go on with what another mixer hears, whose strips are at ``places`` here."""
        for mine, others in ((self._strips, other._strips), (self._left_strips, other._left_strips)):
            known = (others >= 0) & (others < len(places))
            mine[:] = np.where(known, places[np.where(known, others, 0)], -1)
        self.used, self._left = other.used, other._left
        for inlet, before in zip(self._inlets, other._inlets, strict=True):
            inlet.follow(before)

    def records(self) -> NDArray[np.void]:
        """Return the records that have another mixer of the same graph hear the same."""
        lanes = [n for n in range(MOST_INLETS) if self._strips[n] >= 0 and self._inlets[n].open]
        block = records(len(lanes))
        block["kind"], block["value"] = Kind.SET_INLET, 1.0
        block["index"], block["strip"] = lanes, self._strips[lanes]
        return block
