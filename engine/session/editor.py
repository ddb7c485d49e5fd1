"""The editor: edits of the story as steps that can be taken back, by several clients who may work at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.commands import AddTrack, EditStory, StoryEdit
from engine.edits import AddAudio, AddCapture, ChangeStory, ClipEdit, Redo, Undo
from engine.errors import UnknownThing
from engine.events import (
    AutomationChanged,
    ClipChanged,
    ClipEdited,
    ClipsChanged,
    CueEdited,
    Event,
    InsertsChanged,
    MixChanged,
    SlotEdited,
    SnapshotsChanged,
    StoryEdited,
)
from engine.mixer.effects import effect_specs
from engine.mixer.regraph import regraph
from engine.realtime.notes import Notes
from engine.realtime.status import check_strips
from engine.session.captures import NoCaptures
from engine.session.context import Context
from engine.session.desk import levels, turns
from engine.session.index import clip_source
from engine.session.keeper import Keeper
from engine.session.library import Source
from engine.session.takes_known import TakesKnown
from engine.session.voices import Voices
from engine.story.change import changed_clips, story_digest, touched
from engine.story.edit import apply_edit
from engine.story.edit_clips import edit_clips
from engine.story.equip import insert_specs
from engine.story.history import History, News, Step, do_again, take_back
from engine.story.layout import Layout
from engine.story.model import Story
from engine.story.properties import renumbered_cues
from engine.story.steps import Historic, describe, turned

MOST_TOLD = 200
"""If more clips than this are other ones, all is told anew instead of each."""

TURN_SECONDS = 1.0
"""Who turns a knob on before so long makes no other step."""

_VERSION_NOTE = "edit/version"


class _Turning(NamedTuple):
    """A knob that was turned: which, by whom, when in engine frames, and the story's version then."""

    knob: tuple[object, ...]
    client: str
    frame: int
    version: int


class Editor:
    """Makes steps, takes them back, does them again. An error leaves everything as it was.

    arena: where takes lie. history: what was done before this session began; None: nothing.
    """

    def __init__(
        self,
        context: Context,
        voices: Voices,
        notes: Notes,
        arena: NDArray[np.float32] | None = None,
        history: History | None = None,
    ) -> None:
        self._context, self._voices, self._notes = context, voices, notes
        self.check_idle: Callable[[str, str], object] = lambda *_: None
        """Raises where a cue of a list waits or plays, and so can't get another number."""
        self.clip_of: Callable[[AddCapture], AddAudio] = NoCaptures().clip_of
        """Returns the edit that puts a capture on a track."""
        self.known = TakesKnown(context.library, arena)
        self._layout = Layout(self.known)
        self._digest: tuple[Story | None, str] = (None, "")
        self._turning: _Turning | None = None
        self.history = history or History()
        self.history.reach(int(notes.get(_VERSION_NOTE) or b"0"))

    def apply(self, command: EditStory | ClipEdit | AddCapture | Undo | Redo, keeper: Keeper) -> tuple[Event, ...]:
        """Carry out one command."""
        match command:
            case Undo(client=client, version=version):
                step = self.history.last()
                self.history.check(version, touched(step.change, step.undo))
                story = self._renumbered(take_back(self._context.story, step))
                change = _signed(step.undo, f"undo {step.name}", client, "undo")
                events = self._adopt(story, change, step.change, keeper)
                return (*events, self._told(self.history.undid(client)))
            case Redo(client=client, version=version):
                step = self.history.next()
                self.history.check(version, touched(step.change, step.undo))
                story = self._renumbered(do_again(self._context.story, step))
                change = _signed(step.change, f"redo {step.name}", client, "redo")
                events = self._adopt(story, change, step.undo, keeper)
                return (*events, self._told(self.history.redid(client)))
            case EditStory():
                return self._edit(command, keeper)
            case _:
                return self._edit(EditStory(edits=(command,)), keeper)

    def note(self, command: Historic, before: Story, client: str = "") -> tuple[Event, ...]:
        """Take an edit that was made elsewhere into the history; a knob that is turned on and on makes one step."""
        story, name = self._context.story, describe(command)
        began = self._began(command, before, client)
        if began is not None and (step := self.history.step(began, story, name, client)) is not None:
            return (self._told(self.history.go_on(step)),)
        step = self.history.step(before, story, name, client)
        return () if step is None else (self._told(self.history.take(step)),)

    def _began(self, command: Historic, before: Story, client: str) -> Story | None:
        """Return the story from before a knob was turned that is turned on now; None: it is not, or is none."""
        knob, last = turned(command), self._turning
        if knob is None:
            return None
        now = _Turning(knob, client, self._context.soon(), self.history.version + 1)
        self._turning = now
        goes_on = last is not None and last[:2] == now[:2] and last.version == self.history.version
        if last is None or not goes_on or now.frame - last.frame >= self._context.frames(TURN_SECONDS):
            return None
        return take_back(before, self.history.last())

    def since(self, version: int) -> tuple[StoryEdited, ...]:
        """Return what has changed behind a version. Raises Conflict where that is not known."""
        return tuple(_edited(news) for news in self.history.since(version))

    def digest(self) -> str:
        """Return a digest of all that can be edited: of two that are alike nothing differs but live levels."""
        story = self._context.story
        if self._digest[0] is not story:
            self._digest = story, story_digest(story)
        return self._digest[1]

    def follow(self) -> None:
        """Look at the story as it is now, so that the next edit need not."""
        self._layout.follow(self._context.story)

    def heard(self, source: Source) -> None:
        """Hear that something about a source is otherwise than before."""
        names = [clip.id for clip in self._context.index.made_of(source)]
        self.known.forget(names)
        self._layout.measure(names)

    def forget(self) -> None:
        """Begin anew with another story."""
        self.history.forget()
        self.known.forget(None)
        self._layout = Layout(self.known)
        self._keep_version()

    def _renumbered(self, story: Story) -> Story:
        """Return a story that is to be played, if no cue is under way that has another number in it."""
        for cuelist, cue, _ in renumbered_cues(self._context.story, story):
            self.check_idle(cue, cuelist)
        return story

    def _edit(self, command: EditStory, keeper: Keeper) -> tuple[Event, ...]:
        before = self._context.story
        story = self._renumbered(self._edited(before, command.edits))
        name = command.name or ", ".join(describe(edit) for edit in command.edits[:3])
        step = self.history.step(before, story, name, command.client)
        if step is None:
            return ()
        self.history.check(command.version, touched(step.change, step.undo))
        events = self._adopt(story, _signed(step.change, name, command.client), step.undo, keeper)
        return (*events, self._told(self.history.take(step)))

    def _edited(self, story: Story, edits: tuple[StoryEdit, ...]) -> Story:
        """Return the story with all edits in it. Raises what the first one raises that can't be made."""
        for each in edits:
            edit = self.clip_of(each) if isinstance(each, AddCapture) else each
            if isinstance(edit, AddTrack) and edit.voice is not None:
                self._voices.state(edit.voice)
            if isinstance(edit, ClipEdit):
                story = edit_clips(story, edit, self.known, self._layout)
            else:
                story = apply_edit(story, edit, insert_specs(story, effect_specs()))
        return story

    def _adopt(self, story: Story, change: ChangeStory, undo: ChangeStory, keeper: Keeper) -> tuple[Event, ...]:
        """Play the story from now on: what its change asks of mixer, library and listeners."""
        context, before = self._context, self._context.story
        self._check_voices(change)
        mixed = _changes_mix(change)
        knobs = levels(before, context.graph) if mixed else {}
        graph = regraph(context.graph, before, story) if mixed else context.graph
        check_strips(len(graph.strips))
        keeper.append(msgspec.structs.replace(change, version=self.history.version + 1))
        context.adopt(story, graph)
        context.turn(turns(context, knobs))
        clips = changed_clips(change, undo)
        self._ask(clips, undo)
        return tuple(self._events(before, change, undo, clips))

    def _check_voices(self, change: ChangeStory) -> None:
        known = self._voices.ids
        clips = (clip for track in change.tracks for splice in track.splices for clip in splice.clips)
        for clip in clips if known is not None else ():
            if clip.line is not None and clip.line.voice not in (known or ()):
                raise UnknownThing("voice", clip.line.voice, known or ())

    def _ask(self, clips: tuple[str, ...], undo: ChangeStory) -> None:
        """Have made what the story has now, and let go of what it no longer has."""
        library, index = self._context.library, self._context.index
        for name in clips:
            if name in index.clips:
                library.ask(clip_source(index.clips[name][1]), urgent=False).pinned = True
        for splice in (splice for track in undo.tracks for splice in track.splices):
            for clip in splice.clips:
                source = clip_source(clip)
                if not index.made_of(source):
                    library.unpin(source)

    def _events(self, before: Story, change: ChangeStory, undo: ChangeStory, clips: tuple[str, ...]) -> Iterator[Event]:
        context = self._context
        if _changes_mix(change):
            yield MixChanged(what=change.name)
            for channel in (*change.tracks, *change.buses):
                if "strip.inserts" in channel.fields:
                    yield InsertsChanged(strip=channel.id)
        elif len(clips) > MOST_TOLD:
            yield MixChanged(what=change.name)
        for channel in (*change.tracks, *change.buses):
            if "strip.automation" in channel.fields:
                yield AutomationChanged(strip=channel.id)
        gone = {c.id for t in undo.tracks for s in t.splices for c in s.clips}
        new = {c.id for t in change.tracks for s in t.splices for c in s.clips}
        if gone != new:
            yield ClipsChanged()
        for clip in (c for c in clips if c in new) if len(clips) <= MOST_TOLD else ():
            yield ClipEdited(clip=clip)
            shelf = context.library.shelf(clip_source(context.index.clips[clip][1]))
            yield ClipChanged(clip=clip, state=shelf.state)
        if "snapshots" in change.fields:
            yield SnapshotsChanged()
        yield from _cue_events(before, context.story)

    def _told(self, news: News) -> StoryEdited:
        self._keep_version()
        return _edited(news)

    def _keep_version(self) -> None:
        self._notes.set(_VERSION_NOTE, str(self.history.version).encode())


def _signed(change: ChangeStory, name: str, client: str, way: Literal["", "undo", "redo"] = "") -> ChangeStory:
    """Return a change as the journal has it, but for its version."""
    return msgspec.structs.replace(change, name=name, client=client, way=way)


def _edited(news: News) -> StoryEdited:
    what = tuple(sorted(news.touched))
    shown = (*what[:MOST_TOLD], "more") if len(what) > MOST_TOLD else what
    return StoryEdited(version=news.version, name=news.name, client=news.client, what=shown)


def _cue_events(before: Story, after: Story) -> Iterator[Event]:
    if before.cues is not after.cues or before.cuelists is not after.cuelists:
        lists = before.cue_lists()
        for cuelist, cues in after.cue_lists().items():
            known = set(map(id, lists.get(cuelist, ())))
            yield from (CueEdited(cue=cue.id, cuelist=cuelist) for cue in cues if id(cue) not in known)
    if before.slots is not after.slots:
        same = set(map(id, before.slots))
        yield from (SlotEdited(bank=slot.bank, index=slot.index) for slot in after.slots if id(slot) not in same)


def _changes_mix(change: ChangeStory) -> bool:
    channels = (*change.tracks, *change.buses, *((change.master,) if change.master else ()))
    strips = any(channel.new or any(key.startswith("strip.") for key in channel.fields) for channel in channels)
    return strips or change.order is not None or change.bus_order is not None


def steps_of(steps: tuple[Step, ...]) -> tuple[tuple[int, str, str], ...]:
    """Return version, name and client of steps."""
    return tuple((step.version, step.name, step.client) for step in steps)
