"""Sections: stretches of the timeline that pads and cues have it play, who asked for them, and which still wait.

What begins later is handed to the mixer shortly before its frame, and can be taken back. Control process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from engine.errors import Busy
from engine.events import SlotState
from engine.realtime.records import Kind
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.index import clip_source
from engine.session.orders import Records, order, together
from engine.session.players import Owner
from engine.session.section import Section
from engine.session.transport import Transport
from engine.story.model import PlaySection
from engine.story.timeline import Placed

AHEAD_SECONDS = 0.25
"""How long before its frame the mixer hears of one: a control process that is held up for less makes none late."""

KeptSections = tuple[Section | None, tuple[Section, ...], int | None]
"""What a session keeps of its sections for one that goes on after it."""


class Sections:
    """The section that the timeline plays because it was asked to, and those that have not begun yet."""

    def __init__(self, context: Context, transport: Transport) -> None:
        self._context, self._transport = context, transport
        self._running: Section | None = None
        self._coming: tuple[Section, ...] = ()
        self._restored: int | None = None
        """The engine frame at which the timeline is put back where it would be without one that was taken back."""
        self.stirred = True
        """Whether the state of a section may be another since somebody looked; who looks settles it."""
        self.let_go = False
        """Whether one that was held came to its end, or was stopped: the timeline has nothing to go on with."""

    def play(self, section: PlaySection, owner: Owner, at_frame: int | None, cuts: Iterable[int] = ()) -> None:
        """Play from one marker to another, exactly to its frame (to the end when there is none).

        cuts: the players that give way to it. Its clips that are not ready yet are named; they join in when they are.
        Raises NotReady and StoryError where its place is not known.
        """
        start, end = self._transport.section_frames(section)
        end_frame = None if section.to_marker is None else end
        asked = Section(owner=owner, start_frame=start, end_frame=end_frame, frame=at_frame, cuts=tuple(cuts))
        if self._is_near(at_frame):
            asked = self._send(asked)
        for other in self._coming:
            if other.owner == owner or (at_frame is not None and other.frame == at_frame):
                self._replace(other, at_frame)
        self._coming = (*self._coming, asked)
        self._context.notes.extend(self._transport.late(self.missing(section)))
        self.stirred = True

    def stop(self, owner: Owner, at_frame: int | None) -> None:
        """Stop the timeline where it plays what ``owner`` asked for; what would begin there or later is taken back."""
        for section in self._coming:
            if section.owner == owner and not self._take_back(section, at_frame):
                self._end(section, at_frame)
        if self._running is not None and self._running.owner == owner:
            self._end(self._running, at_frame)

    def take_back(self, owner: Owner, at_frame: int | None) -> None:
        """Take back what ``owner`` asked for, and would begin there or later."""
        for section in self._coming:
            if section.owner == owner:
                self._take_back(section, at_frame)

    def take_all_back(self, at_frame: int | None) -> None:
        """Take back all that would begin there or later: the timeline is stopped. What is held does not go on."""
        if self._running is not None and self._running.held_frame is not None:
            self._end(self._running, at_frame)
        for section in self._coming:
            if self._waits(section, at_frame):
                self._take_back(section, at_frame, rests_frame=self._context.soon() if at_frame is None else at_frame)

    def pause(self, owner: Owner, at_frame: int) -> None:
        """Hold what ``owner`` asked for; the timeline stops if it plays that."""
        for section in self._coming:
            if section.owner == owner and section.held_frame is None:
                if not self._waits(section, at_frame):
                    self._transport.stop(at_frame)
                self._hold_coming(section, at_frame, rests_frame=None)
        running = self._running
        if running is not None and running.owner == owner and running.held_frame is None:
            self._transport.stop(at_frame)
            self._running = running.held(at_frame)
        self.stirred = True

    def resume(self, owner: Owner, at_frame: int) -> None:
        """Let what ``owner`` asked for go on where it was held."""
        held = self._on_timeline()
        if held is not None and held.owner == owner and held.held_frame is not None:
            self._context.push(self._run_to(held.end_frame, at_frame))
        self._coming = tuple(s.resumed(at_frame) if s.owner == owner else s for s in self._coming)
        if self._running is not None and self._running.owner == owner:
            self._running = self._running.resumed(at_frame)
        self.stirred = True

    def hold(self, at_frame: int) -> None:
        """Hold everything; whoever calls this stops the timeline."""
        for section in self._coming:
            if section.held_frame is None:
                self._hold_coming(section, at_frame, rests_frame=at_frame)
        if self._running is not None:
            self._running = self._running.held(at_frame)
        self.stirred = True

    def go_on(self, at_frame: int, starts: bool) -> None:
        """Let everything go on. starts: whoever calls this starts the timeline, up to ``end_frame`` of before."""
        self._coming = tuple(section.resumed(at_frame) for section in self._coming)
        if self._running is not None:
            self._running = self._running.resumed(at_frame)
            if starts:  # also where it was begun meanwhile: that report is not of somebody else's start
                self._running = replace(self._running, frame=at_frame, begun_frame=None)
        self.stirred = True

    def leave(self) -> None:
        """Note that the timeline is started or moved otherwise: what it plays is no section any more."""
        self._running = None
        self._coming = tuple(section for section in self._coming if self._waits(section, None))
        self.stirred = True

    def forget(self) -> None:
        """Note that the mixer forgets everything that waits, and stops the timeline."""
        self._running, self._coming, self.stirred = None, (), True

    def forget_scheduled(self) -> None:
        """Note that the mixer forgets everything that waits."""
        self._coming = tuple(section for section in self._coming if not self._waits(section, None))
        if self._running is not None:
            self._running = replace(self._running, stop_frame=None)
        self.stirred = True

    def advance(self) -> bool:
        """Hand to the mixer what comes near; return whether there was anything to do. Called every few milliseconds."""
        if self._running is None and not self._coming:
            return False
        try:
            sent = [self._advance(section) for section in (self._running, *self._coming) if section is not None]
        except Busy:  # the mixer has not taken its last orders yet: the next time
            return True
        return any([self._run_out(), *sent])

    def moved(self, playing: bool, timeline_frame: int, frame: int) -> Owner | None:
        """Note what the audio process reports; return whose section has given way to another one."""
        if frame == self._restored:
            return None
        begun = next((s for s in self._coming if s.begins(playing, timeline_frame, frame)), None)
        if begun is not None:
            before, self._running = self._running, replace(begun, begun_frame=frame)
            earlier = self._coming.index(begun)
            self._coming = tuple(s for i, s in enumerate(self._coming) if i > earlier or (i < earlier and not s.sent))
            self.stirred = True
            return None if before is None else before.owner
        self._coming = tuple(s for s in self._coming if not s.sent or s.sure_frame >= frame)
        self._go_or_leave(playing, timeline_frame, frame)
        return None

    def state(self, owner: Owner) -> SlotState | None:
        """Return whether what ``owner`` asked for waits, plays or is held; None: nothing of it."""
        own = [s for s in (self._running, *self._coming) if s is not None and s.owner == owner]
        if any(section.held_frame is not None for section in own):
            return "paused"
        if any(not self._waits(section, None) for section in own):
            return "playing"
        return "waiting" if own else None

    def readiness(self, section: PlaySection) -> SlotState:
        """Return how far the clips are that would sound: as far as the first that is not there.

        failed: it begins before the timeline does, or ends before it begins.
        """
        transport = self._transport
        if transport.placed is None:
            return "queued"
        start, end = transport.span(section)
        if start is None or end is None:
            return "queued"
        if start < 0 or (section.to_marker is not None and end <= start):
            return "failed"
        return next((self._context.library.shelf(clip_source(p.clip)).state for p in self.missing(section)), "ready")

    def missing(self, section: PlaySection) -> Iterator[Placed]:
        """Iterate over the clips of a section that would sound, and are not there; none while it has no place yet."""
        transport, (start, end) = self._transport, self._transport.span(section)
        if transport.placed is not None and start is not None and end is not None:
            yield from transport.rows.missing_between(transport.placed, start, end)

    @property
    def owner(self) -> Owner | None:
        """Who asked for the section that the timeline plays, or begins to; None: it plays none."""
        section = self._on_timeline()
        return None if section is None else section.owner

    @property
    def end_frame(self) -> int | None:
        """The timeline frame at which the section ends that is played or held; None: none, or it has no end."""
        section = self._on_timeline()
        return None if section is None else section.end_frame

    @property
    def begins(self) -> bool:
        """Whether one was handed to the mixer for now: the timeline runs, though nobody has heard of it yet."""
        return any(s.held_frame is None and not self._waits(s, None) for s in self._coming)

    @property
    def is_held(self) -> bool:
        """Whether the timeline would go on with one that is held."""
        section = self._on_timeline()
        return section is not None and section.held_frame is not None

    @property
    def run_on(self) -> bool:
        """Whether any of them is not held."""
        return any(s is not None and s.held_frame is None for s in (self._running, *self._coming))

    @property
    def ahead(self) -> list[tuple[int, int | None]]:
        """Where on the timeline those lie that have not begun."""
        return [(section.start_frame, section.end_frame) for section in self._coming]

    @property
    def kept(self) -> KeptSections:
        """What a session that goes on after this one has to know."""
        return self._running, self._coming, self._restored

    def recall(self, kept: KeptSections) -> None:
        """Go on where a session that is gone was."""
        self._running, self._coming, self._restored = kept

    def _on_timeline(self) -> Section | None:
        """Return the section that the timeline plays, was held in, or begins at once."""
        begun = [section for section in self._coming if not self._waits(section, None)]
        return begun[-1] if begun else self._running

    def _is_near(self, frame: int | None) -> bool:
        return frame is None or frame <= self._context.soon() + self._context.frames(AHEAD_SECONDS)

    def _waits(self, section: Section, at_frame: int | None) -> bool:
        """Whether it has not begun, and can still be kept from beginning at ``at_frame`` (None: at all) or later."""
        if section.begun_frame is not None or section.frame is None:
            return False
        if section.sent and section.frame <= self._context.soon():
            return False
        return at_frame is None or section.frame >= at_frame

    def _send(self, section: Section) -> Section:
        """Hand it to the mixer; what it cuts off fades out then."""
        cuts = self._context.players.stop(section.cuts, self._context.frames(DECLICK_SECONDS), section.frame)
        locate = order(Kind.LOCATE, section.frame, value=section.start_frame)
        run = self._run_to(section.end_frame, section.frame)
        self._context.push(together(locate, run) if cuts is None else together(cuts, locate, run))
        if section.frame == self._restored:
            self._restored = None
        return replace(section, sent=True, sure_frame=max(section.frame or 0, self._context.soon()))

    def _run_to(self, end_frame: int | None, at_frame: int | None) -> Records:
        play = order(Kind.PLAY, at_frame)
        return play if end_frame is None else together(play, order(Kind.STOP_AT, at_frame, value=end_frame))

    def _replace(self, section: Section, at_frame: int | None) -> None:
        """Make way for another one: what the mixer has for the same frame is overruled there."""
        if section.sent and section.frame == at_frame:
            self._put(section, None)
        else:
            self._take_back(section, None)

    def _take_back(self, section: Section, at_frame: int | None, rests_frame: int | None = None) -> bool:
        """Forget one that would begin at ``at_frame`` or later; False: it can't be. rests_frame: as in ``_restore``."""
        if not self._waits(section, at_frame):
            return False
        if section.sent:
            self._restore(section.frame or 0, rests_frame)
        self._put(section, None)
        return True

    def _hold_coming(self, section: Section, at_frame: int, rests_frame: int | None) -> None:
        """Hold one that has not begun. rests_frame: as in ``_restore``."""
        held = section.held(at_frame)
        if section.sent and section.frame is not None and self._waits(section, at_frame):
            self._restore(section.frame, rests_frame)
            held = replace(held, sent=False)
        self._put(section, held)

    def _restore(self, frame: int, rests_frame: int | None) -> None:
        """Have the timeline be at an engine frame where it would be without the section that was to begin then.

        rests_frame: the engine frame from which on it rests; None: it goes on as it does.
        """
        transport, running = self._transport, self._running
        self._restored = frame
        if not transport.playing or transport.since_frame is None:
            place, rests = transport.timeline_frame, True
        else:
            place, rests = transport.place(frame if rests_frame is None else rests_frame), rests_frame is not None
        end_frame = None if running is None else running.end_frame
        if end_frame is not None and place >= end_frame:
            place, rests = end_frame, True
        locate = order(Kind.LOCATE, frame, value=place)
        run = self._run_to(end_frame, frame)
        self._context.push(together(order(Kind.STOP, frame), locate) if rests else together(locate, run))

    def _end(self, section: Section, at_frame: int | None) -> None:
        """Stop one that plays by then, or let go of one that is held."""
        if section.held_frame is not None:
            self._put(section, None)
            self.let_go = True
        elif section.sent and self._is_near(at_frame):
            self._transport.stop(at_frame)
        else:
            self._put(section, replace(section, stop_frame=at_frame))

    def _advance(self, section: Section) -> bool:
        if section.held_frame is not None:
            return False
        now = section
        if not now.sent and self._is_near(now.frame):
            now = self._send(now)
        if now.sent and now.stop_frame is not None and self._is_near(now.stop_frame):
            self._transport.stop(now.stop_frame)
            now = replace(now, stop_frame=None)
        if now is section:
            return False
        self._put(section, now)
        return True

    def _run_out(self) -> bool:
        """Note that a section without an end has come to the story's: nobody reports that."""
        running, transport = self._running, self._transport
        if running is None or running.end_frame is not None or running.begun_frame is None:
            return False
        over = transport.playing and transport.now() >= max(transport.end_frame, running.start_frame)
        if over:
            self._put(running, None)
        return over

    def _go_or_leave(self, playing: bool, timeline_frame: int, frame: int) -> None:
        """Note that the section goes on after it was held, or that the timeline has left it."""
        running = self._running
        if running is None:
            return
        if running.begun_frame is None:
            if playing and frame >= (running.frame or 0):
                self._running = replace(running, begun_frame=frame)
            return
        if running.held_frame is not None and not playing:
            if timeline_frame == running.end_frame:
                self._put(running, None)
                self.let_go = True
        elif frame > running.begun_frame or not playing:
            self._put(running, None)

    def _put(self, before: Section, now: Section | None) -> None:
        """Have another version of one, or no longer have it."""
        self.stirred = True
        if before is self._running:
            self._running = now
        else:
            swapped = (now if section is before else section for section in self._coming)
            self._coming = tuple(section for section in swapped if section is not None)
