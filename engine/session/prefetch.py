"""Prefetch: what will be needed soon, so that it is made and loaded before it is."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.session.context import Context
from engine.session.cues import Cues
from engine.session.index import clip_source
from engine.session.library import Source
from engine.session.sections import Sections
from engine.session.transport import Transport
from engine.story.model import PlayClip, PlaySection, SpeakLine
from engine.units import frames_to_seconds

HORIZON_SECONDS = 30.0
"""How far ahead the timeline is prepared."""
PLAN_SECONDS = 0.5
"""How often it is planned anew while the timeline runs."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """How well prepared the engine is. ready, wanted: sources that will be needed soon.

    ready_seconds: how long the timeline could run from here without a gap, at most to the story's end.
    """

    ready: int
    wanted: int
    ready_seconds: float


class Prefetch:
    """Plans by the sections that wait, the cue that stands by, the bank at hand, and where the timeline stands."""

    def __init__(self, context: Context, transport: Transport, sections: Sections, cues: Cues) -> None:
        self._context, self._transport, self._cues = context, transport, cues
        self._sections = sections
        self._bank: str | None = None
        self._planned_frame = 0
        self._planned_playheads = cues.playheads

    @property
    def bank(self) -> str | None:
        """The bank that was selected or played last, at first the story's first; None without slots."""
        banks = [slot.bank for slot in self._context.story.slots]
        return self._bank if self._bank in banks else next(iter(banks), None)

    def recall(self, bank: str | None) -> None:
        """Have the bank at hand that a session which is gone had."""
        self._bank = bank

    def select(self, bank: str) -> bool:
        """Have ``bank`` at hand; return whether that is news."""
        if bank == self._bank:
            return False
        before, self._bank = self.bank, bank
        if self.bank == before:
            return False
        self.plan()
        return True

    def plan(self) -> None:
        """Tell the library what comes, the most pressing first."""
        self._planned_frame, self._planned_playheads = self._context.soon(), self._cues.playheads
        self._context.library.approach(self._coming())

    def advance(self) -> None:
        """Plan anew if the timeline has moved on, or another cue stands by; to be called every few milliseconds."""
        passed = self._context.soon() - self._planned_frame
        moved_on = self._transport.playing and passed >= self._context.frames(PLAN_SECONDS)
        if moved_on or self._planned_playheads != self._cues.playheads:
            self.plan()

    def ahead(self) -> Ahead:
        """Return how well prepared the engine is now."""
        ready, wanted = self._context.library.near_counts()
        return Ahead(ready=ready, wanted=wanted, ready_seconds=self._ready_seconds())

    def _coming(self) -> Iterator[Source]:
        yield from self._context.players.sources()
        for first, last in self._sections.ahead:
            yield from self._timeline(first, last)
        for cue in self._cues.coming():
            yield from self._target(cue.target)
        bank = self.bank
        for slot in self._context.story.slots:
            if slot.bank == bank:
                for target in self._context.index.targets[slot.bank, slot.index]:
                    yield from self._target(target)
        now = self._transport.now()
        yield from self._timeline(now)
        start, end = self._transport.loop or (0, 0)
        if now < end:
            yield from self._timeline(start)

    def _target(self, target: object) -> Iterator[Source]:
        if isinstance(target, (PlayClip, SpeakLine)):
            yield self._context.target_source(target)
        elif isinstance(target, PlaySection):
            start, end = self._transport.span(target)
            if start is not None and end is not None and 0 <= start < end:
                yield from self._timeline(start, end)

    def _timeline(self, frame: int, end: int | None = None) -> Iterator[Source]:
        """Iterate over what sounds from a frame of the timeline on, for a while or until ``end``."""
        until = frame + self._context.frames(HORIZON_SECONDS)
        until = until if end is None else min(until, end)
        for placed in self._transport.placed.between(frame, until) if self._transport.placed is not None else ():
            if not placed.clip.mute:
                yield clip_source(placed.clip)
        for cue in self._cues.passed_by(frame, until):
            if isinstance(cue.target, (PlayClip, SpeakLine)):
                yield self._context.target_source(cue.target)

    def _ready_seconds(self) -> float:
        now, end, placed = self._transport.now(), self._transport.end_frame, self._transport.placed
        missing = self._transport.rows.missing_after(placed, now) if placed is not None else iter(())
        first = next((p.start_frame for p in missing), end)
        return frames_to_seconds(max(0, first - now), self._context.story.sample_rate)
