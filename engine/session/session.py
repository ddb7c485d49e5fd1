"""The session: the only door to live state. ``apply`` takes a command; events tell what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.commands import (
    AddBus,
    AddCueMessage,
    AddDuck,
    AddInsert,
    AddSend,
    AddTrack,
    AuditionCue,
    AuditionSlot,
    CancelJob,
    Chase,
    ClearAutomation,
    ClearScheduled,
    CloseInput,
    Command,
    EditStory,
    Export,
    GoBack,
    GoCue,
    LoadCue,
    LoadMix,
    LoadStory,
    LoadVoice,
    Locate,
    LocateMarker,
    LocateText,
    MakeTake,
    MoveInsert,
    OpenInput,
    Panic,
    PauseAll,
    PauseCue,
    Play,
    PrepareLine,
    Prompt,
    PullModel,
    Rebuild,
    RecallSnapshot,
    ReleaseSlot,
    ReloadStory,
    RemoveBus,
    RemoveCueMessage,
    RemoveDuck,
    RemoveInsert,
    RemovePoint,
    RemoveSend,
    RemoveSnapshot,
    RemoveTempo,
    RemoveTrack,
    Render,
    RenumberCue,
    ResumeAll,
    ResumeCue,
    RetryPlugin,
    SaveStory,
    Say,
    SayAgain,
    ScanPlugins,
    SelectBank,
    SetClip,
    SetCue,
    SetDuck,
    SetDuckLookAhead,
    SetInsertBypass,
    SetInsertParam,
    SetInsertState,
    SetLimiter,
    SetLoop,
    SetPoint,
    SetSendGain,
    SetSlot,
    SetSlotCold,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
    SetTempo,
    StandBy,
    StartCapture,
    StartOutput,
    StartReceiving,
    StartRecording,
    StartStream,
    Stop,
    StopAudition,
    StopCapture,
    StopCue,
    StopList,
    StopOutput,
    StopReceiving,
    StopRecording,
    StopSlot,
    StopStream,
    StoreSnapshot,
    TakeFile,
    Transcribe,
    TriggerSlot,
    TrimCapture,
    Turn,
    UnloadVoice,
    UntrimCapture,
    WarmVoice,
)
from engine.edits import AddCapture, ClipEdit, Redo, Undo
from engine.errors import BadRange, Busy, EngineError, NotReady, SaidNowhere, UnknownThing
from engine.events import (
    AutomationChanged,
    BankSelected,
    ClipChanged,
    ClipEdited,
    CueChanged,
    CueEdited,
    Dropped,
    Event,
    PanicBegun,
    SlotColdChanged,
    SlotEdited,
    TempoChanged,
)
from engine.mixer.effects import effect_specs
from engine.mixer.graph import Graph
from engine.mixer.regraph import regraph
from engine.params import FADE_SECONDS
from engine.plugins.facts import PluginFacts
from engine.plugins.states import States, graph_with, story_with
from engine.realtime.notes import Notes
from engine.realtime.records import Kind, Report
from engine.realtime.status import check_strips
from engine.session.builder import Builder, Mixes, no_mixes
from engine.session.capture import Capture
from engine.session.captures import Captures, NoCaptures
from engine.session.cold import Cold
from engine.session.context import DECLICK_SECONDS, Context, story_sources
from engine.session.cues import Cues
from engine.session.deck import Deck, NoDeck
from engine.session.desk import Desk, levels, turns
from engine.session.editor import Editor
from engine.session.failures import Failures
from engine.session.feed_lanes import FeedLanes
from engine.session.further_outputs import Devices, FurtherOutputs, NoDevices
from engine.session.index import clip_source
from engine.session.inputs import (
    Adopted,
    Advanced,
    Did,
    Equipped,
    Evicted,
    Failed,
    Heard,
    Known,
    Learnt,
    Published,
    PutOff,
    Reached,
    Shelved,
)
from engine.session.jobs import Jobs, NoWorkshop, Workshop
from engine.session.keeper import Keeper, NoKeeper
from engine.session.library import Library, Loaded, Loader, Source
from engine.session.orders import order, set_limiter
from engine.session.players import JobOwner, SlotOwner, owner_name
from engine.session.plugins import NoPlugins, Plugins
from engine.session.prefetch import Prefetch
from engine.session.prompts import Prompts, prompt_lines
from engine.session.readiness import Readiness
from engine.session.receivers import Ears, NetworkReceivers, NoEars
from engine.session.recording import Recorded, Recording
from engine.session.reports import Reports
from engine.session.sections import Sections
from engine.session.slots import Slots
from engine.session.snapshots import Snapshots
from engine.session.speech import Speech
from engine.session.stage import Stage
from engine.session.streams import Network, NetworkStreams, NoNetwork
from engine.session.transport import Transport
from engine.session.voices import EmbeddedVoices, Voices
from engine.story.edit import apply_edit
from engine.story.equip import insert_specs
from engine.story.finding import find_text
from engine.story.history import History
from engine.story.model import CueTarget, FireCues, PlayClip, SpeakLine, Story
from engine.story.properties import renumbered_cues
from engine.story.steps import Historic
from engine.story.tempo import TempoMap
from engine.story.tempo_edits import point_in_force


class Said(NamedTuple):
    """Where something is said: clip, word, timeline frame (-1: not known yet)."""

    clip: str
    word: str
    frame: int


Listener = Callable[[tuple[Event, ...]], None]


class Session:
    """Owns story, players, cues, slots, transport and jobs. Control process only; never blocks.

    stage: takes the orders. loader: makes takes in the background and calls ``known``, ``loaded`` and ``failed``.
    keeper: where edits and the story are kept. voices: who can speak (None: anybody). mixes: finds presets. soon: the
    first engine frame that an order which is given now is sure to meet.
    notes: where players are kept for a session that goes on after this one. deck: where recordings go.
    workshop: who exports. network: who sends streams. arena: where takes lie, for edits that listen to them.
    captures: who listens to inputs. devices: who plays strips on further devices. ears: who receives streams.
    history: what was done to the story before, and can be taken back.
    """

    def __init__(
        self,
        story: Story,
        stage: Stage,
        loader: Loader,
        *,
        keeper: Keeper | None = None,
        voices: Voices | None = None,
        mixes: Mixes = no_mixes,
        soon: Callable[[], int] = lambda: 0,
        notes: Notes | None = None,
        deck: Deck | None = None,
        plugins: Plugins | None = None,
        workshop: Workshop | None = None,
        network: Network | None = None,
        arena: NDArray[np.float32] | None = None,
        captures: Captures | None = None,
        devices: Devices | None = None,
        ears: Ears | None = None,
        history: History | None = None,
    ) -> None:
        self.context = Context(story, stage, Library(loader), soon, notes)
        self.keeper = keeper or NoKeeper()
        self.transport = Transport(self.context)
        self.prompts = Prompts(self.context)
        self.sections = Sections(self.context, self.transport)
        self.cues = Cues(self.context, self.transport, self.sections, self.prompts)
        self.cold = Cold(self.context)
        self.slots = Slots(self.context, self.transport, self.sections, self.cold)
        self.readiness = Readiness(self.cues, self.slots, self.sections)
        self.prefetch = Prefetch(self.context, self.transport, self.sections, self.cues)
        self.voices = voices or EmbeddedVoices()
        self.speech = Speech(self.context, self.voices.ids)
        self.jobs = Jobs(self.context, self.speech, workshop or NoWorkshop())
        self.plugins = plugins or NoPlugins()
        self.desk = Desk(self.context)
        self.snapshots = Snapshots(self.context, self.desk)
        self.builder = Builder(self.context, mixes, self.voices, self.plugins)
        self._notes = notes or Notes()
        self.editor = Editor(self.context, self.voices, self._notes, arena, history)
        self.editor.check_idle = self.cues.check_idle
        self.capture = Capture(self.context, self.transport, self._notes)
        self.recording = Recording(self.context, deck or NoDeck(), self.capture, self._notes)
        self.captures = captures or NoCaptures()
        self.editor.clip_of = self.captures.clip_of
        lanes = FeedLanes(self.context)
        self.streams = NetworkStreams(self.context, network or NoNetwork(), self._notes, lanes)
        self.outputs = FurtherOutputs(self.context, devices or NoDevices(), self._notes, lanes)
        self.receivers = NetworkReceivers(self.context, ears or NoEars(), self._notes)
        self.reports = Reports(
            self.context, self.cues, self.slots, self.transport, self.sections, self.speech, self.capture
        )
        self.failures = Failures(self.context)
        self._listeners: list[Listener] = []
        self._stale = False
        self._states: States = {}
        self.paused_playing: bool | None = None
        """Whether the timeline ran when everything was paused; None: it isn't."""
        self._held: frozenset[int] = frozenset()
        """The players that were held when everything was paused."""

    @property
    def story(self) -> Story:
        """The story as it is now, with every acknowledged edit."""
        return self.context.story

    def open(self) -> None:
        """Ask for every take that the story needs and publish its timeline as far as it is known."""
        self.context.library.want((*story_sources(self.story), *prompt_lines(self.story)))
        self._publish()
        self.readiness.note()

    @property
    def stale(self) -> bool:
        """Whether clips have come in since the timeline was last published."""
        return self._stale

    @property
    def is_due(self) -> bool:
        """Whether everything has come in since: nothing is waited for before the timeline is published again."""
        return self._stale and not self.context.library.missing()

    def publish(self) -> None:
        """Compile the timeline from what is loaded by now and hand it to the mixer."""
        with self.context.instant():
            self._publish()
            self.context.wrote(Published())
        self.tell(self.readiness.changes())

    def _publish(self) -> None:
        self._stale, self.sections.stirred = False, True
        self.transport.publish()
        self.editor.follow()
        self.transport.automate()
        self.prefetch.plan()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def apply(self, command: Command, at_frame: int | None = None, client: str = "") -> tuple[Event, ...]:
        """Carry out ``command`` at an engine frame (None: at once); return its events, which listeners hear too.

        client: who wants it, for the history. Raises an EngineError when it can't be done; then nothing has changed.
        """
        with self.context.instant():
            self.keeper.client = self.context.client = client
            moves = self.capture.moves(command, at_frame)
            before = self.story
            events = self._carry_out(command, at_frame)
            if self.story is not before:
                self.cold.follow()
            self._note_let_go()
            step = self.editor.note(command, before, client) if isinstance(command, Historic) else ()
            self.capture.turned(moves)
            self.context.wrote(Did(command=command, at_frame=at_frame))
        told = self.tell((*events, *self.readiness.changes()))
        self.tell(step)
        return told

    def tell(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Pass events on to every listener, with what there is to tell beside them."""
        if self.context.notes:
            events = (*events, *self.context.notes)
            self.context.notes.clear()
        if events:
            for listener in tuple(self._listeners):
                listener(events)
        return events

    def graph_of(self, story: Story) -> Graph:
        """Return the graph with which ``adopt`` would play ``story``: build it first.

        Raises BadRange for more strips than can play live.
        """
        graph = regraph(self.context.graph, self.context.story, story)
        check_strips(len(graph.strips))
        return graph

    def adopt(self, story: Story, meanwhile: Sequence[Turn] = (), *, keeps: bool = True) -> tuple[str, ...]:
        """Play another story, whose graph the mixer plays already: levels, cues, slots at once, clips as they come.

        meanwhile: what was turned while that graph was built. keeps: it is turned in this story, too, else it goes back
        to where the story says. Return what of it does not fit the story.
        """
        with self.context.instant():
            before, graph = self.story, self.graph_of(story)
            knobs = levels(before, graph) if graph == self.context.graph else {}  # else it was built as the story says
            if not keeps:
                knobs |= dict.fromkeys(self.desk.knobs(meanwhile), math.nan)
            self.context.adopt(story, graph, built=True)
            self.cold.forget(keeps=keeps)
            self.editor.forget()
            self.failures.forget()
            self.transport.forget()
            self.readiness.forget()
            self.context.turn(turns(self.context, knobs))
            if story.master.limiter_db != before.master.limiter_db:
                self.context.turn(set_limiter(story.master.limiter_db))
            misfits = tuple(self.desk.follow(meanwhile)) if keeps else ()
            rewound = self.cues.rewind()  # first: what comes is made first
            self.open()
            self.context.wrote(Adopted(story=story, meanwhile=tuple(meanwhile), keeps=keeps))
        self.tell((*rewound, *self.readiness.changes()))
        return misfits

    def equip(self, plugins: dict[str, PluginFacts]) -> None:
        """Take in what is known of plug-ins by now, by effect; the mixer is built anew where it matters."""
        story = replace(self.story, plugins={**self.story.plugins, **plugins})
        graph = regraph(self.context.graph, self.context.story, story)
        self.context.adopt(story, graph)
        self.context.wrote(Equipped(plugins=plugins))
        if graph.plugins:
            self.transport.automate()

    def hear_plugins(self, states: States) -> None:
        """Hear what plug-ins have made of themselves; saving the story writes it down."""
        self._states = states
        self.context.wrote(Learnt(states=states))

    def _keep_plugins(self) -> None:
        """Take into the story what plug-ins have made of themselves: they are so already."""
        graph = self.context.graph
        story = story_with(self.context.story, graph, self._states)
        self.context.adopt(story, graph_with(graph, self._states), built=True)

    def known(self, source: Source, frames: int) -> None:
        """Hear from the loader how long ``source`` is."""
        self.context.library.known(source, frames)
        self._heard(source)
        self._stale = True
        self.context.wrote(Known(source=source, frames=frames))
        self.tell(self._shelf_events(source))

    def loaded(self, source: Source, loaded: Loaded) -> None:
        """Hear from the loader that ``source`` lies in the arena; whoever waited for it speaks now."""
        with self.context.instant():
            self.context.library.load(source, loaded)
            self._heard(source)
            self._stale = True
            events = (*self._shelf_events(source), *self.speech.ready(source), *self.prompts.ready(source))
            events = (*events, *self.jobs.came(source))
            self.failures.loaded(source)
            self.cold.follow()
            self.context.wrote(Shelved(source=source, digest=loaded.digest))
        self.tell(events)

    def failed(self, source: Source, error: EngineError) -> None:
        """Hear from the loader that ``source`` can't be made; what plays of it already fades out."""
        self.context.library.fail(source, str(error))
        self._heard(source)
        self._cut_off(source, error)
        failed = (*self.speech.failed(source, error), *self.prompts.failed(source, error))
        failed = (*failed, *self.jobs.came(source, error), *self.failures.failed(source, error))
        self.context.wrote(Failed(source=source, code=error.code, text=str(error)))
        self.tell((*self._shelf_events(source), *failed))

    def _heard(self, source: Source) -> None:
        """Have noted that something about a source is otherwise than before."""
        self.editor.heard(source)
        self.transport.rows.heard(source)

    def advance(self, reached: Reached | None = None) -> None:
        """Do what the cues' waits have brought near, and prepare what comes; to be called every few milliseconds.

        reached: of a show that is played again: how far it had looked then.
        """
        with self.context.instant():
            self.prefetch.advance()
            if reached is not None:
                self.cues.stand(reached)
            reached = self.cues.reached
            sections, events = self.sections.advance(), self.cues.advance()
            if events is not None or sections:
                self.context.wrote(Advanced(reached=reached))
        self.tell((*(events or ()), *self.readiness.changes(), *(self.jobs.settle() if self.jobs.unsettled else ())))

    def is_plain(self, source: Source) -> bool:
        """Return whether ``source`` may stay on the disk: nobody plays it otherwise than as it is."""
        return self.context.is_plain(source)

    def put_off(self, source: Source) -> None:
        """Hear from the loader that ``source`` is made, but that there is no memory for it before it is needed soon."""
        self.context.library.put_off(source)
        self._stale = True
        self.context.wrote(PutOff(source=source))
        self.tell((*self._shelf_events(source), *self.jobs.came(source)))

    def is_near(self, source: Source) -> bool:
        """Return whether ``source`` will be needed soon."""
        return self.context.library.shelf(source).near

    def make_room(self, *, pressing: bool) -> bool:
        """Let go of what was used longest ago; False when nothing may go. pressing: for what is needed soon."""
        kept = self.context.players.sources() | self.cold.sources()
        oldest = self.context.library.oldest(kept, pressing=pressing)
        if oldest is not None:
            self.evict(oldest)
        return oldest is not None

    def evict(self, source: Source) -> None:
        """Give back the memory in which ``source`` lies."""
        gone = self.context.library.evict(source)
        self.transport.rows.heard(source)
        if self.transport.plays_from(gone.block):
            self.transport.publish()  # first: the timeline must not read what is overwritten
        self.context.library.release(gone)
        self.context.wrote(Evicted(source=source))

    def hear(self, reports: NDArray[np.void]) -> None:
        """Take the audio process's reports (dtype REPORT)."""
        events: list[Event] = []
        with self.context.instant():
            for report in reports:
                events.extend(self.reports.events(report))
            self._note_let_go()
            if (reports["kind"] == Report.TRANSPORT).any():
                self.prefetch.plan()
            if len(reports):
                self.context.wrote(Heard(count=len(reports)))
        self.tell((*events, *self.readiness.changes()))

    def recorded(self, recorded: Recorded) -> None:
        """Hear that a recording has ended."""
        self.tell(self.recording.ended(recorded))

    def _carry_out(self, command: Command, at_frame: int | None) -> tuple[Event, ...]:
        match command:
            case TriggerSlot() | ReleaseSlot() | StopSlot() | SetSlotCold() | SelectBank():
                return self._press(command, at_frame)
            case GoCue() | StopCue() | StopList() | LoadCue():
                return self._fire(command, at_frame)
            case SetStripGain() | SetStripPan() | SetStripMute() | SetStripSolo() | SetSendGain():
                return (self.desk.apply(command, at_frame, self.keeper),)
            case SetInsertParam() | SetInsertBypass() | SetDuck() | SetLimiter():
                return (self.desk.apply(command, at_frame, self.keeper),)
            case Play() | Stop() | Locate() | Chase() | LocateMarker() | LocateText() | SetLoop():
                return self._run(command, at_frame)
            case PauseCue() | ResumeCue() | StandBy() | GoBack() | PauseAll() | ResumeAll():
                return self._show(command, at_frame)
            case AuditionCue() | AuditionSlot() | StopAudition() | Prompt():
                return self._whisper(command, at_frame)
            case Say():
                return self.speech.say(command, at_frame)
            case PrepareLine():
                self.speech.prepare(command)
            case Render() | MakeTake() | Transcribe() | PullModel() | Export() | CancelJob():
                return self._work(command)
            case LoadVoice() | WarmVoice() | UnloadVoice() | RetryPlugin() | ScanPlugins():
                self._prepare(command)
            case Panic(fade_seconds=fade):
                return self._panic(FADE_SECONDS.check(fade, "fade"), at_frame)
            case ClearScheduled():
                self.context.push(order(Kind.CLEAR_SCHEDULED))
                self.sections.forget_scheduled()
            case StartRecording():
                return self.recording.start(command, at_frame)
            case StopRecording():
                self.recording.stop(at_frame)
            case OpenInput() | CloseInput() | StartCapture() | StopCapture() | TakeFile() | SayAgain():
                return self.captures.apply(command, at_frame)
            case TrimCapture() | UntrimCapture():
                return self.captures.apply(command, at_frame)
            case StartStream():
                return self.streams.start(command)
            case StopStream():
                return self.streams.stop(command)
            case StartOutput():
                return self.outputs.start(command)
            case StopOutput():
                return self.outputs.stop(command)
            case StartReceiving():
                return self.receivers.start(command)
            case StopReceiving():
                return self.receivers.stop(command)
            case AddInsert() | RemoveInsert() | MoveInsert() | SetInsertState() | AddSend() | RemoveSend():
                return self._build(command)
            case AddBus() | RemoveBus() | AddTrack() | RemoveTrack() | LoadMix():
                return self._build(command)
            case AddDuck() | RemoveDuck() | SetDuckLookAhead():
                return self._build(command)
            case RenumberCue():
                return self._renumber(command)
            case AddCueMessage() | RemoveCueMessage():
                return self._send_otherwise(command)
            case SetTempo() | RemoveTempo():
                return self._set_tempo(command)
            case SetCue() | SetSlot() | SetClip():
                return self._set_properties(command)
            case SetPoint() | RemovePoint() | ClearAutomation():
                return self._automate(command)
            case StoreSnapshot() | RemoveSnapshot():
                return self.snapshots.edit(command, self.keeper)
            case RecallSnapshot():
                return self.snapshots.recall(command, at_frame, self.keeper)
            case EditStory() | Undo() | Redo():
                return self._edit(command)
            case SaveStory():
                self._keep_plugins()
                self.keeper.save()
            case ReloadStory():
                self.keeper.reload()
            case LoadStory(file=file):
                self.keeper.load(file)
            case _:
                return self._edit(command)
        return ()

    def _edit(self, command: EditStory | ClipEdit | AddCapture | Undo | Redo) -> tuple[Event, ...]:
        """Edit the story as a step of its history; the timeline is compiled anew soon."""
        graph, before = self.context.graph, self.story
        events = self.editor.apply(command, self.keeper)
        self._stale = True
        if (
            self.context.graph is not graph
            or self.story.tempo is not before.tempo
            or any(isinstance(event, AutomationChanged) for event in events)
        ):
            self.transport.automate()
        if self.story.cues is before.cues and self.story.cuelists is before.cuelists:
            return events  # a list that is at its end stays there
        return (*events, *self.cues.renumbered(renumbered_cues(before, self.story)), *self.cues.rewind())

    def _run(
        self, command: Play | Stop | Locate | Chase | LocateMarker | LocateText | SetLoop, at_frame: int | None
    ) -> tuple[Event, ...]:
        match command:
            case Play():
                self.prefetch.plan()
                events = self.transport.play(at_frame)
                self.sections.leave()
                return events
            case Stop():
                with self.context.together():
                    self.sections.take_all_back(at_frame)
                    self.transport.stop(at_frame)
                if self.paused_playing is not None:
                    self.paused_playing = False  # /resumeall has everything else go on
            case Locate(timeline_frame=frame):
                self._locate(frame, at_frame)
            case Chase(timeline_frame=frame, playing=playing):
                if self.transport.strays(frame, playing):
                    return self._chase(frame, playing, at_frame)
            case LocateMarker(marker=marker):
                self._locate(self.transport.marker_frame(marker), at_frame)
            case LocateText(text=text, number=number):
                self._locate(self._said_at(text, number), at_frame)
            case SetLoop(start_frame=start, end_frame=end):
                return self.transport.set_loop(start, end, at_frame)
        return ()

    def _chase(self, timeline_frame: int, playing: bool, at_frame: int | None) -> tuple[Event, ...]:
        with self.context.together():
            self._locate(timeline_frame, at_frame)
            return self.transport.play(at_frame) if playing else ()

    def _locate(self, timeline_frame: int, at_frame: int | None) -> None:
        self.transport.locate(timeline_frame, at_frame)
        self.sections.leave()
        self.prefetch.plan()

    def said(self, text: str) -> list[Said]:
        """Return where a text is said, in the order of the timeline; those whose place is not known yet come last."""
        places = self.transport.placed
        found = []
        for each in find_text(self.story, text, self.editor.known):
            placed = None if places is None or each.offset_frames is None else places.of(each.clip)
            frame = -1 if placed is None else placed.start_frame + (each.offset_frames or 0)
            found.append(Said(each.clip, each.word, frame))
        return sorted(found, key=lambda each: (each.frame < 0, each.frame))

    def _said_at(self, text: str, number: int) -> int:
        found = self.said(text)
        if not found:
            raise SaidNowhere(text)
        if not 1 <= number <= len(found):
            raise BadRange(f"{text!r} is said {len(found)} times; number is 1 to {len(found)}, got {number}")
        if found[number - 1].frame < 0:
            raise NotReady(f"where {text!r} is said is not known yet: takes are still being made")
        return found[number - 1].frame

    def _fire(self, command: GoCue | StopCue | StopList | LoadCue, at_frame: int | None) -> tuple[Event, ...]:
        match command:
            case GoCue(cue=cue, from_word=word, from_frame=frame, cuelist=cuelist):
                events = self.cues.go(cue, at_frame, word, cuelist, frame)
                self.prefetch.plan()
                return events
            case StopCue(cue=cue, fade_seconds=fade, cuelist=cuelist):
                return self.cues.stop(cue, FADE_SECONDS.check(fade, "fade"), at_frame, cuelist)
            case StopList(cuelist=cuelist, fade_seconds=fade):
                return self.cues.stop_list(cuelist, FADE_SECONDS.check(fade, "fade"), at_frame)
            case LoadCue(cue=cue, cuelist=cuelist):
                return self.cues.load(cue, cuelist)

    def _press(
        self, command: TriggerSlot | ReleaseSlot | StopSlot | SetSlotCold | SelectBank, at_frame: int | None
    ) -> tuple[Event, ...]:
        match command:
            case TriggerSlot():
                return (*self.slots.trigger(command, at_frame), *self._at_hand(command.bank))
            case ReleaseSlot(bank=bank, index=index, semitones=note):
                self.slots.release(bank, index, note, at_frame)
            case StopSlot(bank=bank, index=index, fade_seconds=fade):
                self.slots.stop(bank, index, FADE_SECONDS.check(fade, "fade"), at_frame)
            case SetSlotCold():
                return self._set_slot_cold(command)
            case SelectBank(bank=bank):
                return self._select_bank(bank)
        return ()

    def _whisper(
        self, command: AuditionCue | AuditionSlot | StopAudition | Prompt, at_frame: int | None
    ) -> tuple[Event, ...]:
        """Do what only the operator hears."""
        match command:
            case AuditionCue(cue=cue, cuelist=cuelist):
                heard = self.cues.cue(cue, cuelist)
                self.prompts.audition(heard.target, heard.gain_db, at_frame)
            case AuditionSlot(bank=bank, index=index):
                slot = self.slots.slot(bank, index)
                self.prompts.audition(slot.target, slot.gain_db, at_frame)
            case StopAudition():
                self.prompts.stop_audition(at_frame)
            case Prompt(text=text):
                return self.prompts.say(text)
        return ()

    def _work(self, command: Render | MakeTake | Transcribe | PullModel | Export | CancelJob) -> tuple[Event, ...]:
        match command:
            case Render():
                self.jobs.check()
                self.open()
                return self.jobs.render(command)
            case Export():
                return self.jobs.export(command)
            case MakeTake():
                return self.jobs.make_take(command)
            case Transcribe():
                return self.jobs.transcribe(command)
            case PullModel():
                return self.jobs.pull(command)
            case CancelJob(job=job):
                return self.jobs.cancel(job)

    def _prepare(self, command: LoadVoice | WarmVoice | UnloadVoice | RetryPlugin | ScanPlugins) -> None:
        """Have voices and plug-ins at hand, or no longer."""
        match command:
            case LoadVoice(voice=voice):
                self.voices.load(voice, warm=False)
            case WarmVoice(voice=voice):
                self.voices.load(voice, warm=True)
            case UnloadVoice(voice=voice):
                self.voices.unload(voice)
            case RetryPlugin(plugin=plugin):
                self.plugins.retry(plugin)
            case ScanPlugins():
                self.plugins.scan()

    def _build(self, command: Rebuild | LoadMix) -> tuple[Event, ...]:
        """Change the mix; what the timeline moves and plays follows."""
        events = self.builder.apply(command, self.keeper)
        match command:
            case AddTrack() | RemoveTrack() | LoadMix():
                self.open()
            case AddDuck() | RemoveDuck() | SetDuckLookAhead():
                pass
            case _:
                self.transport.automate()
        return events

    def _send_otherwise(self, command: AddCueMessage | RemoveCueMessage) -> tuple[Event, ...]:
        """Change what a cue sends from the next time on that it is fired."""
        story = apply_edit(self.story, command)
        self.keeper.append(command)
        self.context.story = story
        cuelist = next(iter(story.cue_lists())) if command.cuelist is None else command.cuelist
        state = self.cues.state(command.cue, command.cuelist)
        return (CueChanged(cue=command.cue, cuelist=cuelist, state=state),)

    def _renumber(self, command: RenumberCue) -> tuple[Event, ...]:
        """Give a cue another number."""
        before, story = self.story, apply_edit(self.story, command)
        self.cues.check_idle(command.cue, command.cuelist)
        self.keeper.append(command)
        self.context.story = story
        return self.cues.renumbered(renumbered_cues(before, story))

    def _set_properties(self, command: SetCue | SetSlot | SetClip) -> tuple[Event, ...]:
        """Change a cue, a slot or a clip; what sounds of it goes on as it began."""
        story = apply_edit(self.story, command)
        self.keeper.append(command)
        self.context.story = story
        match command:
            case SetCue(cue=cue, cuelist=cuelist):
                return (CueEdited(cue=cue, cuelist=next(iter(self.story.cue_lists())) if cuelist is None else cuelist),)
            case SetSlot(bank=bank, index=index):
                return (SlotEdited(bank=bank, index=index),)
            case SetClip(clip=clip, seed=seed):
                self._stale = True
                if seed is None:
                    return (ClipEdited(clip=clip),)
                self.open()
                state = self.context.library.shelf(clip_source(self.context.index.clips[clip][1])).state
                return ClipEdited(clip=clip), ClipChanged(clip=clip, state=state)

    def _set_tempo(self, command: SetTempo | RemoveTempo) -> tuple[Event, ...]:
        """Change the tempo map; what stands at a beat moves once the timeline is published."""
        if isinstance(command, SetTempo) and command.bar is None:
            here = TempoMap(self.story.tempo, self.story.sample_rate).position(self.transport.now())
            command = replace(command, bar=point_in_force(self.story.tempo, here.bar).bar)
        story = apply_edit(self.story, command)
        self.keeper.append(command)
        self.context.story, self._stale = story, True
        return (TempoChanged(),)

    def _automate(self, command: SetPoint | RemovePoint | ClearAutomation) -> tuple[Event, ...]:
        """Change a lane; the mixer follows it from where it stands."""
        story = apply_edit(self.story, command, insert_specs(self.story, effect_specs()))
        self.keeper.append(command)
        self.context.story = story
        self.transport.automate()
        return (AutomationChanged(strip=command.strip),)

    def _show(
        self, command: PauseCue | ResumeCue | StandBy | GoBack | PauseAll | ResumeAll, at_frame: int | None
    ) -> tuple[Event, ...]:
        match command:
            case PauseCue(cue=cue, cuelist=cuelist):
                return self.cues.pause(cue, cuelist, at_frame)
            case ResumeCue(cue=cue, cuelist=cuelist):
                return self.cues.resume(cue, cuelist, at_frame)
            case StandBy(cue=cue, cuelist=cuelist):
                return self.cues.standby(cue, cuelist)
            case GoBack(cuelist=cuelist):
                return self.cues.back(cuelist)
            case PauseAll():
                return self._pause_all(self.context.soon() if at_frame is None else at_frame)
            case ResumeAll():
                return self._resume_all(self.context.soon() if at_frame is None else at_frame)

    def _pause_all(self, at_frame: int) -> tuple[Event, ...]:
        """Hold everything, also what has begun since everything was held. NotReady when there is nothing to hold."""
        playing = self.transport.playing or self.sections.begins
        players = self.context.players.all()
        run_on = playing or self.sections.run_on or self.cues.run_on or set(players) - self._held
        if self.paused_playing is not None and not run_on:
            raise NotReady("everything is paused already")
        with self.context.together():
            self.sections.hold(at_frame)
            events = self.cues.pause_all(at_frame)
            fade = self.context.frames(DECLICK_SECONDS)
            for player in players:
                self.context.push(order(Kind.PAUSE_PLAYER, at_frame, player=player, ramp_frames=fade))
            self.speech.hold()
            if playing:
                self.transport.stop(at_frame)
        self.paused_playing, self._held = playing or bool(self.paused_playing), frozenset(players)
        return events

    def _resume_all(self, at_frame: int) -> tuple[Event, ...]:
        if self.paused_playing is None:
            raise NotReady("nothing is paused; /pauseall pauses everything")
        with self.context.together():
            goes_on = bool(self.paused_playing) or self.sections.is_held
            events = self.transport.play(at_frame, self.sections.end_frame) if goes_on else ()
            self.sections.go_on(at_frame, goes_on)
            fade = self.context.frames(DECLICK_SECONDS)
            self.context.push(order(Kind.RESUME_PLAYER, at_frame, ramp_frames=fade))
            events = (*events, *self.cues.resume_all(at_frame), *self.speech.go_on())
        self.paused_playing = None
        return events

    def _note_let_go(self) -> None:
        """Have the timeline rest where its section ended, or was stopped, while everything was paused."""
        if self.sections.let_go:
            self.sections.let_go = False
            self.paused_playing = None if self.paused_playing is None else False

    def _set_slot_cold(self, command: SetSlotCold) -> tuple[Event, ...]:
        self.cold.set_policy(self.slots.slot(command.bank, command.index), command.cold)
        return (SlotColdChanged(bank=command.bank, index=command.index, cold=command.cold),)

    def _select_bank(self, bank: str) -> tuple[Event, ...]:
        known = {slot.bank for slot in self.story.slots}
        if bank not in known:
            raise UnknownThing("bank", bank, known)
        return self._at_hand(bank)

    def _at_hand(self, bank: str) -> tuple[Event, ...]:
        return (BankSelected(bank=bank),) if self.prefetch.select(bank) else ()

    def _cut_off(self, source: Source, error: EngineError) -> None:
        """Fade out what plays a source that will not be whole."""
        players = self.context.players.of_source(source)
        owners = [self.context.players.owner(player) for player in players]
        try:
            self.context.stop(players, DECLICK_SECONDS, None)
        except Busy as busy:
            self.context.notes.append(Dropped(what="command", code=busy.code, text=str(busy)))
        self.context.notes.extend(
            Dropped(what=owner_name(owner), code=error.code, text=str(error))
            for owner in owners
            if owner is not None and not isinstance(owner, JobOwner)
        )

    def _panic(self, fade_seconds: float, at_frame: int | None) -> tuple[Event, ...]:
        """Silence everything; Panicked follows when the mixer has done it."""
        self.context.push(order(Kind.PANIC, at_frame, ramp_frames=self.context.frames(fade_seconds)))
        self.paused_playing = None
        self.sections.forget()
        self.prompts.forget()
        return (PanicBegun(), *self.cues.forget(), *self.speech.cancel_all())

    def _shelf_events(self, source: Source) -> tuple[Event, ...]:
        """Return what changed for clips, cues and slots that are made of ``source``."""
        state = self.context.library.shelf(source).state
        story, made_of = self.story, self._is_made_of
        changes: list[Event] = [ClipChanged(clip=clip.id, state=state) for clip in self.context.index.made_of(source)]
        for cuelist, cues in story.cue_lists().items():
            made = {cue.id for cue in cues if made_of(cue.target, source)}
            changes.extend(
                CueChanged(cue=cue.id, cuelist=cuelist, state=self.cues.state(cue.id, cuelist))
                for cue in cues
                if cue.id in made or (isinstance(cue.target, FireCues) and not made.isdisjoint(cue.target.cues))
            )
        for slot in story.slots:
            if any(made_of(target, source) for target in self.context.index.targets[slot.bank, slot.index]):
                changes.extend(self.slots.changed(SlotOwner(bank=slot.bank, index=slot.index)))
        self.sections.stirred = True
        return (*changes, *self.readiness.changes())

    def _is_made_of(self, target: CueTarget, source: Source) -> bool:
        return isinstance(target, (PlayClip, SpeakLine)) and self.context.target_source(target) == source
