"""Commands: everything that can be asked of the engine, whoever asks. Imperative, frozen, valid once built."""

from __future__ import annotations

from engine.command import Base
from engine.edits import AddCapture, ChangeStory, ClipEdit, Redo, Undo
from engine.story.mix import Mix
from engine.story.model import ColdPolicy, Scene

DEFAULT_RAMP_SECONDS = 0.02


class Play(Base, frozen=True, kw_only=True):
    """Run the timeline from where it stands."""


class Stop(Base, frozen=True, kw_only=True):
    """Stop the timeline; it stays where it is."""


class Locate(Base, frozen=True, kw_only=True):
    """Move the timeline to a frame."""

    timeline_frame: int


class Chase(Base, frozen=True, kw_only=True):
    """Keep the timeline with another clock, which is at a frame now, and runs or rests.

    A timeline that runs along and has drifted away from it is put right. One that nobody has moved since the engine
    started goes where the clock is. What somebody else has stopped or started stays so.
    """

    timeline_frame: int
    playing: bool


class LocateMarker(Base, frozen=True, kw_only=True):
    """Move the timeline to a marker."""

    marker: str


class LocateText(Base, frozen=True, kw_only=True):
    """Move the timeline to where a text is said. number: which time that it is, from 1 in the timeline's order."""

    text: str
    number: int = 1


class SetLoop(Base, frozen=True, kw_only=True):
    """Loop the timeline from start to end (timeline frames); both None: no loop."""

    start_frame: int | None = None
    end_frame: int | None = None


class SetTempo(Base, frozen=True, kw_only=True):
    """Have the story go at a tempo from a bar on (None: from where the tempo began that is in force now).

    What is None stays as it was there. Clips, cues and points that stand at a beat move with it.
    """

    bar: int | None = None
    tempo_bpm: float | None = None
    beats_per_bar: int | None = None


class RemoveTempo(Base, frozen=True, kw_only=True):
    """Have the story go on at a bar as before it."""

    bar: int


class GoCue(Base, frozen=True, kw_only=True):
    """Fire a cue by its id, or the one of the list that stands by (None).

    from_word: from that word of its line on; from_frame: from that frame of it on. cuelist: None is the first one, in
    all commands.
    """

    cue: str | None = None
    from_word: str | None = None
    from_frame: int | None = None
    cuelist: str | None = None


class StopCue(Base, frozen=True, kw_only=True):
    """Fade out what a cue plays, and forget its waits."""

    cue: str
    fade_seconds: float = 0.05
    cuelist: str | None = None


class StopList(Base, frozen=True, kw_only=True):
    """Fade out what the cues of a list play, and forget their waits."""

    cuelist: str
    fade_seconds: float = 0.05


class LoadCue(Base, frozen=True, kw_only=True):
    """Have what a cue plays in memory, before anything else; for as long as there is no need for its room."""

    cue: str
    cuelist: str | None = None


class PauseCue(Base, frozen=True, kw_only=True):
    """Hold a cue: its sound, its waits, what follows it."""

    cue: str
    cuelist: str | None = None


class ResumeCue(Base, frozen=True, kw_only=True):
    """Let a cue go on where it was held."""

    cue: str
    cuelist: str | None = None


class StandBy(Base, frozen=True, kw_only=True):
    """Make a cue the one that GO fires next."""

    cue: str
    cuelist: str | None = None


class GoBack(Base, frozen=True, kw_only=True):
    """Have the cue before the one that stands by do so."""

    cuelist: str | None = None


class AuditionCue(Base, frozen=True, kw_only=True):
    """Play a cue on the private bus: for the operator only."""

    cue: str
    cuelist: str | None = None


class AuditionSlot(Base, frozen=True, kw_only=True):
    """Play a slot on the private bus."""

    bank: str
    index: int


class StopAudition(Base, frozen=True, kw_only=True):
    """End an audition."""


class Prompt(Base, frozen=True, kw_only=True):
    """Speak to operator and actors, on the private bus."""

    text: str


class PauseAll(Base, frozen=True, kw_only=True):
    """Hold everything: players, cues with their waits, the timeline."""


class ResumeAll(Base, frozen=True, kw_only=True):
    """Let everything go on."""


class TriggerSlot(Base, frozen=True, kw_only=True):
    """Press a pad. velocity: 0 < v <= 1.

    semitones: a note of its own, at that pitch; None: the pad itself. from_word: from that word on; word: that word,
    up to to_word if there is one; from_frame: from that frame on.
    """

    bank: str
    index: int
    velocity: float = 1.0
    semitones: float | None = None
    from_word: str | None = None
    word: str | None = None
    to_word: str | None = None
    from_frame: int | None = None


class ReleaseSlot(Base, frozen=True, kw_only=True):
    """Let a pad, or a note of it, go: stops it in gate mode, means nothing otherwise."""

    bank: str
    index: int
    semitones: float | None = None


class StopSlot(Base, frozen=True, kw_only=True):
    """Fade out what a slot plays."""

    bank: str
    index: int
    fade_seconds: float = 0.05


class SetSlotCold(Base, frozen=True, kw_only=True):
    """Say what a slot does whose take is not there: wait, last or skip; until the story is loaded again."""

    bank: str
    index: int
    cold: ColdPolicy


class SelectBank(Base, frozen=True, kw_only=True):
    """Have a bank of slots at hand: its takes are made and loaded first."""

    bank: str


class Say(Base, frozen=True, kw_only=True):
    """Speak a line now, on a track's strip (None: the track of that voice, or the first track).

    job: an id that progress and result repeat. The rest is how the line is spoken, see ``Delivery``.
    """

    voice: str
    text: str
    track: str | None = None
    job: str | None = None
    speed: float = 1.0
    pitch_semitones: float = 0.0
    seed: int = 0
    instruct: str = ""
    temperature: float | None = None


class PrepareLine(Base, frozen=True, kw_only=True):
    """Have a line's take made that is to be spoken later, so that it comes at once then. All else is as in ``Say``."""

    voice: str
    text: str
    track: str | None = None
    speed: float = 1.0
    pitch_semitones: float = 0.0
    seed: int = 0
    instruct: str = ""
    temperature: float | None = None


class LoadVoice(Base, frozen=True, kw_only=True):
    """Have what a voice speaks with in memory; VoiceChanged tells how far that is."""

    voice: str


class WarmVoice(Base, frozen=True, kw_only=True):
    """Load a voice and have it speak once, unheard, so that its first line comes as soon as any later one."""

    voice: str


class UnloadVoice(Base, frozen=True, kw_only=True):
    """Give back the memory that a voice's model takes; it is loaded again when it has to speak."""

    voice: str


class SetStripGain(Base, frozen=True, kw_only=True):
    """Move a fader."""

    strip: str
    gain_db: float
    ramp_seconds: float = DEFAULT_RAMP_SECONDS


class SetStripPan(Base, frozen=True, kw_only=True):
    """Turn a pan knob: -1 left … 1 right."""

    strip: str
    pan: float
    ramp_seconds: float = DEFAULT_RAMP_SECONDS


class SetStripMute(Base, frozen=True, kw_only=True):
    """Mute a strip or let it sound."""

    strip: str
    mute: bool


class SetStripSolo(Base, frozen=True, kw_only=True):
    """Solo a strip or take it back."""

    strip: str
    solo: bool


class SetSendGain(Base, frozen=True, kw_only=True):
    """Move a send's level."""

    strip: str
    bus: str
    gain_db: float
    ramp_seconds: float = DEFAULT_RAMP_SECONDS


class SetInsertParam(Base, frozen=True, kw_only=True):
    """Set one parameter of a strip's insert, in the parameter's own unit. insert: counted from 1."""

    strip: str
    insert: int
    param: str
    value: float
    ramp_seconds: float = DEFAULT_RAMP_SECONDS


class SetInsertBypass(Base, frozen=True, kw_only=True):
    """Take a strip's insert out of the sound, or let it in again. insert: counted from 1."""

    strip: str
    insert: int
    bypass: bool


class SetDuck(Base, frozen=True, kw_only=True):
    """Turn one knob of a strip's ducking, in its own unit (``params.DUCK``; look-ahead is SetDuckLookAhead's)."""

    strip: str
    knob: str
    value: float


class SetLimiter(Base, frozen=True, kw_only=True):
    """Switch the master's limiter, or set its ceiling in dBTP; what is None stays."""

    limiter: bool | None = None
    ceiling_db: float | None = None


class AddDuck(Base, frozen=True, kw_only=True):
    """Let a track make a strip softer while it plays."""

    strip: str
    by: str


class RemoveDuck(Base, frozen=True, kw_only=True):
    """Let a track make a strip softer no more."""

    strip: str
    by: str


class SetDuckLookAhead(Base, frozen=True, kw_only=True):
    """Hear the tracks that duck a strip that much sooner; the whole mix is that much later."""

    strip: str
    look_ahead_ms: float


class AddInsert(Base, frozen=True, kw_only=True):
    """Put an effect into a strip, before the one at ``position`` (counted from 1; None: behind the last)."""

    strip: str
    effect: str
    position: int | None = None


class RemoveInsert(Base, frozen=True, kw_only=True):
    """Take an effect out of a strip; what still sounds of it rings out. insert: counted from 1."""

    strip: str
    insert: int


class MoveInsert(Base, frozen=True, kw_only=True):
    """Put a strip's insert at another place among its inserts. insert, position: counted from 1."""

    strip: str
    insert: int
    position: int


class SetInsertState(Base, frozen=True, kw_only=True):
    """Give a plug-in of a strip a state of its own, in base64; its parameters are then what the state says."""

    strip: str
    insert: int
    state: str


class RetryPlugin(Base, frozen=True, kw_only=True):
    """Try a plug-in again, by name or path, that was quarantined, or was not there; it is let in if it is sound."""

    plugin: str


class ScanPlugins(Base, frozen=True, kw_only=True):
    """Try every plug-in of the plug-in folders that has not been tried as it is."""


class AddSend(Base, frozen=True, kw_only=True):
    """Let a strip send to one more bus."""

    strip: str
    bus: str
    gain_db: float = 0.0


class RemoveSend(Base, frozen=True, kw_only=True):
    """Take a strip's send away."""

    strip: str
    bus: str


class AddTrack(Base, frozen=True, kw_only=True):
    """Add a track to the story, with a strip of the same id. voice: who speaks its lines."""

    track: str
    voice: str | None = None


class RemoveTrack(Base, frozen=True, kw_only=True):
    """Take a track and its clips out of the story; refused while cues, slots or clips elsewhere need it."""

    track: str


class AddBus(Base, frozen=True, kw_only=True):
    """Add a return bus."""

    bus: str


class RemoveBus(Base, frozen=True, kw_only=True):
    """Take a bus away, and every send to it; what still sounds of it rings out."""

    bus: str


class LoadMix(Base, frozen=True, kw_only=True):
    """Give the strips the inserts, sends and buses of a mix preset, by its id."""

    mix: str


class SetPoint(Base, frozen=True, kw_only=True):
    """Put a point into a strip's automation. target: gain_db, pan, send.BUS or insert.NUMBER.PARAMETER.

    curve: how the knob goes on from there: linear, smooth or hold.
    """

    strip: str
    target: str
    timeline_frame: int
    value: float
    curve: str = "linear"


class RemovePoint(Base, frozen=True, kw_only=True):
    """Take the point of a strip's automation away that is at a timeline frame, or at most 5 ms beside it."""

    strip: str
    target: str
    timeline_frame: int


class ClearAutomation(Base, frozen=True, kw_only=True):
    """Take a lane of a strip's automation away."""

    strip: str
    target: str


class AddCueMessage(Base, frozen=True, kw_only=True):
    """Have a cue that sends send one message more, as the story file writes it: ``note: 60, duration: 0.5``."""

    cue: str
    message: str
    cuelist: str | None = None


class RemoveCueMessage(Base, frozen=True, kw_only=True):
    """Have a cue that sends leave out one of its messages; number: counted from 1."""

    cue: str
    number: int
    cuelist: str | None = None


class SetCue(Base, frozen=True, kw_only=True):
    """Change a cue, from the next time on that it is fired; what is None stays.

    follow: none, continue or end. bus: a strip; empty: that of its clip or line. color: as in a story; empty: none.
    """

    cue: str
    cuelist: str | None = None
    name: str | None = None
    gain_db: float | None = None
    pre_wait_frames: int | None = None
    post_wait_frames: int | None = None
    follow: str | None = None
    pan: float | None = None
    bus: str | None = None
    armed: bool | None = None
    color: str | None = None


class RenumberCue(Base, frozen=True, kw_only=True):
    """Give a cue another number, which is its id; groups that fire it follow. Refused while it waits or plays."""

    cue: str
    number: str
    cuelist: str | None = None


class SetSlot(Base, frozen=True, kw_only=True):
    """Change a pad, from its next press on; what is None stays. mode, quantise: as in a story. choke: empty: no group.

    semitones, loop: of what it plays; pads of sections have neither.
    """

    bank: str
    index: int
    name: str | None = None
    gain_db: float | None = None
    mode: str | None = None
    choke: str | None = None
    quantise: str | None = None
    semitones: float | None = None
    loop: bool | None = None


class SetClip(Base, frozen=True, kw_only=True):
    """Change a clip; what is None stays. seed: another take of its line is made."""

    clip: str
    name: str | None = None
    gain_db: float | None = None
    pan: float | None = None
    mute: bool | None = None
    seed: int | None = None


class StoreSnapshot(Base, frozen=True, kw_only=True):
    """Keep the mix as it is now under an id: faders, pans, mutes, sends, insert parameters.

    scenes: of strips by id, as the journal keeps them; None: as the mix is.
    """

    snapshot: str
    scenes: dict[str, Scene] | None = None


class RecallSnapshot(Base, frozen=True, kw_only=True):
    """Bring a snapshot of the mix back, within a fade. The journal keeps the turns that it is made of."""

    snapshot: str
    fade_seconds: float = DEFAULT_RAMP_SECONDS


class RemoveSnapshot(Base, frozen=True, kw_only=True):
    """Forget a snapshot."""

    snapshot: str


class UseMix(Base, frozen=True, kw_only=True):
    """What LoadMix becomes in the journal: the preset itself, since its file may change."""

    mix: Mix


class Panic(Base, frozen=True, kw_only=True):
    """Silence everything: players, timeline, what is scheduled."""

    fade_seconds: float = 0.02


class StartRecording(Base, frozen=True, kw_only=True):
    """Record strips, each into a file of its own, and what is played as a story.

    name: of the recording, a folder's; empty: the time. strips: which; none: all but private ones. The master is always
    among them.
    """

    name: str = ""
    strips: tuple[str, ...] = ()


class StopRecording(Base, frozen=True, kw_only=True):
    """End the recording."""


class OpenInput(Base, frozen=True, kw_only=True):
    """Listen to an input from now on: its last seconds are kept, so that a capture has them too.

    device: a number, a part of a name, or ``file:`` and a file of the story's folder; empty: the setting's. channel:
    from 1; 0: the setting's. right: a second one, 0: none.
    """

    device: str = ""
    channel: int = 0
    right: int = 0


class CloseInput(Base, frozen=True, kw_only=True):
    """Listen no more."""


class StartCapture(Base, frozen=True, kw_only=True):
    """Capture a line from the input, which is opened if it isn't.

    name: empty: the time. text: what is said, empty: it is found out. pre_seconds: of what was heard before; None: the
    setting's. toggle: end it if one is under way.
    """

    name: str = ""
    text: str = ""
    language: str = ""
    pre_seconds: float | None = None
    toggle: bool = False


class StopCapture(Base, frozen=True, kw_only=True):
    """End the capture. kept: False: forget it."""

    kept: bool = True


class TakeFile(Base, frozen=True, kw_only=True):
    """Take a sound file of the story's folder as a capture. job: an id that its events repeat."""

    file: str
    name: str = ""
    text: str = ""
    language: str = ""
    job: str | None = None


class SayAgain(Base, frozen=True, kw_only=True):
    """Have a voice say what was captured, each word when it was said then. name: of the file; empty: made up."""

    capture: str
    voice: str
    name: str = ""
    job: str | None = None


class TrimCapture(Base, frozen=True, kw_only=True):
    """Have a capture's line begin and end elsewhere in all that was captured, in frames of the project's rate."""

    capture: str
    start_frame: int
    end_frame: int
    job: str | None = None


class UntrimCapture(Base, frozen=True, kw_only=True):
    """Have a capture's line be what it was before it was trimmed by hand the last time."""

    capture: str
    job: str | None = None


class StartStream(Base, frozen=True, kw_only=True):
    """Send a strip's sound over the network.

    name: the stream's, as receivers know it; an identifier in ReaStream. kind: vban or reastream. port: 0: the
    protocol's own. format: how VBAN writes samples, int16, int24 or float32.
    """

    name: str
    kind: str
    strip: str
    host: str
    port: int = 0
    format: str = "int16"


class StopStream(Base, frozen=True, kw_only=True):
    """Send it no more."""

    name: str


class StartOutput(Base, frozen=True, kw_only=True):
    """Play a strip's sound on a further device: a bus, a track or the master.

    device: number, part of a name, null, or nothing for the system's own.
    """

    bus: str
    device: str = ""


class StopOutput(Base, frozen=True, kw_only=True):
    """Play it there no more."""

    bus: str


class StartReceiving(Base, frozen=True, kw_only=True):
    """Hear a stream from the network on a strip.

    name, kind, port: as in StartStream. senders: whose packets are heard: nothing: this machine's; an address, a
    network, or any.
    """

    name: str
    kind: str
    strip: str
    port: int = 0
    senders: str = ""


class StopReceiving(Base, frozen=True, kw_only=True):
    """Hear it no more."""

    name: str


class Render(Base, frozen=True, kw_only=True):
    """Have every take made that the story lacks, those that failed again. job: an id that its events repeat."""

    job: str | None = None


class MakeTake(Base, frozen=True, kw_only=True):
    """Have one more take made of a clip's line, which plays on as it is. seed: None: one that no take of it has."""

    clip: str
    seed: int | None = None
    job: str | None = None


class Transcribe(Base, frozen=True, kw_only=True):
    """Have what is said in an audio file of the story's folder written down, part by part.

    language: a code, empty: found out. model: what listens, empty: the usual one.
    """

    file: str
    language: str = ""
    model: str = ""
    job: str | None = None


class PullModel(Base, frozen=True, kw_only=True):
    """Get a speech model from the hub; what an interrupted pull left is used.

    model: a short name or a hub id. revision: a commit, tag or branch, empty: the pinned one.
    """

    model: str
    revision: str = ""
    job: str | None = None


class Export(Base, frozen=True, kw_only=True):
    """Write the story as it is now, beside its file, while it plays.

    folder: inside the story's folder. formats: stems, reaper …; none: stems and what the story names.
    """

    folder: str
    formats: tuple[str, ...] = ()
    job: str | None = None


class CancelJob(Base, frozen=True, kw_only=True):
    """Stop a job's work."""

    job: str


class ClearScheduled(Base, frozen=True, kw_only=True):
    """Forget what is scheduled for later."""


class EditStory(Base, frozen=True, kw_only=True):
    """Make edits as one: all of them or, if one can't be made, none; they are one step of the history.

    name: what the step is called; empty: what its edits are. client: whose it is. version: of the story on which they
    were made: they are refused if what they change has changed since; None: they are made on the story as it is.
    """

    edits: tuple[StoryEdit, ...]
    name: str = ""
    client: str = ""
    version: int | None = None


class SaveStory(Base, frozen=True, kw_only=True):
    """Write the story's changes into its file."""


class LoadStory(Base, frozen=True, kw_only=True):
    """Take over another story: a file beside the present one. Unsaved edits of each stay in its own journal."""

    file: str


class ReloadStory(Base, frozen=True, kw_only=True):
    """Take over the file as it is on disk now."""


StoryEdit = (
    ClipEdit | AddCapture | AddTrack | RemoveTrack | AddBus | RemoveBus | AddCueMessage | RemoveCueMessage | SetCue
    | SetSlot | SetClip | SetPoint | RemovePoint | ClearAutomation | RenumberCue | SetTempo | RemoveTempo
)  # fmt: skip
"""What one step of the history may be made of."""

Command = (
    Play | Stop | Locate | Chase | LocateMarker | LocateText | SetLoop | GoCue | StopCue | StopList | LoadCue
    | PauseCue | ResumeCue | StandBy | GoBack | AuditionCue | AuditionSlot | StopAudition | Prompt | PauseAll
    | ResumeAll | TriggerSlot | ReleaseSlot | StopSlot | SetSlotCold | SelectBank | Say | PrepareLine
    | LoadVoice | WarmVoice | UnloadVoice
    | SetStripGain | SetStripPan | SetStripMute | SetStripSolo | SetSendGain | SetInsertParam | SetInsertBypass
    | SetDuck | SetLimiter | AddDuck | RemoveDuck | SetDuckLookAhead | StoreSnapshot | RecallSnapshot | RemoveSnapshot
    | SetPoint | RemovePoint | ClearAutomation | AddCueMessage | RemoveCueMessage | SetCue | SetSlot | SetClip
    | RenumberCue | SetTempo | RemoveTempo
    | AddInsert | RemoveInsert | MoveInsert | SetInsertState | AddSend | RemoveSend
    | RetryPlugin | ScanPlugins | AddTrack | RemoveTrack | AddBus | RemoveBus | LoadMix
    | OpenInput | CloseInput | StartCapture | StopCapture | TakeFile | SayAgain | TrimCapture | UntrimCapture
    | Panic | StartRecording | StopRecording | StartStream | StopStream
    | StartOutput | StopOutput | StartReceiving | StopReceiving | Render | MakeTake | Transcribe | Export
    | PullModel
    | CancelJob | ClearScheduled | SaveStory | ReloadStory | LoadStory | ClipEdit | AddCapture | EditStory | Undo | Redo
)  # fmt: skip

Listening = (
    OpenInput | CloseInput | StartCapture | StopCapture | TakeFile | SayAgain | TrimCapture | UntrimCapture
)  # fmt: skip
"""What has to do with an input and with what was captured."""

Beside = (
    SaveStory | ReloadStory | LoadStory | StartRecording | StopRecording | Export | MakeTake | Transcribe | Listening
)  # fmt: skip
"""What a replay passes over: what came of it has an entry of its own, or it is about files beside the sound."""

Turn = (
    SetStripGain | SetStripPan | SetStripMute | SetStripSolo | SetSendGain | SetInsertParam | SetInsertBypass | SetDuck
    | SetLimiter
)  # fmt: skip
"""Edits that the mixer follows as it is."""

Rebuild = (
    AddInsert | RemoveInsert | MoveInsert | AddSend | RemoveSend | AddTrack | RemoveTrack | AddBus | RemoveBus | UseMix
    | AddDuck | RemoveDuck | SetDuckLookAhead | SetInsertState
)  # fmt: skip
"""Edits for which the mixer is built anew, while it plays."""

Edit = (
    Turn | Rebuild | StoreSnapshot | RecallSnapshot | RemoveSnapshot | SetPoint | RemovePoint
    | ClearAutomation | AddCueMessage | RemoveCueMessage | SetCue | SetSlot | SetClip | RenumberCue | SetTempo
    | RemoveTempo | ChangeStory
)  # fmt: skip
"""Those commands that change the story itself: they go to the journal before they are acknowledged."""
