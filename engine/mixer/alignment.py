"""Alignment: what holds sound back so that all of it is heard in step: look-ahead and ducking, plug-ins' latency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import bound
from engine.mixer.ducking import Ahead, Ducks, delay, follow, follow_on, go_on_delaying, new_ahead, new_ducks
from engine.mixer.graph import Graph
from engine.mixer.handover import Handover
from engine.mixer.latency import Late, arrive, follow_late, is_used, keep_heard, new_late, plan_latency
from engine.mixer.strips import Strips
from engine.mixer.touching import touch

Audio = NDArray[np.float32]


class Alignment:
    """Of one mixer with these strips and their planar inputs. latencies: how late each strip's chain is.

    before: that of the mixer that this one will follow.
    late, ducks: what faders read. ducking: whether anything ducks, or comes back up. frames: by which the strips'
    outputs are late, after_master: by which the master's chain makes it more.
    """

    def __init__(
        self,
        graph: Graph,
        sample_rate: int,
        max_block_frames: int,
        strips: Strips,
        inputs: Audio,
        latencies: Sequence[int],
        before: Alignment | None,
    ) -> None:
        self._graph, self._plan = graph, plan_latency(graph, latencies)
        self.late = new_late(self._plan, 0 if before is None else before._plan.longest, max_block_frames)
        followed = None if before is None else before.ducks
        self.ducks: Ducks = new_ducks(graph, sample_rate, max_block_frames, self._plan.total, followed)
        self.ducking = len(self.ducks.keys) > 0
        self._ahead: Ahead = new_ahead(graph, sample_rate, 0 if before is None else before._ahead.frames)
        self._delays, self._is_late = self._ahead.ring.shape[2] > 1, is_used(self.late)
        self._strips, self._inputs = strips, inputs
        self._follow = bound(follow, self.ducks, strips, inputs, 0, 0)
        self._delay = bound(delay, self._ahead, inputs, 0, 0)
        self._arrive = bound(arrive, self.late, inputs, 0, 0)
        self._heir: tuple[Late, NDArray[np.int32]] | None = None
        self._heir_ahead: tuple[Audio, NDArray[np.int32]] | None = None
        self._every_strip = np.arange(len(graph.strips), dtype=np.int32)
        self.frames = self._ahead.frames + self._plan.total
        self.after_master = self._plan.leaves[graph.master] - self._plan.total

    def touch(self) -> None:
        """Have all memory mapped. Before the first block."""
        touch((self.late, self.ducks, self._ahead))

    def take_reduction(self, out: NDArray[np.float32]) -> bool:
        """Write each strip's lowest gain by ducking since the last call into ``out``, linear; False: nothing ducks."""
        if not len(self.ducks.keys):
            return False
        out[:] = self.ducks.reduction[: len(out)]
        self.ducks.reduction[:] = 1.0
        return True

    @property
    def lowest_gains(self) -> NDArray[np.float64] | None:
        """Each strip's lowest gain by ducking since somebody set it to 1; None: nothing ducks."""
        return self.ducks.reduction if len(self.ducks.keys) else None

    def hold_back(self, frame: int, frames: int) -> None:
        """Follow and delay what players play: the inputs' ``frames`` frames from engine ``frame`` on."""
        if self.ducking:
            self._follow(self.ducks, self._strips, self._inputs, frame, frames)
        if self._heir_ahead is not None:
            ring, places = self._heir_ahead
            keep_heard(ring, places, self._every_strip, self._inputs, frame, frames)
        if self._delays:
            self._delay(self._ahead, self._inputs, frame, frames)
        if self._is_late:
            self._arrive(self.late, self._inputs, frame, frames)
        if self._heir is not None:
            late, places = self._heir
            keep_heard(late.played, places, self._every_strip, self._inputs, frame, frames)

    def keep(self, strips: NDArray[np.int32], frame: int, frames: int) -> None:
        """Let the mixer that follows hear what came out of these strips' chains."""
        if self._heir is not None:
            late, places = self._heir
            keep_heard(late.heard, places, strips, self._inputs, frame, frames)

    def let_listen(self, following: Alignment, places: NDArray[np.int32]) -> int:
        """Let what is late in ``following`` hear what it will be given; return for how long it has to."""
        if following._is_late:
            self._heir = following.late, places
        longest = max(self._plan.longest, following._plan.longest)  # both delays are taken from the rings
        if not following._delays or self._delays:
            return longest
        self._heir_ahead = following._ahead.ring, places
        return max(longest, following._ahead.frames)

    def adopt(self, other: Alignment, handover: Handover, frame: int, fade: int) -> None:
        """Go on where ``other`` stands."""
        places = handover.places
        if self._is_late:
            follow_late(self.late, other.late, places, handover.sends, frame, fade)
        if other.ducking:  # else all its followers rest, as ours do
            self.ducking = True  # what was ducked comes back up
            follow_on(self.ducks, self._graph, other.ducks, places, frame, fade)
        go_on_delaying(self._ahead, other._ahead, places, frame, fade)
