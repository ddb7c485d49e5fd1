"""Passing: cues that stand on the timeline are fired when it passes them, once per pass."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from engine.session.context import Context
from engine.session.inputs import Reached
from engine.session.transport import Transport
from engine.story.model import Cue, Story
from engine.story.timeline import point_frame

LOOKAHEAD_SECONDS = 0.05
"""How long before its frame the mixer hears of a start."""

CORRECTION_SECONDS = 1.0
"""A running timeline that is moved by less was put right by the clock it follows: that is no other pass."""


class Standing(NamedTuple):
    """A cue and the timeline frame where it stands."""

    timeline_frame: int
    cuelist: str
    cue: Cue


class Passed(NamedTuple):
    """A cue that is to be fired at an engine frame."""

    frame: int
    cuelist: str
    cue: Cue


class Looked(NamedTuple):
    """How far the timeline was looked at: an engine frame, the timeline frame there, and the furthest one."""

    frame: int
    timeline_frame: int
    reached: int


class Passing:
    """Looks at the stretch of the timeline since it last looked: a cue in it is fired, whatever was skipped.

    Moved on by a correction, what lies between is fired; moved back by one, nothing is fired twice.
    """

    def __init__(self, context: Context, transport: Transport) -> None:
        self._context, self._transport = context, transport
        self._story: Story | None = None
        self._standing: tuple[Standing, ...] = ()
        self._looked: int | None = None
        self._offset = 0
        """Timeline frame less engine frame where it last looked."""
        self._moves = 0
        self._reached = 0
        """The timeline frame up to which it has looked."""

    def __bool__(self) -> bool:
        return bool(self._cues())

    @property
    def kept(self) -> Looked | None:
        """How far it has looked in this pass; None: the timeline rests."""
        return None if self._looked is None else Looked(self._looked, self._looked + self._offset, self._reached)

    def recall(self, looked: Looked | None) -> None:
        """Go on looking where a session that is gone was: what was passed since is found next."""
        if looked is not None:
            self._looked, self._offset, self._reached = (
                looked.frame,
                looked.timeline_frame - looked.frame,
                looked.reached,
            )
            self._moves = self._transport.moves

    @property
    def reached(self) -> Reached:
        """Exactly where it stands, for a show that is played again: what is due next depends on it."""
        settled = self._moves == self._transport.moves
        return Reached(frame=self._looked, offset=self._offset, furthest=self._reached, settled=settled)

    def stand(self, reached: Reached) -> None:
        """Stand where another session stood that was told the same."""
        self._looked, self._offset, self._reached = reached.frame, reached.offset, reached.furthest
        self._moves = self._transport.moves if reached.settled else self._transport.moves - 1

    def between(self, first: int, last: int) -> tuple[Passed, ...]:
        """Return the cues that stand between two frames of the timeline, the last one not included; frames are its."""
        return tuple(self._at(first, last, 0))

    def until(self, frame: int) -> list[Passed]:
        """Return what the timeline passes before an engine frame, since this was last asked."""
        if not self._cues() or not self._transport.playing or self._transport.since_frame is None:
            self._looked, self._moves = None, self._transport.moves
            return []
        found = list(self._moved(self._transport.since_frame))
        begin = self._looked or 0
        if frame > begin:
            found.extend(self._between(begin, frame))
            self._looked, self._offset = frame, self._transport.place(frame) - frame
            self._reached = frame + self._offset
        return found

    def _moved(self, since: int) -> Iterator[Passed]:
        """Begin anew where the timeline was started or located, or go on behind a correction."""
        if self._looked is not None and self._moves == self._transport.moves:
            return
        self._moves = self._transport.moves
        if self._looked is None:
            ahead = self._reached - self._transport.timeline_frame  # it was looked at, then the timeline stopped
            self._looked = since + (ahead if 0 < ahead <= self._context.frames(LOOKAHEAD_SECONDS) else 0)
            return
        looked = self._looked
        before, now = looked + self._offset, self._transport.place(looked)
        if abs(now - before) > self._context.frames(CORRECTION_SECONDS):
            self._looked = since
        elif now < before:
            self._looked = looked + before - now
        else:
            yield from self._at(before, now, looked - now, least=looked)

    def _between(self, begin: int, end: int) -> Iterator[Passed]:
        """Iterate over what the timeline passes from one engine frame to another, round its loop."""
        while begin < end:
            here = self._transport.place(begin)
            left = self._transport.until_loop(here)
            until = end if left is None else min(end, begin + left)
            yield from self._at(here, here + until - begin, begin - here)
            begin = until

    def _at(self, first: int, last: int, shift: int, least: int = 0) -> Iterator[Passed]:
        cues = self._cues()
        for index in range(bisect_left(cues, first, key=lambda s: s.timeline_frame), len(cues)):
            frame, cuelist, cue = cues[index]
            if frame >= last:
                return
            yield Passed(max(least, frame + shift), cuelist, cue)

    def _cues(self) -> tuple[Standing, ...]:
        story = self._context.story
        if story is not self._story:
            self._story = story
            found = [
                Standing(point_frame(story, cue.at), cuelist, cue)
                for cuelist, cues in story.cue_lists().items()
                for cue in cues
                if cue.at is not None
            ]
            self._standing = tuple(sorted(found, key=lambda s: s.timeline_frame))
        return self._standing
