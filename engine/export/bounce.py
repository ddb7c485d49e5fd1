"""Bounce: one pass of the mixer over a story, as fast as it goes, until the last tail has died away."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ExportError
from engine.export.feed import Feed
from engine.export.kernel import last_above
from engine.export.printer import Printer
from engine.mixer.effects import insert_spec
from engine.mixer.mixer import Mixer
from engine.realtime.records import Kind, Report, records
from engine.story.model import Story
from engine.units import db_to_gain

BLOCK_FRAMES = 16384
WINDOW_FRAMES = 2 * BLOCK_FRAMES
"""How far ahead of the mixer clips are read, and how long after it they stay."""

MIX, PREMASTER = -1, -2
"""The taps after and before the master; all others are strip indexes."""

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
    mixer: Mixer,
    feed: Feed,
    moves: NDArray[Any],
    printer: Printer,
    taps: Sequence[int],
    ending: Ending,
    progress: Callable[[int], None],
) -> None:
    """Play ``feed`` and the automation's ``moves`` through ``mixer`` and print what the taps give, until ``ending``.

    progress: hears the engine frame after every block; what it raises ends the bounce. Reading, mixing and writing
    overlap in three threads. Raises ExportError for an effect that fails.
    """
    mixer.set_timeline(feed.entries(), 1)
    mixer.set_automation(moves)
    start = records(1)
    start["kind"] = Kind.PLAY
    mixer.dispatch(start)
    with ThreadPoolExecutor(1, thread_name_prefix="feed") as reader:
        loading = reader.submit(feed.advance, 0, WINDOW_FRAMES)
        frame = 0
        while not ending.is_reached(frame):
            if frame % WINDOW_FRAMES == 0:
                loading.result()
                loading = reader.submit(feed.advance, frame, frame + 2 * WINDOW_FRAMES)
            bundle = printer.bundle()
            _mix(mixer, taps, bundle)
            ending.hear(frame, bundle, taps)
            printer.submit(bundle)
            frame += BLOCK_FRAMES
            progress(frame)
        loading.result()
    printer.flush()


def _mix(mixer: Mixer, taps: Sequence[int], bundle: Floats) -> None:
    master = mixer.process(BLOCK_FRAMES)
    for block, tap in zip(bundle, taps, strict=True):
        block[:] = _tapped(mixer, master, tap)
    _check(mixer.take_reports(), mixer.strip_ids)


def _tapped(mixer: Mixer, master: Floats, tap: int) -> Floats:
    if tap == MIX:
        return master
    return mixer.premaster if tap == PREMASTER else mixer.strip_output(tap)


def _check(reports: NDArray[Any], strip_ids: Sequence[str]) -> None:
    """Silence where sound should be is an error here: nobody listens to an export while it is made."""
    for kind, what in ((Report.STRIP_FAILED, "an effect failed on strip"), (Report.NO_PLAYER, "no player for strip")):
        failed = reports[reports["kind"] == kind]
        if len(failed):
            raise ExportError(f"can't export: {what} {strip_ids[int(failed[0]['strip'])]}")
