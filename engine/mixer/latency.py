"""Latency of plug-ins made even: what runs beside a late one is delayed until both arrive together.

Each strip's sound is kept behind its chain for a while; what goes to the master and to each bus is taken from there, as
old as it has to be. So all strips' outputs are equally late, and a bus hears everything at one time. Rings are written
by the engine's frame: the mixer that plays can fill those of the one that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.mixer.graph import Graph
from engine.mixer.ramps import glide, new_ramps, ramp_value


class LatencyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How late everything is, in frames, one per strip.

    arrives: what comes into a strip's chain. leaves: what comes out of it. direct: what is added on the way to the
    master (the master's own: 0). sends: what is added on the way to each bus, in the order of the strip's sends.
    total: how late the master's input is, and so every strip's output.
    """

    arrives: tuple[int, ...]
    leaves: tuple[int, ...]
    direct: tuple[int, ...]
    sends: tuple[tuple[int, ...], ...]
    total: int

    @property
    def longest(self) -> int:
        """The longest delay that is added anywhere."""
        return max((*self.arrives, *self.direct, *(d for each in self.sends for d in each)), default=0)


def plan_latency(graph: Graph, chains: Sequence[int]) -> LatencyPlan:
    """Return the plan of ``graph``; chains: how late each strip's chain is."""
    count = len(graph.strips)
    arrives, leaves = [0] * count, [0] * count
    for level in graph.levels:
        for strip in level:
            leaves[strip] = arrives[strip] + chains[strip]
            for send in graph.strips[strip].sends:
                arrives[send.to] = max(arrives[send.to], leaves[strip])
    summed = [i for level in graph.levels for i in level if graph.strips[i].kind != "private"]
    total = max((leaves[i] for i in summed), default=0)
    arrives[graph.master] = total
    leaves[graph.master] = total + chains[graph.master]
    return LatencyPlan(
        arrives=tuple(0 if i == graph.master else frames for i, frames in enumerate(arrives)),
        leaves=tuple(leaves),
        direct=tuple(total - leaves[i] if i in summed else 0 for i in range(count)),
        sends=tuple(
            tuple(arrives[send.to] - leaves[i] for send in spec.sends) if spec.kind != "gone" else ()
            for i, spec in enumerate(graph.strips)
        ),
        total=total,
    )


class Late(NamedTuple):
    """The delays of one mixer. played, heard: rings (strips, 2, size) before and behind the chains; size 1: unused.

    arrive, direct: (strips, [from, to]); send: (sends, [from, to]). fade: from one delay to the other. taken: scratch.
    """

    played: NDArray[np.float32]
    heard: NDArray[np.float32]
    arrive: NDArray[np.int64]
    direct: NDArray[np.int64]
    send: NDArray[np.int64]
    fade: NDArray[Any]
    taken: NDArray[np.float32]


def new_late(plan: LatencyPlan, before_longest: int, max_block_frames: int) -> Late:
    """Return the delays of ``plan``, empty. before_longest: the longest one of the mixer that they follow."""
    count = len(plan.direct)
    longest = max(plan.longest, before_longest)
    size = 1 << (longest + max_block_frames).bit_length() if longest else 1
    sends = [frames for each in plan.sends for frames in each]
    return Late(
        played=np.zeros((count, 2, size if max(plan.arrives) or before_longest else 1), np.float32),
        heard=np.zeros((count, 2, size), np.float32),
        arrive=np.array([plan.arrives, plan.arrives], np.int64).T.copy(),
        direct=np.array([plan.direct, plan.direct], np.int64).T.copy(),
        send=np.array([sends, sends], np.int64).T.copy(),
        fade=new_ramps([1.0]),
        taken=np.zeros((2, max_block_frames), np.float32),
    )


def is_used(late: Late) -> bool:
    """Whether anything is, or was, delayed."""
    used: bool = late.heard.shape[2] > 1
    return used


def follow_late(
    late: Late, old: Late, places: NDArray[np.int32], sends: Sequence[tuple[int, int]], frame: int, fade: int
) -> None:
    """Fade from the delays of another mixer to these. places: its strips' new indexes; sends: (its index, ours)."""
    for index, place in enumerate(places.tolist()):
        if place >= 0:
            late.direct[place, 0], late.arrive[place, 0] = old.direct[index, 1], old.arrive[index, 1]
    for index, own in sends:
        late.send[own, 0] = old.send[index, 1]
    late.fade["begin"] = late.fade["end"] = 0.0
    glide(late.fade, 0, 1.0, frame, fade)


@kernel
def keep_heard(
    ring: NDArray[np.float32],
    places: NDArray[np.int32],
    strips: NDArray[np.int32],
    inputs: NDArray[np.float32],
    frame: int,
    frames: int,
) -> None:
    """Keep the sound of some strips (planar ``inputs``) at their places of a ring."""
    mask = ring.shape[2] - 1
    for strip in strips:
        place = places[strip]
        if mask and 0 <= place < len(ring):
            for channel in range(2):
                line = ring[place, channel]
                for i in range(frames):
                    line[(frame + i) & mask] = inputs[strip, channel * frames + i]


@kernel
def taken_from(late: Late, ring: NDArray[np.float32], delays: NDArray[np.int64], frame: int, frames: int) -> None:
    """Fill ``taken`` with what one strip's (2, size) ring held ``delays`` ago."""
    mask = ring.shape[1] - 1
    moving = delays[0] != delays[1] and frame < late.fade[0].start_frame + late.fade[0].frames
    for channel in range(2):
        line, taken = ring[channel], late.taken[channel]
        for i in range(frames):
            sample = line[(frame + i - delays[1]) & mask]
            if moving:
                old = line[(frame + i - delays[0]) & mask]
                sample = old + (sample - old) * np.float32(ramp_value(late.fade, 0, frame + i))
            taken[i] = sample


@kernel
def arrive(late: Late, inputs: NDArray[np.float32], frame: int, frames: int) -> None:
    """Delay what players play on strips that hear late buses or tracks. inputs: planar."""
    mask = late.played.shape[2] - 1
    if mask == 0:
        return
    for strip in range(len(inputs)):
        for channel in range(2):
            line = late.played[strip, channel]
            for i in range(frames):
                line[(frame + i) & mask] = inputs[strip, channel * frames + i]
        if late.arrive[strip, 0] or late.arrive[strip, 1]:
            taken_from(late, late.played[strip], late.arrive[strip], frame, frames)
            for channel in range(2):
                for i in range(frames):
                    inputs[strip, channel * frames + i] = late.taken[channel, i]
