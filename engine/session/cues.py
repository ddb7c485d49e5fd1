"""The cue lists: GO, standby, back, stop, pause, and which cue is next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from engine.errors import BadRange, Busy, NotReady, UnknownThing
from engine.events import CueChanged, CueEnded, CueRenumbered, CueStarted, Event, PlayheadMoved, SlotState
from engine.session.context import Context
from engine.session.index import clip_source
from engine.session.inputs import Reached
from engine.session.library import Source
from engine.session.manner import begun_at
from engine.session.passing import LOOKAHEAD_SECONDS, Looked, Passing
from engine.session.players import CueOwner
from engine.session.prompts import Prompts
from engine.session.run import Run
from engine.session.runs import KeptRuns, Runs
from engine.session.sections import Sections
from engine.session.transport import Transport
from engine.story.messages import score
from engine.story.model import Cue, CueTarget, FireCues, Manner, PlayClip, PlaySection, SendMessages, SpeakLine
from engine.units import frames_to_seconds

SECTION_CLIPS = 32
"""So many clips of a section are made before anything else when its cue is to be loaded."""

Kept = tuple[KeptRuns, Looked | None]
"""What a session keeps of its cues for one that goes on after it."""


class Cues:
    """Fires the story's cues; each list has a playhead: the cue that stands by, which GO fires."""

    def __init__(self, context: Context, transport: Transport, sections: Sections, prompts: Prompts) -> None:
        self._context, self._sections, self._prompts = context, sections, prompts
        self._runs = Runs(context, transport, sections, lambda cuelist, cue: self.cue(cue, cuelist), self._go_on)
        self._passing = Passing(context, transport)
        self._playheads: dict[str, str | None] = {}
        self._gone: dict[str, int] = {}
        self.rewind()

    @property
    def next_cue(self) -> str | None:
        """The cue of the first list that GO fires next."""
        return self.playhead(None)

    def playhead(self, cuelist: str | None) -> str | None:
        """Return the cue of a list (None: the first one) that stands by; None at its end."""
        return self._playheads[self._list(cuelist)]

    def following(self, cuelist: str | None) -> str | None:
        """Return the cue that would stand by after the next GO."""
        cue = self.playhead(cuelist)
        return None if cue is None else self._after(self._list(cuelist), cue)

    def go(
        self,
        cue_id: str | None,
        at_frame: int | None,
        from_word: str | None = None,
        cuelist: str | None = None,
        from_frame: int | None = None,
    ) -> tuple[Event, ...]:
        """Fire one cue, or the one that stands by, from its start, a word or a frame on; the playhead moves behind it.

        Raises BadRange where it has no such place.
        """
        cuelist = self._list(cuelist)
        frame = self._context.soon() if at_frame is None else at_frame
        if cue_id is None:
            self._refuse_bounce(cuelist, frame)
        wanted = cue_id if cue_id is not None else self._playheads[cuelist]
        if wanted is None:
            raise NotReady("the cue list is at its end; fire a cue by its id, or have one stand by")
        cue = self.cue(wanted, cuelist)
        self._runs.fire(cuelist, cue, at_frame, _begun_at(cue, from_word, from_frame))
        if cue_id is None:
            self._gone[cuelist] = frame
        moved = self._move_playhead(cuelist, self._after(cuelist, cue.id))
        self._runs.advance()
        return (*moved, *self._runs.events())

    def standby(self, cue_id: str, cuelist: str | None) -> tuple[Event, ...]:
        """Have a cue stand by, without firing it."""
        cuelist = self._list(cuelist)
        return self._move_playhead(cuelist, self.cue(cue_id, cuelist).id)

    def back(self, cuelist: str | None) -> tuple[Event, ...]:
        """Have the cue before the one that stands by do so. NotReady at the list's beginning."""
        cuelist = self._list(cuelist)
        order = self._order(cuelist)
        playhead = self._playheads[cuelist]
        at = order.index(playhead) if playhead in order else len(order)
        if at == 0:
            raise NotReady("the cue list is at its beginning")
        return self._move_playhead(cuelist, order[at - 1])

    def stop(
        self, cue_id: str, fade_seconds: float, at_frame: int | None, cuelist: str | None = None
    ) -> tuple[Event, ...]:
        """Fade out what a cue plays, and forget its waits; a section stops the timeline."""
        for run in self._of(cue_id, cuelist):
            self._runs.stop(run, fade_seconds, at_frame)
        return self._runs.events()

    def stop_list(self, cuelist: str, fade_seconds: float, at_frame: int | None) -> tuple[Event, ...]:
        """Fade out what the cues of a list play, and forget their waits."""
        name = self._list(cuelist)
        with self._context.together():
            for cue in self._context.story.cue_lists()[name]:
                for run in self._of(cue.id, name):
                    self._runs.stop(run, fade_seconds, at_frame)
        return self._runs.events()

    def load(self, cue_id: str, cuelist: str | None) -> tuple[Event, ...]:
        """Have what a cue plays, or those that it fires, in memory before anything else."""
        for member in self._fired(self.cue(cue_id, cuelist), self._list(cuelist)):
            for source in self._loads(member.target):
                self._context.library.hasten(source)
        return (CueChanged(cue=cue_id, cuelist=self._list(cuelist), state=self.state(cue_id, cuelist)),)

    def check_idle(self, cue_id: str, cuelist: str | None) -> None:
        """Raise Busy where a cue waits or plays."""
        if self._of(cue_id, cuelist):
            raise Busy(f"cue {cue_id} waits or plays; stop it first")

    def renumbered(self, cues: Iterable[tuple[str, str, str]]) -> tuple[Event, ...]:
        """Note that cues have other numbers: list, before, now."""
        events: list[Event] = []
        playheads = dict(self._playheads)
        for name, before, number in cues:
            events.append(CueRenumbered(cue=before, number=number, cuelist=name))
            if playheads[name] == before:
                self._playheads[name] = number
                events.append(PlayheadMoved(next_cue=number, cuelist=name))
        return tuple(events)

    def pause(self, cue_id: str, cuelist: str | None, at_frame: int | None) -> tuple[Event, ...]:
        """Hold a cue, its waits included. NotReady when there is nothing to hold."""
        runs = self._of(cue_id, cuelist)
        if not runs:
            raise NotReady(f"cue {cue_id} neither waits nor plays")
        for run in runs:
            self._runs.pause(run, self._context.soon() if at_frame is None else at_frame)
        return self._runs.events()

    def resume(self, cue_id: str, cuelist: str | None, at_frame: int | None) -> tuple[Event, ...]:
        """Let a cue go on. NotReady when it is not held."""
        runs = [run for run in self._of(cue_id, cuelist) if run.paused_frame is not None]
        if not runs:
            raise NotReady(f"cue {cue_id} is not paused")
        for run in runs:
            self._runs.resume(run, self._context.soon() if at_frame is None else at_frame)
        self._runs.advance()
        return self._runs.events()

    @property
    def run_on(self) -> bool:
        """Whether anything was fired, is not over, and is not held."""
        return self._runs.run_on

    def pause_all(self, at_frame: int) -> tuple[Event, ...]:
        """Hold every cue."""
        self._runs.pause_all(at_frame)
        return self._runs.events()

    def resume_all(self, at_frame: int) -> tuple[Event, ...]:
        """Let every cue go on."""
        self._runs.resume_all(at_frame)
        self._runs.advance()
        return self._runs.events()

    def forget(self) -> tuple[Event, ...]:
        """Drop every wait and every follow-up."""
        self._runs.forget()
        return self._runs.events()

    def advance(self) -> tuple[Event, ...] | None:
        """Do what is due; None: nothing was."""
        if not self._runs and not self._passing and not self._runs.untold:
            return None
        horizon = self._context.soon() + self._context.frames(LOOKAHEAD_SECONDS)
        passed = self._passing.until(horizon)
        for frame, cuelist, cue in passed:
            self._runs.fire_later(cuelist, cue, frame)
        acted = self._runs.advance()
        events = self._runs.events()
        return events if acted or passed or events else None

    def cue(self, cue_id: str, cuelist: str | None = None) -> Cue:
        """Return the cue; UnknownThing names those that exist."""
        cues = {c.id: c for c in self._context.story.cue_lists()[self._list(cuelist)]}
        if cue_id not in cues:
            raise UnknownThing("cue", cue_id, cues)
        return cues[cue_id]

    def state(self, cue_id: str, cuelist: str | None = None) -> SlotState:
        """Return how far a cue is: a group as far as that of its cues which is not ready."""
        cue, runs = self.cue(cue_id, cuelist), [r for r in self._of(cue_id, cuelist) if r.state != "over"]
        if any(run.paused_frame is not None for run in runs):
            return "paused"
        if any(run.state == "playing" for run in runs):
            return "playing"
        if runs:
            return "waiting"
        states = (self._readiness(fired.target) for fired in self._fired(cue, self._list(cuelist)))
        return next((state for state in states if state != "ready"), "ready")

    def with_sections(self) -> Iterator[tuple[str, str]]:
        """Iterate over the cues that play a section, or fire one that does: list and number."""
        for cuelist, cues in self._context.story.cue_lists().items():
            if not any(isinstance(cue.target, PlaySection) for cue in cues):
                continue
            for cue in cues:
                if any(isinstance(fired.target, PlaySection) for fired in self._fired(cue, cuelist)):
                    yield cuelist, cue.id

    def times(self, cue_id: str, cuelist: str | None) -> tuple[int, int, int]:
        """Return how long a cue has sounded, how long it still will, and how long in all, in frames.

        A cue that waits has sounded for less than nothing. The last two are -1 second where it sounds for ever, or
        nobody knows yet.
        """
        runs = self._of(cue_id, cuelist)
        unknown = -self._context.story.sample_rate
        if not runs:
            duration = self._duration(self.cue(cue_id, cuelist))
            return 0, 0, unknown if duration is None else duration
        run = runs[-1]
        now = self._context.soon() if run.paused_frame is None else run.paused_frame
        elapsed = now - run.start_frame
        if run.sounding_frames is None:
            return elapsed, unknown, unknown
        elapsed = min(elapsed, run.sounding_frames)
        return elapsed, run.sounding_frames - max(0, elapsed), run.sounding_frames

    def started(self, owner: CueOwner, player: int, requested_frame: int, actual_frame: int) -> tuple[Event, ...]:
        """Note that a cue's player sounds."""
        self._runs.started(player, actual_frame)
        cue, cuelist = owner.cue, owner.cuelist
        return (CueStarted(cue=cue, cuelist=cuelist, requested_frame=requested_frame, actual_frame=actual_frame),)

    def ended(self, player: int) -> tuple[Event, ...]:
        """Note that a player ended, whosever it was."""
        self._runs.ended(player)
        return self._runs.events()

    def last_ended(self, owner: CueOwner) -> tuple[Event, ...]:
        """Tell that a cue's last player ended."""
        return (CueEnded(cue=owner.cue, cuelist=owner.cuelist),)

    def timeline_stopped(self, engine_frame: int) -> tuple[Event, ...]:
        """Note that the timeline was stopped."""
        self._runs.timeline_stopped(engine_frame)
        return self._runs.events()

    def superseded(self, owner: CueOwner, engine_frame: int) -> tuple[Event, ...]:
        """Note that the timeline plays another section than this cue's from a frame on."""
        if any(cue.id == owner.cue for cue in self._cues(owner.cuelist)):
            self._runs.superseded(owner, engine_frame)
        return self._runs.events()

    @property
    def playheads(self) -> dict[str, str | None]:
        """The cue of each list that stands by."""
        return dict(self._playheads)

    @property
    def kept(self) -> Kept:
        """What was fired and is not over, and how far the timeline was looked at: as it is, not a copy."""
        return self._runs.kept, self._passing.kept

    def recall(self, playheads: Mapping[str, str | None], kept: Kept) -> None:
        """Go on where a session that is gone was; lists that the story no longer has are left out.

        What came due meanwhile is fired by the next ``advance``, late.
        """
        self._playheads.update({name: cue for name, cue in playheads.items() if name in self._playheads})
        runs, looked = kept
        self._runs.recall(runs)
        self._passing.recall(looked)

    @property
    def reached(self) -> Reached:
        """How far the timeline was looked at for cues, to the last detail."""
        return self._passing.reached

    def stand(self, reached: Reached) -> None:
        """Have looked as far as another session that was told the same."""
        self._passing.stand(reached)

    def coming(self) -> tuple[Cue, ...]:
        """Return what each list's GO fires next, and what comes after it: first all that stand by.

        The cues of a group stand in its place.
        """
        lists = tuple(self._context.story.cue_lists())
        named = [(c, self.playhead(c)) for c in lists] + [(c, self.following(c)) for c in lists]
        cues = ((self.cue(cue, cuelist), cuelist) for cuelist, cue in named if cue is not None)
        return tuple(fired for cue, cuelist in cues for fired in self._fired(cue, cuelist))

    def passed_by(self, first: int, last: int) -> tuple[Cue, ...]:
        """Return what the cues fire that stand on the timeline between two of its frames, as in ``coming``."""
        passed = self._passing.between(first, last)
        return tuple(fired for each in passed for fired in self._fired(each.cue, each.cuelist))

    def rewind(self) -> tuple[Event, ...]:
        """Put those playheads on their first cue whose cue is gone (another story)."""
        moved: list[Event] = []
        for cuelist in self._context.story.cue_lists():
            order = self._order(cuelist)
            if cuelist in self._playheads and self._playheads[cuelist] in order:
                continue
            self._playheads[cuelist] = order[0] if order else None
            moved.append(PlayheadMoved(next_cue=self._playheads[cuelist], cuelist=cuelist))
        return tuple(moved)

    def _loads(self, target: CueTarget) -> Iterator[Source]:
        """Iterate over what a cue needs to play; of a section, what is missing at its beginning."""
        match target:
            case PlayClip() | SpeakLine():
                yield self._context.target_source(target)
            case PlaySection():
                for placed in islice(self._sections.missing(target), SECTION_CLIPS):
                    yield clip_source(placed.clip)

    def _readiness(self, target: CueTarget) -> SlotState:
        """Return how far what a cue plays is."""
        match target:
            case PlayClip() | SpeakLine():
                return self._context.library.shelf(self._context.target_source(target)).state
            case PlaySection():
                return self._sections.readiness(target)
            case _:
                return "ready"

    def _list(self, cuelist: str | None) -> str:
        lists = self._context.story.cue_lists()
        if cuelist is not None and cuelist not in lists:
            raise UnknownThing("cue list", cuelist, lists)
        return next(iter(lists)) if cuelist is None else cuelist

    def _of(self, cue_id: str, cuelist: str | None) -> list[Run]:
        return self._runs.of(self._list(cuelist), self.cue(cue_id, cuelist).id)

    def _fired(self, cue: Cue, cuelist: str) -> tuple[Cue, ...]:
        """Return what firing a cue fires: the cues of a group, else that cue itself."""
        if not isinstance(cue.target, FireCues):
            return (cue,)
        cues = {each.id: each for each in self._context.story.cue_lists()[cuelist]}
        return tuple(cues[member] for member in cue.target.cues)

    def _order(self, cuelist: str) -> list[str]:
        """Return the cues that GO fires, in order: those of a group are the group's."""
        cues = self._context.story.cue_lists()[cuelist]
        grouped = {member for c in cues if isinstance(c.target, FireCues) for member in c.target.cues}
        return [c.id for c in cues if c.id not in grouped]

    def _after(self, cuelist: str, cue_id: str) -> str | None:
        ids = [c.id for c in self._context.story.cue_lists()[cuelist]]
        order = self._order(cuelist)
        return next((each for each in ids[ids.index(cue_id) + 1 :] if each in order), None)

    def _move_playhead(self, cuelist: str, cue_id: str | None) -> tuple[Event, ...]:
        self._playheads[cuelist] = cue_id
        moved = PlayheadMoved(next_cue=cue_id, cuelist=cuelist)
        return (moved,) if cue_id is None else (moved, *self._prompts.stand_by(self.cue(cue_id, cuelist)))

    def _refuse_bounce(self, cuelist: str, frame: int) -> None:
        """A finger that trembles must not fire the next cue too."""
        debounce = self._context.frames(self._context.story.go_debounce_seconds)
        since = frame - self._gone.get(cuelist, frame - debounce)
        if 0 <= since < debounce:
            rate = self._context.story.sample_rate
            ago, allowed = frames_to_seconds(since, rate), frames_to_seconds(debounce, rate)
            raise Busy(f"GO came {ago * 1e3:.0f} ms after the last one; go_debounce is {allowed * 1e3:.0f} ms")

    def _go_on(self, run: Run, frame: int) -> None:
        """Fire what follows a run; the playhead moves behind it."""
        known = any(cue.id == run.cue.id for cue in self._cues(run.cuelist))
        following = self._after(run.cuelist, run.cue.id) if known else None
        if following is None:
            return
        self._runs.fire_later(run.cuelist, self.cue(following, run.cuelist), frame)
        self._runs.note(self._move_playhead(run.cuelist, self._after(run.cuelist, following)))

    def _cues(self, cuelist: str) -> tuple[Cue, ...]:
        return self._context.story.cue_lists().get(cuelist, ())

    def _duration(self, cue: Cue) -> int | None:
        """Return how long a cue would sound; None: for ever, or its take is not there yet."""
        if isinstance(cue.target, SendMessages):
            return score(cue.target.messages)[-1].frame
        if not isinstance(cue.target, (PlayClip, SpeakLine)) or not self._context.is_loaded(cue.target):
            return None
        return self._context.sound(cue.target).sounding_frames


def _begun_at(cue: Cue, word: str | None, frame: int | None) -> Manner | None:
    if word is None and frame is None:
        return None
    if not isinstance(cue.target, (PlayClip, SpeakLine)):
        what = (
            "has no words: it plays no line" if word is not None else "starts at its beginning only: it plays no clip"
        )
        raise BadRange(f"cue {cue.id} {what}")
    return begun_at(cue.target.manner, word, frame)
