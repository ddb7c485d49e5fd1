"""Stations: the mixers of a bounce, each with what feeds it; several share one graph and work at different blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ExportError
from engine.export.feed import Feed, Reel
from engine.export.media import Source, source_of
from engine.export.plan import Plan
from engine.export.taps import MIX, PREMASTER
from engine.mixer.automation import compile_automation
from engine.mixer.graph import StripSpec
from engine.mixer.mixer import DECLICK_SECONDS, Mixer
from engine.mixer.relay import Leg, Sums, divide
from engine.realtime.records import Kind, Report, records
from engine.story.timeline import Placed
from engine.units import seconds_to_frames

SHORT_SECONDS = 20.0
"""What is shorter is done sooner by one mixer than several are made."""

_SPARE_PLAYERS = 16
_COSTS = {
    "ladder_lowpass": 3.0, "ladder_highpass": 3.0, "ladder_bandpass": 3.0, "reverb": 5.0, "delay": 3.0, "chorus": 4.0,
    "phaser": 8.0, "distortion": 3.0, "gsm": 13.0, "mp3": 23.0, "resample": 60.0, "pitchshift": 9.0,
}  # fmt: skip
"""What effects cost where a strip without any costs 1, as measured; the others about as much as that."""
_LIMITER_COST = 1.0

Floats = NDArray[np.float32]


class Station:
    """A mixer that plays the timeline from its start, block by block. taps: by their place in a bundle.

    block_frames: of each. Clips are read two blocks ahead of the mixer, and stay as long after it.
    One thread at a time calls it. Raises MediaError for what can't be read, ExportError for an effect that fails.
    """

    def __init__(
        self,
        mixer: Mixer,
        feed: Feed,
        moves: NDArray[Any],
        taps: Mapping[int, int],
        block_frames: int,
        leg: Leg | None = None,
    ) -> None:
        self.mixer, self.feed = mixer, feed
        self._block, self._window = block_frames, 2 * block_frames
        self._taps, self._leg = taps, leg
        self._frame = 0
        mixer.set_timeline(feed.entries(), 1)
        mixer.set_automation(moves, 1)
        start = records(1)
        start["kind"] = Kind.PLAY
        mixer.dispatch(start)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._loading = self._reader.submit(feed.advance, 0, self._window)

    def mix(self, bundle: Floats, given: Future[Sums | None] | None = None) -> Sums | None:
        """Lay the next block into its places of ``bundle``, on top of what the station before gives; give the sums."""
        if self._frame % self._window == 0:
            self._loading.result()
            self._loading = self._reader.submit(self.feed.advance, self._frame, self._frame + 2 * self._window)
        sums = None
        if self._leg is not None:
            sums = self._leg.blank(self._block)
            self._leg.join(None if given is None else given.result(), sums)
        master = self.mixer.process(self._block)
        for place, tap in self._taps.items():
            bundle[place] = self._tapped(master, tap)
        _check(self.mixer.take_reports(), self.mixer.strip_ids)
        self._frame += self._block
        return sums

    @property
    def drawn(self) -> Iterator[Reel]:
        """The clips whose outline is found here."""
        return (reel for reel in self.feed.reels if self._leg is None or reel.strip in self._leg.strips)

    def close(self) -> None:
        """Let go of every file."""
        self._reader.shutdown()
        self.feed.close()

    def _tapped(self, master: Floats, tap: int) -> Floats:
        if tap == MIX:
            return master
        return self.mixer.premaster if tap == PREMASTER else self.mixer.strip_output(tap)


def make_stations(
    plan: Plan, sources: Mapping[Source, Path], bucket: int, count: int, block_frames: int
) -> tuple[Station, ...]:
    """Return up to ``count`` stations for ``plan``, the last with the master. bucket: frames per point of the picture.

    One where there is little to do, and where plug-ins are hosted: they want the thread that has loaded them.
    """
    is_short = plan.end_frame < SHORT_SECONDS * plan.story.sample_rate
    legs: Sequence[Leg | None] = (None,)
    if count > 1 and not is_short and not plan.graph.plugins:
        legs = divide(plan.graph, _cost, count)
    moves = compile_automation(plan.story, plan.graph, seconds_to_frames(DECLICK_SECONDS, plan.story.sample_rate))
    return tuple(_station(plan, sources, bucket, moves, block_frames, leg) for leg in legs)


def _station(
    plan: Plan,
    sources: Mapping[Source, Path],
    bucket: int,
    moves: NDArray[Any],
    block_frames: int,
    leg: Leg | None,
) -> Station:
    """Return the station for a leg, or for the whole graph. Keys of ducking that others mix are played there, too."""
    placed = sorted(plan.placed, key=lambda each: each.start_frame)
    reels = [_reel(plan, each, sources, bucket, leg) for each in placed]
    reels = [reel for reel in reels if leg is None or reel.strip in leg.heard]
    feed = Feed(reels)
    mixer = Mixer(
        plan.graph,
        sample_rate=plan.story.sample_rate,
        arena=feed.arena.samples,
        max_block_frames=block_frames,
        max_players=_most_at_once([reel.placed for reel in reels]) + _SPARE_PLAYERS,
        leg=leg,
    )
    strips = range(len(plan.graph.strips)) if leg is None else leg.strips
    is_last = leg is None or leg.is_last
    taps = {
        place: stem.tap
        for place, stem in enumerate(plan.stems)
        if stem.tap in strips or (is_last and stem.tap in (MIX, PREMASTER))
    }
    return Station(mixer, feed, moves, taps, block_frames, leg)


def _reel(plan: Plan, placed: Placed, sources: Mapping[Source, Path], bucket: int, leg: Leg | None) -> Reel:
    strip = plan.graph.index(placed.track.id)
    drawn = bucket if leg is None or strip in leg.strips else 0
    return Reel(placed, sources[source_of(placed.clip)], plan.medium(placed).channels, strip, drawn)


def _most_at_once(placed: Sequence[Placed]) -> int:
    """Return how many clips sound at the same time at most."""
    changes = sorted(
        [(p.start_frame, 1) for p in placed] + [(p.end_frame, -1) for p in placed], key=lambda c: (c[0], -c[1])
    )
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _cost(strip: StripSpec) -> float:
    """Return what a strip costs, its clips included, where one without effects costs 1."""
    limiter = _LIMITER_COST if strip.kind == "master" else 0.0
    return 1.0 + limiter + sum(_COSTS.get(effect.effect, 1.0) for effect in strip.inserts)


def _check(reports: NDArray[Any], strip_ids: Sequence[str]) -> None:
    """Silence where sound should be is an error here: nobody listens to an export while it is made."""
    for kind, what in ((Report.STRIP_FAILED, "an effect failed on strip"), (Report.NO_PLAYER, "no player for strip")):
        failed = reports[reports["kind"] == kind]
        if len(failed):
            raise ExportError(f"can't export: {what} {strip_ids[int(failed[0]['strip'])]}")
