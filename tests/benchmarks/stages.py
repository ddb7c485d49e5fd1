"""Where a block's time goes: the audio core pulled by hand, with a clock around every native call."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from callback_rig import CLIP_SECONDS, RATE, noise, starts
from numba.core.dispatcher import Dispatcher
from report import quantile

from engine.mixer import alignment, deck, insert, limiter, mixer, playback, plugins, schedule
from engine.mixer.compile import bound
from engine.mixer.graph import Graph
from engine.realtime import statistics as status_board
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.shared import EngineMemory, MemoryConfig

KERNELS, EFFECTS, PYTHON = "compiled kernels", "Pedalboard", "Python"
STAGES = (KERNELS, EFFECTS, PYTHON)
CALLERS = (mixer, deck, alignment, playback, limiter, insert, schedule, status_board)
"""The modules whose Python code calls kernels."""
BLOCKS = 4000

Spent = Counter[str]


def measure_stages(graph: Graph, period: int, players: int) -> tuple[float, dict[str, float]]:
    """Return the median time of a block in µs, without clocks inside, and the stages' parts of it.

    The clocks cost time themselves; so parts are scaled to the block without them.
    """
    memory = EngineMemory.create(MemoryConfig(arena_bytes=(CLIP_SECONDS * RATE + RATE) * 4))
    try:
        clip = noise()
        memory.arena.view("f4")[: len(clip)] = clip
        whole = quantile(played(memory, graph, period, players), 0.5)
        with clocks() as spent:
            clocked = played(memory, graph, period, players, spent)
        parts = {name: 1e-3 * spent[name] / BLOCKS for name in (KERNELS, EFFECTS)}
        parts[PYTHON] = statistics.fmean(clocked) - sum(parts.values())
        return whole, {name: us * whole / statistics.fmean(clocked) for name, us in parts.items()}
    finally:
        memory.close()


def played(memory: EngineMemory, graph: Graph, period: int, players: int, spent: Spent | None = None) -> list[float]:
    """Return what each block of a new mixer took, in µs, once everything has been called; ``spent`` begins there."""
    core = AudioCore(memory, graph, sample_rate=RATE, block_frames=period, max_players=1024)
    AudioLink(memory).push(starts(players, offset=0, frames=40 * RATE))
    blocks(core, period, BLOCKS // 4)
    if spent is not None:
        spent.clear()
    return blocks(core, period, BLOCKS)


def blocks(core: AudioCore, period: int, count: int) -> list[float]:
    """Pull blocks and return what each took, in µs."""
    times = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        core.render(period)
        times.append((time.perf_counter_ns() - begun) / 1e3)
    return times


@contextmanager
def clocks() -> Iterator[Spent]:
    """Put a clock around each kernel that mixers built here call, and around Pedalboard; count ns by stage."""
    spent: Spent = Counter()

    def bind(kernel: Callable[..., Any], *examples: Any) -> Callable[..., Any]:
        return clocked(bound(unclocked(kernel), *examples), KERNELS, spent)

    replaced: list[tuple[ModuleType, str, Any]] = []
    for module in CALLERS:
        for name, value in list(vars(module).items()):
            if isinstance(value, Dispatcher):
                replaced.append((module, name, value))
                setattr(module, name, clocked(value, KERNELS, spent))
        if hasattr(module, "bound"):
            replaced.append((module, "bound", bound))
            setattr(module, "bound", bind)  # noqa: B010
    replaced.append((plugins, "run_plugin", plugins.run_plugin))
    setattr(plugins, "run_plugin", clocked(plugins.run_plugin, EFFECTS, spent))  # noqa: B010
    try:
        yield spent
    finally:
        for module, name, value in replaced:
            setattr(module, name, value)


def clocked(function: Callable[..., Any], stage: str, spent: Spent) -> Callable[..., Any]:
    """Return ``function`` with a clock."""

    def call(*arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter_ns()
        result = function(*arguments, **named)
        spent[stage] += time.perf_counter_ns() - begun
        return result

    setattr(call, "unclocked", function)  # noqa: B010
    return call


def unclocked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what may have a clock, without it."""
    bare: Callable[..., Any] = getattr(function, "unclocked", function)
    return bare
