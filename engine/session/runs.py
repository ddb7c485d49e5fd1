"""Runs: cues that were fired and are not over: their waits, their sound, what follows them.

Everything is planned in engine frames and handed to the mixer a little ahead, so that it starts to the frame;
``advance`` is called often and does what comes near. Control process only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec.structs import replace

from engine.errors import EngineError
from engine.events import CueChanged, CueEnded, CueStarted, Dropped, Event, MessageDue
from engine.realtime.records import Kind
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.orders import order
from engine.session.passing import LOOKAHEAD_SECONDS
from engine.session.players import CueOwner
from engine.session.run import Run
from engine.session.sections import Sections
from engine.session.transport import Transport
from engine.story.messages import Outgoing, released, score
from engine.story.model import Cue, FireCues, Manner, PlayClip, PlaySection, SendMessages, SpeakLine

TOLD_SECONDS = 0.25
"""What was due so long ago has been sent, or it was told why not: it is not kept for a successor any more."""

NOTHING = FireCues(cues=())
"""What a cue that is not armed does."""

Next = Callable[[Run, int], None]
"""Fires what follows a run, at a frame."""
KeptRuns = tuple[tuple[Run, ...], tuple[MessageDue, ...], int]
"""What is kept of them for a session that goes on after this one."""
FindCue = Callable[[str, str], Cue]
"""Returns the cue of a list."""


class Runs:
    """All that was fired and is not over, oldest first."""

    def __init__(self, context: Context, transport: Transport, sections: Sections, find: FindCue, follow: Next) -> None:
        self._context, self._find, self._follow = context, find, follow
        self._transport, self._sections = transport, sections
        self._runs: list[Run] = []
        self._events: list[Event] = []
        self._due: list[MessageDue] = []
        """What was to be sent of late: whether it was, only the sender knows."""
        self._number = 0

    def __bool__(self) -> bool:
        return bool(self._runs)

    @property
    def kept(self) -> KeptRuns:
        """All of them, oldest first, what they had sent of late, and how much in all."""
        if self._due:
            since = self._context.soon() - self._context.frames(TOLD_SECONDS)
            self._due = [due for due in self._due if due.frame >= since]
        return tuple(self._runs), tuple(self._due), self._number

    def recall(self, kept: KeptRuns) -> None:
        """Go on with the runs of a session that is gone; what it had sent of late is told again."""
        runs, due, self._number = kept
        self._runs, self._due = list(runs), list(due)
        self._events.extend(due)

    @property
    def untold(self) -> bool:
        """Whether ``events`` has some."""
        return bool(self._events)

    def events(self) -> tuple[Event, ...]:
        """Return what has happened since the last call."""
        told, self._events = tuple(self._events), []
        return told

    def of(self, cuelist: str, cue: str) -> list[Run]:
        """Return the runs of a cue, oldest first."""
        return [r for r in self._runs if r.cuelist == cuelist and r.cue.id == cue]

    def fire(self, cuelist: str, cue: Cue, at_frame: int | None, manner: Manner | None = None) -> Run:
        """Fire a cue at a frame (None: at once). Raises what its start raises if that is near; then it is not fired.

        One that is not armed does nothing, but has its waits and what follows it.
        """
        if not cue.armed:
            cue = replace(cue, target=NOTHING)
        plain = cue.pre_wait_frames == 0 and cue.follow == "none" and not isinstance(cue.target, FireCues)
        fired = self._context.soon() if at_frame is None else at_frame
        run = Run(
            cuelist=cuelist,
            cue=cue,
            start_frame=fired + cue.pre_wait_frames,
            exact=at_frame is not None or not plain,
            manner=manner,
        )
        if run.start_frame <= max(fired, self._horizon()):
            self._start(run)
            self._runs.append(run)
        else:
            run.sounding_frames = self._expected_frames(run)
            self._runs.append(run)
            self._tell(run, "waiting")
        return run

    def fire_later(self, cuelist: str, cue: Cue, frame: int) -> None:
        """Fire a cue that follows another; what stands against it is told as an event."""
        try:
            self.fire(cuelist, cue, frame)
        except EngineError as error:
            self._events.append(Dropped(what=f"cue {cue.id}", code=error.code, text=str(error)))

    def note(self, events: tuple[Event, ...]) -> None:
        """Tell ``events`` with those of the runs."""
        self._events.extend(events)

    def advance(self) -> bool:
        """Start and follow up what is due before the horizon; end what has no player that would report it.

        Return whether there was anything to do.
        """
        if not self._runs:
            return False
        until, acted = self._horizon(), False
        while any([self._advance(run, until) for run in tuple(self._runs)]):  # noqa: C419  each may bring others
            acted = True
        return acted

    def stop(self, run: Run, fade_seconds: float, at_frame: int | None) -> None:
        """End a run: its waits at once, its sound with a fade."""
        for member in run.members:
            self.stop(member, fade_seconds, at_frame)
        run.follow_frame, run.making = None, False
        if run.player is not None and run.state == "playing":
            self._context.stop([run.player], fade_seconds, at_frame)
            return
        if isinstance(run.cue.target, PlaySection) and run.state == "playing":
            self._stop_section(run, at_frame)
        self._let_go(run, at_frame)
        self._end(run)

    def pause(self, run: Run, at_frame: int) -> None:
        """Hold a run: its waits and its sound."""
        if run.paused_frame is not None:
            return
        for member in run.members:
            self.pause(member, at_frame)
        run.paused_frame = at_frame
        if run.state == "playing" and run.player is not None:
            ahead = run.start_frame > at_frame  # the mixer has it already
            kind = Kind.STOP_PLAYER if ahead else Kind.PAUSE_PLAYER
            self._context.push(order(kind, at_frame, player=run.player, ramp_frames=self._declick))
            if ahead:
                self._context.players.ended(run.player)
                run.player, run.follow_frame, run.state, run.exact = None, None, "waiting", True
        elif run.state == "playing" and isinstance(run.cue.target, PlaySection):
            self._sections.pause(owner_of(run), at_frame)
        run.faded = self._was_held(run, at_frame) or self._follows_faded(run)
        self._tell(run, "paused")

    def resume(self, run: Run, at_frame: int) -> None:
        """Let a run go on where it was held."""
        if run.paused_frame is None:
            return
        for member in run.members:
            self.resume(member, at_frame)
        waited = at_frame - run.paused_frame
        held = max(0, waited - self._declick) if run.faded else waited
        run.paused_frame = None
        run.start_frame += held
        if run.follow_frame is not None:
            run.follow_frame += held if run.cue.follow == "end" else waited
        if run.state == "playing" and run.player is not None:
            self._context.push(order(Kind.RESUME_PLAYER, at_frame, player=run.player, ramp_frames=self._declick))
        elif run.state == "playing" and isinstance(run.cue.target, PlaySection):
            self._sections.resume(owner_of(run), at_frame)
        self._tell(run, "waiting" if run.state == "waiting" else "playing")

    @property
    def run_on(self) -> bool:
        """Whether any of them is not held."""
        return any(run.paused_frame is None for run in self._runs)

    def pause_all(self, at_frame: int) -> None:
        """Hold every run."""
        for run in tuple(self._runs):
            self.pause(run, at_frame)

    def resume_all(self, at_frame: int) -> None:
        """Let every run go on."""
        for run in tuple(self._runs):
            self.resume(run, at_frame)

    def started(self, player: int, actual_frame: int) -> None:
        """Note where a player really began; what follows one that was late keeps its distance."""
        for run in self._runs:
            late = actual_frame - run.start_frame
            if run.player == player and (late > 0 or not run.exact):
                run.start_frame = actual_frame
                if run.follow_frame is not None:
                    run.follow_frame += late

    def ended(self, player: int) -> None:
        """Note that a player ended. What follows a natural end is planned already."""
        for run in tuple(self._runs):
            if run.player == player:
                run.player = None
                self._over(run)

    def timeline_stopped(self, engine_frame: int) -> None:
        """Note that the timeline was stopped: a section that ran is over."""
        for run in tuple(self._runs):
            section = isinstance(run.cue.target, PlaySection) and run.state == "playing" and run.paused_frame is None
            if section and engine_frame > run.start_frame:
                if run.end_frame is None or engine_frame < run.end_frame:
                    run.follow_frame = None
                self._end(run)

    def superseded(self, owner: CueOwner, engine_frame: int) -> None:
        """Note that the timeline plays another section than this cue's from a frame on."""
        for run in self.of(owner.cuelist, owner.cue):
            if isinstance(run.cue.target, PlaySection) and run.state == "playing" and run.start_frame < engine_frame:
                run.follow_frame = None
                self._end(run)

    def forget(self) -> None:
        """Drop every wait and every follow-up; what sounds ends by itself."""
        self._due.clear()
        for run in tuple(self._runs):
            run.follow_frame, run.making = None, False
            if run.player is None:
                self._let_go(run, None)
                self._end(run)

    @property
    def _declick(self) -> int:
        return self._context.frames(DECLICK_SECONDS)

    def _was_held(self, run: Run, frame: int) -> bool:
        """Whether a player was silenced in the middle at ``frame``; its fade-out was heard of its sound."""
        sounds = run.state == "playing" and run.player is not None
        return sounds and (run.end_frame is None or run.end_frame > frame + self._declick)

    def _follows_faded(self, run: Run) -> bool:
        """Whether a run waits for the end of one that is held in the middle: it was handed over before that."""
        before = run.after
        if run.state != "waiting" or before is None or before.paused_frame is None:
            return False
        return before.faded and (before.cue.follow == "end" or before.state == "waiting")

    def _horizon(self) -> int:
        return self._context.soon() + self._context.frames(LOOKAHEAD_SECONDS)

    def _advance(self, run: Run, until: int) -> bool:
        """Do one thing that is due; False: nothing was."""
        if run.paused_frame is not None:
            return False
        if run.state == "waiting" and run.start_frame <= until:
            try:
                self._start(run)
            except EngineError as error:
                self._events.append(Dropped(what=f"cue {run.cue.id}", code=error.code, text=str(error)))
                self._end(run)
            return True
        if run.state == "playing" and isinstance(run.cue.target, SendMessages):
            self._send(run, run.cue.target, until)
        if run.follow_frame is not None and run.follow_frame <= until:
            frame, run.follow_frame, run.followed = run.follow_frame, None, True
            known = len(self._runs)
            self._follow(run, frame)
            for fired in self._runs[known:]:
                fired.after = run
            if run.state != "waiting":
                run.after = None
            if run.state == "over":
                self._runs.remove(run)
            return True
        return self._ends_by_itself(run)

    def _ends_by_itself(self, run: Run) -> bool:
        """End a section or a group whose time is over."""
        if run.state != "playing" or run.player is not None:
            return False
        if run.members:
            over = all(member not in self._runs or member.state == "over" for member in run.members)
        else:
            over = run.end_frame is not None and run.end_frame <= self._context.soon()
        if over:
            self._over(run)
        return over

    def _start(self, run: Run) -> None:
        at_frame = run.start_frame if run.exact else None
        match run.cue.target:
            case FireCues(cues=members):
                run.members = tuple(self._members(run, members))
                ends = [m.end_frame for m in run.members]
                known = [end for end in ends if end is not None]
                run.sounding_frames = max(known, default=run.start_frame) - run.start_frame
                if len(known) < len(ends):
                    run.sounding_frames, run.making = None, True
                if run.cue.armed:
                    self._events.append(self._started(run))
            case PlaySection() as section:
                self._sections.play(section, owner_of(run), at_frame)
                start, end = self._transport.section_frames(section)
                run.sounding_frames = end - start
                self._events.append(self._started(run))
            case SendMessages(messages=messages) as sends:
                run.sounding_frames = score(messages)[-1].frame
                self._events.append(self._started(run))
                self._send(run, sends, self._horizon())
            case PlayClip() | SpeakLine() as target:
                self._play(run, target, at_frame)
        run.state = "playing"
        self._plan_follow(run)

    def _play(self, run: Run, target: PlayClip | SpeakLine, at_frame: int | None) -> None:
        sound, soon = self._context.cue_sound(run.cue, target, run.manner), self._context.soon()
        run.player = self._context.play(owner_of(run), sound, at_frame, run.cue.gain_db)
        run.sounding_frames, run.making = sound.sounding_frames, sound.loaded.making
        if run.exact and run.start_frame < soon:  # the mixer tells how late it is; what follows keeps its distance
            run.start_frame, run.exact = soon, False

    def _expected_frames(self, run: Run) -> int | None:
        """Return how long a run that waits will sound; None: nobody knows yet, or for ever."""
        target = run.cue.target
        try:
            if isinstance(target, (PlayClip, SpeakLine)):
                return self._context.sound(target, run.manner).sounding_frames
        except EngineError:  # its take may come in time; its start will tell
            return None
        return None

    def _send(self, run: Run, sends: SendMessages, until: int) -> None:
        """Give out the messages that are due before the horizon."""
        for frame, message in score(sends.messages)[run.sent :]:
            if run.start_frame + frame > until:
                return
            self._give(run, run.start_frame + frame, message)
            run.sent += 1

    def _let_go(self, run: Run, at_frame: int | None) -> None:
        """Release the notes that a cue which ends early would have released later."""
        if isinstance(run.cue.target, SendMessages) and run.sent:
            frame = self._context.soon() if at_frame is None else at_frame
            for note in released(score(run.cue.target.messages)[: run.sent]):
                self._give(run, frame, note)

    def _give(self, run: Run, frame: int, message: Outgoing) -> None:
        self._number += 1
        due = MessageDue(cue=run.cue.id, cuelist=run.cuelist, frame=frame, message=message, number=self._number)
        self._due.append(due)
        self._events.append(due)

    def _stop_section(self, run: Run, at_frame: int | None) -> None:
        """Stop the timeline, unless it plays a section of somebody else by now."""
        owner = owner_of(run)
        if self._sections.state(owner) is not None:
            self._sections.stop(owner, at_frame)
        elif self._sections.owner is None and run.paused_frame is None:
            self._transport.stop(at_frame)

    def _members(self, run: Run, members: tuple[str, ...]) -> Iterator[Run]:
        for member in members:
            try:
                cue = self._find(run.cuelist, member)
                yield self.fire(run.cuelist, cue, run.start_frame)
            except EngineError as error:
                self._events.append(Dropped(what=f"cue {member}", code=error.code, text=str(error)))

    def _plan_follow(self, run: Run) -> None:
        if run.followed:  # it was held after it had been handed over, and starts a second time
            return
        if run.cue.follow == "continue":
            run.follow_frame = run.start_frame + run.cue.post_wait_frames
        elif run.cue.follow == "end" and run.end_frame is not None:
            run.follow_frame = run.end_frame + run.cue.post_wait_frames

    def _started(self, run: Run) -> CueStarted:
        frame = run.start_frame
        return CueStarted(cue=run.cue.id, cuelist=run.cuelist, requested_frame=frame, actual_frame=frame)

    def _over(self, run: Run) -> None:
        """Its sound is over; a run that has something to follow stays until that is fired."""
        if run.making and run.cue.follow == "end" and not run.followed and run.follow_frame is None:
            run.follow_frame = self._context.soon() + run.cue.post_wait_frames
        if run.follow_frame is None:
            self._end(run)
        elif run.state != "over":
            run.state = "over"
            self._tell_end(run)

    def _end(self, run: Run) -> None:
        if run in self._runs:
            self._runs.remove(run)
            if run.state != "over":
                self._tell_end(run)
        run.state = "over"

    def _tell_end(self, run: Run) -> None:
        """A player's end is told where it is reported."""
        target = run.cue.target
        if isinstance(target, (FireCues, PlaySection, SendMessages)) or run.state == "waiting":
            self._events.append(CueEnded(cue=run.cue.id, cuelist=run.cuelist))

    def _tell(self, run: Run, state: Literal["waiting", "playing", "paused"]) -> None:
        self._events.append(CueChanged(cue=run.cue.id, cuelist=run.cuelist, state=state))


def owner_of(run: Run) -> CueOwner:
    """Return who asks for what a run plays."""
    return CueOwner(cue=run.cue.id, cuelist=run.cuelist)
