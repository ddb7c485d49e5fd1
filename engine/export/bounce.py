"""Bounce: one pass over a story, as fast as it goes, until the last tail has died away."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from engine.export.kernel import last_above
from engine.export.printer import Printer
from engine.export.station import Station
from engine.export.taps import MIX
from engine.mixer.effects import insert_spec
from engine.mixer.relay import Sums
from engine.story.model import Story
from engine.units import db_to_gain

LEAD_BLOCKS = 2
"""How far each station of a bounce may be ahead of the next."""

_REST_SECONDS = 0.5

Floats = NDArray[np.float32]


class Ending:
    """Finds where a programme ends: after the story, once everything stays below a level.

    rest_frames: how long it must stay there. latency_frames: by which the mix comes later than the stems.
    """

    def __init__(
        self, story_end_frame: int, *, tail_db: float, cap_frames: int, rest_frames: int, latency_frames: int
    ) -> None:
        self._story_end = story_end_frame
        self._threshold = db_to_gain(tail_db)
        self._last = story_end_frame + cap_frames
        self._rest = rest_frames
        self._latency = latency_frames
        self._sounds_until = story_end_frame

    def stop_at(self, frame: int) -> None:
        """End there, whatever still sounds or is over before."""
        self._sounds_until, self._last, self._rest, self._story_end = frame, frame, 0, sys.maxsize

    def hear(self, frame: int, bundle: Floats, taps: Sequence[int]) -> None:
        """Listen to the blocks of all taps, which start at engine ``frame``."""
        if frame + bundle.shape[1] <= self._story_end:
            return
        for block, tap in zip(bundle, taps, strict=True):
            loud = last_above(block, self._threshold)
            if loud:
                until = frame + loud - (self._latency if tap == MIX else 0)
                self._sounds_until = max(self._sounds_until, until)

    def is_reached(self, frame: int) -> bool:
        """Tell whether everything before engine ``frame`` is enough."""
        return frame - self._latency >= min(self._sounds_until + self._rest, self._last)

    @property
    def frames(self) -> int:
        """How long the files become."""
        return min(self._sounds_until, self._last)

    @property
    def is_capped(self) -> bool:
        """Whether the cap cut a tail off, or came before it was known to be over."""
        return self._sounds_until + self._rest > self._last and self._sounds_until > self._story_end


def rest_frames(story: Story) -> int:
    """Return how long ``story`` must be quiet to be over: longer than the gap between two echoes."""
    effects = [effect for strip in story.strips().values() for effect in strip.inserts if not effect.bypass]
    echoes = [
        effect.params.get(name, param.spec.default)
        for effect in effects
        for name, param in insert_spec(effect.effect, story.plugins).params.items()
        if name == "delay_seconds"
    ]
    return math.ceil((_REST_SECONDS + sum(echoes)) * story.sample_rate)


def bounce(
    stations: Sequence[Station],
    printer: Printer,
    taps: Sequence[int],
    ending: Ending,
    progress: Callable[[int], None],
) -> None:
    """Let ``stations`` play and print what the taps give, until ``ending``.

    progress: hears the engine frame after every block; what it raises ends the bounce. Reading, mixing and writing
    overlap in threads, and so do stations: each is some blocks ahead of the next. The last one mixes in the caller's
    thread. Raises what stations and the disk raise.
    """
    *before, last = stations
    waiting: deque[tuple[NDArray[np.float32], Future[Sums | None] | None]] = deque()
    with ExitStack() as stack:
        threads = [stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="station")) for _ in before]
        frame = 0
        while not ending.is_reached(frame):
            while len(waiting) <= LEAD_BLOCKS * len(before):
                bundle, given = printer.bundle(), None
                for station, thread in zip(before, threads, strict=True):
                    given = thread.submit(station.mix, bundle, given)
                waiting.append((bundle, given))
            bundle, given = waiting.popleft()
            last.mix(bundle, given)
            ending.hear(frame, bundle, taps)
            printer.submit(bundle)
            frame += bundle.shape[1]
            progress(frame)
    printer.flush()
