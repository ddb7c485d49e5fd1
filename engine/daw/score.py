"""The score: where each plug-in of a DAW reads in what the mixer plays. Pure: numbers in, decisions out.

The mixer is one stream of engine frames. Whoever asks first has the next block mixed; everybody else reads the same
block later from the history. ``Passage`` says which timeline frame an engine frame was: so an instance that asks for
a place of the timeline is given what was played there, also when the DAW works on its tracks at different times.

Rules. Who jumps (starts, stops, locates) takes the others along; an instance that just goes on where the others have
left is elsewhere, and hears silence until it jumps too. Who comes, or still stands, while others play stops nobody.
An offline instance is never given anything wrong: it waits. The first host that asks has the transport until it has
been quiet for ``HOST_QUIET_SECONDS``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise

import msgspec

HISTORY_FRAMES = 1 << 17
"""How far back somebody may read: 2.7 s at 48 kHz."""
QUIET_SECONDS = 0.5
"""Who has not asked for so long is waited for no longer."""
BOUNCE_QUIET_SECONDS = 2.5
"""Nor is what a bounce has still to read kept for it: its host may be held up for longer."""
HOST_QUIET_SECONDS = 2.0
KEPT_PASSAGES = 256
MOST_LAGS = 8
"""Who reads behind the others for so many blocks, though nothing keeps it there, falls in with them again."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the score needs it.

    frame: of the timeline, before 0 while the DAW rolls in. ahead: how many frames more. follows: whether the story
    goes with the DAW's transport. loop: start and end on the timeline; equal: none. at: seconds of one clock.
    """

    frame: int
    frames: int
    ahead: int = 0
    playing: bool = False
    follows: bool = True
    offline: bool = False
    loop: tuple[int, int] = (0, 0)
    at: float = 0.0


class Passage(msgspec.Struct, frozen=True):
    """From engine frame ``begin`` on the timeline stands at, or plays from, ``frame``."""

    begin: int
    frame: int
    playing: bool

    def timeline(self, engine_frame: int) -> int:
        """Return where the timeline is at an engine frame."""
        return self.frame + (engine_frame - self.begin if self.playing else 0)


class Reader(msgspec.Struct):
    """One instance. cursor: the next engine frame that it reads; -1: it has not read yet. lost: it hears silence.

    lags: for how many blocks it has been behind the others. was_away: it has asked for nothing for a while, until now.
    """

    host: int
    cursor: int = -1
    expected: int = 0
    playing: bool = False
    follows: bool = False
    offline: bool = False
    asked_at: float = float("-inf")
    waits: bool = False
    lost: bool = False
    lags: int = 0
    was_away: bool = False


class Place(msgspec.Struct, frozen=True):
    """Where to read. passage: what the mixer has to be told first, at the frame that it has reached."""

    cursor: int
    passage: Passage | None = None


WAIT, ELSEWHERE, OTHER_HOST = Place(-1), Place(-2), Place(-3)


class Score:
    """Who reads where. head: how far the mixer has come, in every call the same count."""

    def __init__(self, sample_rate: int, history_frames: int = HISTORY_FRAMES) -> None:
        self._rate, self._history = sample_rate, history_frames
        self._readers: dict[int, Reader] = {}
        self._passages: deque[Passage] = deque([Passage(0, 0, False)], KEPT_PASSAGES)
        self._cycle, self._block_end = (0, float("-inf")), 0

    def join(self, slot: int, host: int) -> None:
        """Take in an instance, or another one in its place."""
        self._readers[slot] = Reader(host=host)

    def leave(self, slot: int) -> None:
        """Forget an instance."""
        self._readers.pop(slot, None)

    @property
    def is_led(self) -> bool:
        """Whether an instance follows the DAW's transport, and so leads the story."""
        return any(reader.follows for reader in self._readers.values())

    @property
    def playing(self) -> bool:
        """Whether the DAW has the timeline run."""
        return self._passages[-1].playing

    @property
    def begun(self) -> int:
        """The engine frame of the last jump."""
        return self._passages[-1].begin

    def timeline(self, engine_frame: int) -> int:
        """Return where the DAW has the timeline at an engine frame."""
        return self._passages[-1].timeline(engine_frame)

    def place(self, slot: int, ask: Ask, head: int) -> Place:
        """Return where an instance reads what it asks for, or WAIT, ELSEWHERE, OTHER_HOST."""
        reader = self._readers[slot]
        if any(self._holds(other, reader, ask.at) for other in self._readers.values()):
            return OTHER_HOST
        reader.was_away = reader.cursor < 0 or not (ask.offline or self._is_active(reader, ask.at))
        reader.asked_at, reader.offline = ask.at, ask.offline
        place = self._find(reader, ask, head)
        reader.waits = place is WAIT
        if not reader.waits:
            reader.lags = reader.lags + 1 if 0 <= place.cursor < self._in_step(ask, self._block_end) else 0
            self._note(reader, ask, place)
        return place

    def jumps(self, slot: int, ask: Ask, head: int) -> bool:
        """Whether the mixer would have to be told of a passage for what is asked."""
        return self._find(self._readers[slot], ask, head).passage is not None

    def is_next(self, slot: int, ask: Ask, head: int) -> bool:
        """Whether an instance is at work that reads on at ``head``, in the same way as the one that asks."""
        reader = self._readers[slot]
        return reader.cursor == head and reader.offline == ask.offline and self._is_active(reader, ask.at)

    def told(self, passage: Passage) -> None:
        """Note that the mixer has been told of a passage."""
        self._passages.append(passage)

    def stop(self, head: int) -> None:
        """Nobody asks any more."""
        last = self._passages[-1]
        self._passages.append(Passage(head, last.timeline(head), False))

    def shift(self, slot: int, frames: int) -> None:
        """Note that an instance reads so much later than ``place`` said: something was mixed before."""
        self._readers[slot].cursor += frames

    def mixed(self, begin: int, end: int, at: float) -> None:
        """Note that something was mixed for the block from ``begin`` to ``end`` of whoever asked at that time."""
        self._cycle, self._block_end = (begin, at), end

    def may_be_mixed(self, end: int, at: float) -> bool:
        """Whether up to ``end`` nothing is lost that a bounce has still to read."""
        bounces = (r for r in self._readers.values() if r.offline and not r.waits and r.cursor >= 0)
        behind = min((r.cursor for r in bounces if at - r.asked_at < BOUNCE_QUIET_SECONDS), default=end)
        return end - behind <= self._history // 2

    def loop_end(self, ask: Ask, head: int) -> int:
        """Return at which engine frame the DAW's loop goes back, from ``head`` on; -1: it does not."""
        start, end = ask.loop
        last = self._passages[-1]
        if not (ask.playing and ask.follows and last.playing and 0 <= start < end):
            return -1
        left = end - last.timeline(head)
        return head + left if left >= 0 else -1

    def goes_on_until(self, cursor: int, ask: Ask, head: int) -> int:
        """Return up to where, at most ``head``, the timeline plays on as it did before ``cursor``, where ``ask`` ended.

        Not past the end of its loop.
        """
        passages = self._from(cursor - 1)
        if not passages or not passages[0].playing:
            return cursor
        (start, end), now = ask.loop, passages[0].timeline(cursor)
        ends = [head, *(passage.begin for passage in passages[1:2])]
        if 0 <= start < end >= now:
            ends.append(cursor + end - now)
        return min(ends)

    def _holds(self, other: Reader, reader: Reader, at: float) -> bool:
        """Whether another host has the transport: the one that asked before this one's first time."""
        if other.host == reader.host or at - other.asked_at >= HOST_QUIET_SECONDS:
            return False
        return reader.asked_at == float("-inf") or at - reader.asked_at >= HOST_QUIET_SECONDS

    def _note(self, reader: Reader, ask: Ask, place: Place) -> None:
        start, end = ask.loop
        expected = ask.frame + (ask.frames if ask.playing else 0)
        if ask.playing and 0 <= start < end and ask.frame < end <= expected:
            expected = start + expected - end
        reader.expected, reader.playing, reader.follows = expected, ask.playing, ask.follows
        reader.lost = place.cursor < 0
        if not reader.lost:
            reader.cursor = place.cursor + ask.frames

    def _find(self, reader: Reader, ask: Ask, head: int) -> Place:
        if not ask.follows:
            return Place(self._now(reader, ask, head))
        goes_on = self._goes_on(reader, ask)
        if goes_on and (here := self._on(reader, ask, head)) >= 0:
            return WAIT if self._too_far(reader, ask, head) else Place(here)
        there = self._led(reader, ask, head)
        if there >= 0:
            return Place(there)
        if not (ask.playing or reader.playing) and self._others_play(reader, ask.at):
            return ELSEWHERE  # not yet where they are, and no reason to stop them
        if ask.offline and self._others_need(reader, ask.at):
            return WAIT
        if goes_on and not ask.offline and self._others_lead(reader, ask.at):
            return ELSEWHERE
        return Place(head, Passage(head, ask.frame, ask.playing))

    def _goes_on(self, reader: Reader, ask: Ask) -> bool:
        """Whether the DAW goes on as it did, for this instance; hosts that round may be off by a frame."""
        same = reader.cursor >= 0 and reader.follows and reader.playing == ask.playing
        return same and abs(ask.frame - reader.expected) <= 1

    def _on(self, reader: Reader, ask: Ask, head: int) -> int:
        """Return where a reader reads on that goes on as it did; -1: that is not there."""
        if not ask.playing and not self._passages[-1].playing:
            here = self._now(reader, ask, head)
            return here if self._stood_throughout(here, ask, head) else -1
        is_there = self._fits if ask.playing else self._stood_throughout
        return reader.cursor if not reader.lost and is_there(reader.cursor, ask, head) else -1

    def _fits(self, cursor: int, ask: Ask, head: int) -> bool:
        """Whether the timeline was, or will be, at ``ask.frame`` when the mixer is at ``cursor``, and went on so."""
        passages = self._from(cursor)
        if not passages or not head - self._history <= cursor <= head:
            return False
        first = passages[0]
        fits = first.playing and abs(first.timeline(cursor) - ask.frame) <= 1
        return fits and self._plays_on(passages, cursor, ask, head)

    def _plays_on(self, passages: list[Passage], cursor: int, ask: Ask, head: int) -> bool:
        """Whether what is mixed of a block goes on as the DAW does: without a jump but back to the loop's start."""
        now, *later = passages
        start, end = ask.loop
        for passage in later:
            if passage.begin >= cursor + ask.frames:
                break
            if not (0 <= start < end == now.timeline(passage.begin) and passage == Passage(passage.begin, start, True)):
                return False
            now = passage
        since = max(cursor, now.begin)
        turns_at = since + end - now.timeline(since)
        return not (0 <= start < end and since < turns_at < min(cursor + ask.frames, head))

    def _stood_throughout(self, cursor: int, ask: Ask, head: int) -> bool:
        """Whether what is asked for lies before others have begun to play, where the timeline still stood."""
        passages = self._from(cursor)
        if not passages or cursor < head - self._history:
            return False
        return not any(passage.playing for passage in passages if passage.begin < cursor + ask.frames)

    def _from(self, engine_frame: int) -> list[Passage]:
        """Return the passage at an engine frame and those after it, none that took no time; nothing: forgotten."""
        found: list[Passage] = []
        for passage in reversed(self._passages):
            if not found or passage.begin < found[-1].begin:
                found.append(passage)
            if passage.begin <= engine_frame:
                return found[::-1]
        return []

    def _led(self, reader: Reader, ask: Ask, head: int) -> int:
        """Return where others have led to the place that is asked for, after this reader's own; -1: nowhere.

        Who has just come, or was lost, may also fall in with them midway. Where they were there more than once, as in a
        loop, who has asked all along goes there with them the first time; who was away is given the last.
        """
        if reader.cursor < 0 and not any(self._is_active(r, ask.at) for r in self._readers.values() if r is not reader):
            return -1
        last = self._passages[-1]
        if not ask.playing and not last.playing and last.frame == ask.frame:
            return max(last.begin, self._now(reader, ask, head))
        falls_in = reader.cursor < 0 or reader.lost
        since = max(head - self._history, reader.cursor)
        end = head + 4 * ask.frames if falls_in and not ask.offline else head
        there = self._there(ask, since, end, midway=falls_in and ask.playing)
        places = [place for place in there if self._lasts(place, ask, head)]
        return places[-1 if reader.was_away else 0] if places else -1

    def _there(self, ask: Ask, since: int, end: int, *, midway: bool) -> Iterator[int]:
        """Yield the engine frames at which the timeline is where it is asked for. midway: also what began before."""
        for passage, after in pairwise((*self._passages, Passage(end + 1, 0, False))):
            place = passage.begin + (ask.frame - passage.frame if ask.playing else 0)
            is_reached = max(since, passage.begin) <= place <= min(after.begin - 1, end)
            is_like = passage.playing == ask.playing and passage.timeline(place) == ask.frame
            if is_reached and is_like and (midway or passage.begin >= since):
                yield place

    def _lasts(self, cursor: int, ask: Ask, head: int) -> bool:
        """Whether a whole block is to be had from ``cursor`` on."""
        if ask.playing:
            return self._plays_on(self._from(cursor), cursor, ask, head)
        return self._stood_throughout(cursor, ask, head)

    def _now(self, reader: Reader, ask: Ask, head: int) -> int:
        """Return where a reader goes on that is at no place of the timeline: in step with the others."""
        slack = 4 * max(ask.frames, ask.ahead)
        if reader.cursor >= 0 and head - reader.cursor <= (self._history if ask.offline else slack):
            if ask.offline or reader.lags < MOST_LAGS:
                return reader.cursor
            return max(reader.cursor, self._in_step(ask, self._block_end))
        return self._in_step(ask, head)

    def _in_step(self, ask: Ask, after: int) -> int:
        """Return where who asks now reads, if it is in step: the block that was mixed for this cycle, or ``after``."""
        begin, at = self._cycle
        return begin if 0.0 <= ask.at - at < 0.5 * ask.frames / self._rate else after

    def _is_active(self, reader: Reader, at: float) -> bool:
        return reader.waits or at - reader.asked_at < QUIET_SECONDS

    def _others_need(self, reader: Reader, at: float) -> bool:
        """Whether a jump would take the timeline away from another offline instance that is still at work."""
        others = (r for r in self._readers.values() if r is not reader and r.offline and not r.waits)
        return any(self._is_active(r, at) and (reader.cursor < 0 or r.cursor < reader.cursor) for r in others)

    def _others_lead(self, reader: Reader, at: float) -> bool:
        """Whether others have gone on before a reader, who wants to be where they are not."""
        others = (r for r in self._readers.values() if r is not reader and r.follows and not r.lost)
        return any(self._is_active(r, at) and r.cursor > reader.cursor for r in others)

    def _others_play(self, reader: Reader, at: float) -> bool:
        """Whether others have the story play, also when all of the host has been held up for a moment."""
        others = (r for r in self._readers.values() if r is not reader and r.follows and r.playing and not r.lost)
        return self._passages[-1].playing and any(r.waits or at - r.asked_at < HOST_QUIET_SECONDS for r in others)

    def _too_far(self, reader: Reader, ask: Ask, head: int) -> bool:
        """Whether an offline instance would take from a slower one what that has not read yet."""
        if not ask.offline:
            return False
        end = reader.cursor + ask.frames
        return end > head and not self.may_be_mixed(end, ask.at)
