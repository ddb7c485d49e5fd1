"""Relay: mixers of one graph that share its strips, each going on with the sums of the one before.

A sum is made by adding one strip after another. So one mixer may do the first strips of a block and hand the sums on;
while the next does the rest, the first is at the following block. Every sample is the one that a single mixer gives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.graph import Graph, StripSpec

Sums = NDArray[np.float32]
"""What the legs so far gave to strips of later ones: (those strips, 2 channels, frames)."""


@kernel
def interleave(left: NDArray[np.float32], right: NDArray[np.float32], frames: NDArray[np.float32]) -> None:
    """Lay two sides into the first of ``frames``, (at least so many, 2)."""
    for i in range(len(left)):
        frames[i, 0] = left[i]
        frames[i, 1] = right[i]


class Leg:
    """One mixer's share of a relay. strips: which it mixes. heard: those, and the keys of what is ducked among them."""

    def __init__(self, graph: Graph, before: Collection[int], strips: Collection[int]) -> None:
        self.strips = frozenset(strips)
        self.heard = self.strips | {graph.index(key) for key in _keys(graph, self.strips)}
        self.is_last = graph.master in self.strips
        self._master = graph.master
        fed = [index for index, spec in enumerate(graph.strips) if spec.kind != "track"]
        self._into = [index for index in fed if index not in before]
        self._out = [index for index in self._into if index not in self.strips]
        self._taken: Sums | None = None
        self._given: Sums | None = None

    def blank(self, frames: int) -> Sums:
        """Return where the sums for later legs go."""
        return np.zeros((len(self._out), 2, frames), np.float32)

    def join(self, taken: Sums | None, given: Sums | None) -> None:
        """Go on with ``taken`` in the next block, and lay what comes together in it into ``given``.

        None: nothing came before, nobody wants it. Neither is copied.
        """
        self._taken, self._given = taken, given

    def begin(self, inputs: Sums, premaster: Sums, done: int, step: int) -> None:
        """Lay the sums so far into planar ``inputs``; this part of the block has ``step`` frames from ``done`` on."""
        if self._taken is None:
            return
        for row, strip in enumerate(self._into):
            inputs[strip, : 2 * step].reshape(2, step)[:] = self._taken[row, :, done : done + step]
            if strip == self._master:
                interleave(
                    self._taken[row, 0, done : done + step], self._taken[row, 1, done : done + step], premaster[done:]
                )

    def end(self, inputs: Sums, done: int, step: int) -> None:
        """Keep what has come together for later legs."""
        if self._given is None:
            return
        for row, strip in enumerate(self._out):
            self._given[row, :, done : done + step] = inputs[strip, : 2 * step].reshape(2, step)


def divide(graph: Graph, cost: Callable[[StripSpec], float], count: int) -> tuple[Leg, ...]:
    """Return up to ``count`` legs that cost about the same, by what each strip costs."""
    order = [*(strip for level in graph.levels for strip in level), graph.master]
    costs = np.cumsum([cost(graph.strips[strip]) for strip in order])
    marks = (costs - np.diff(costs, prepend=0.0) / 2.0) / costs[-1] * count
    stretches = [[s for s, mark in zip(order, marks, strict=True) if int(mark) == number] for number in range(count)]
    stretches = [stretch for stretch in stretches if stretch]
    return tuple(Leg(graph, _joined(stretches[:number]), stretch) for number, stretch in enumerate(stretches))


def _keys(graph: Graph, strips: Collection[int]) -> list[str]:
    return [key for strip in strips if (duck := graph.strips[strip].duck) is not None for key in duck.by]


def _joined(stretches: Sequence[Sequence[int]]) -> set[int]:
    return {strip for stretch in stretches for strip in stretch}
