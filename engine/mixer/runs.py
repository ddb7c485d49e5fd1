"""Runs: levels of the graph that are mixed in one call, since no chain of effects has to be heard between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.chain import Chain
from engine.mixer.graph import Graph


class Run(NamedTuple):
    """chained: strips whose chains come first, with these. strips: whose faders are then run, in this order."""

    chained: tuple[tuple[int, Chain], ...]
    strips: NDArray[np.int32]


def runs_of(graph: Graph, chains: Mapping[int, Chain], only: Collection[int] | None = None) -> tuple[Run, ...]:
    """Return the graph's levels as runs, the master last. only: without the strips that are not among these."""
    whole: list[tuple[tuple[tuple[int, Chain], ...], list[int]]] = []
    for whole_level in (*graph.levels, (graph.master,)):
        level = [strip for strip in whole_level if only is None or strip in only]
        chained = tuple((strip, chains[strip]) for strip in level if strip in chains)
        if chained or not whole:
            whole.append((chained, level))
        else:
            whole[-1][1].extend(level)
    return tuple(Run(chained, np.array(strips, np.int32)) for chained, strips in whole)


class Planar:
    """Each strip's input as (2, frames), without a new view in every block."""

    def __init__(self, inputs: NDArray[np.float32]) -> None:
        self._inputs = inputs
        self._frames = 0
        self._views: list[NDArray[np.float32]] = []

    def __call__(self, strip: int, frames: int) -> NDArray[np.float32]:
        """Return the input of ``strip`` for a part of ``frames``."""
        if frames != self._frames:
            self._frames = frames
            self._views = [row[: 2 * frames].reshape(2, frames) for row in self._inputs]
        return self._views[strip]
