"""Events: everything that the engine tells back. Past tense, frozen; times are engine frames unless named otherwise."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.story.messages import Outgoing
from engine.story.model import MAIN_LIST, ColdPolicy

SlotState = Literal["empty", "queued", "rendering", "ready", "waiting", "playing", "paused", "failed"]

Space = Literal["ok", "low", "full"]

VoiceState = Literal["cold", "loading", "warm", "speaking", "failed"]


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all events share."""


class TransportChanged(Base, frozen=True, kw_only=True):
    """The timeline started, stopped, moved, or got another loop. loop: start and end timeline frame."""

    playing: bool
    timeline_frame: int
    loop: tuple[int, int] | None = None


class CueStarted(Base, frozen=True, kw_only=True):
    """A cue's first frame left the mixer."""

    cue: str
    requested_frame: int
    actual_frame: int
    cuelist: str = MAIN_LIST


class CueEnded(Base, frozen=True, kw_only=True):
    """A cue's last player ended."""

    cue: str
    cuelist: str = MAIN_LIST


class MessageDue(Base, frozen=True, kw_only=True):
    """A cue sends a message at an engine frame: when that frame is heard. Told a little ahead.

    number: rises from 1 on; told again, with the same number, by a session that goes on after one that is gone.
    """

    cue: str
    frame: int
    message: Outgoing
    cuelist: str = MAIN_LIST
    number: int = 0


class CueChanged(Base, frozen=True, kw_only=True):
    """A cue is in another state: its take was queued, rendered, failed, it waits, or was held or let go on."""

    cue: str
    state: SlotState
    cuelist: str = MAIN_LIST


class CueEdited(Base, frozen=True, kw_only=True):
    """A cue's name, waits, level or follow-on changed."""

    cue: str
    cuelist: str = MAIN_LIST


class PlayheadMoved(Base, frozen=True, kw_only=True):
    """Another cue is next on GO (None: the list is at its end)."""

    next_cue: str | None
    cuelist: str = MAIN_LIST


class Prompted(Base, frozen=True, kw_only=True):
    """The prompter says ``text``, for a cue that stands by ("": for itself)."""

    cue: str
    text: str


class SlotChanged(Base, frozen=True, kw_only=True):
    """A slot is in another state."""

    bank: str
    index: int
    state: SlotState


class SlotEdited(Base, frozen=True, kw_only=True):
    """A slot's name, level, mode or choke group changed."""

    bank: str
    index: int


class CueRenumbered(Base, frozen=True, kw_only=True):
    """A cue has another number, which is its id."""

    cue: str
    number: str
    cuelist: str = MAIN_LIST


class TempoChanged(Base, frozen=True, kw_only=True):
    """The story has another tempo map."""


class ClipEdited(Base, frozen=True, kw_only=True):
    """A clip's name, level, pan, mute or seed changed."""

    clip: str


class ClipChanged(Base, frozen=True, kw_only=True):
    """A clip's take is in another state."""

    clip: str
    state: SlotState


class StripGainChanged(Base, frozen=True, kw_only=True):
    """A fader moved."""

    strip: str
    gain_db: float


class StripPanChanged(Base, frozen=True, kw_only=True):
    """A pan knob moved."""

    strip: str
    pan: float


class StripMuteChanged(Base, frozen=True, kw_only=True):
    """A strip was muted or opened."""

    strip: str
    mute: bool


class StripSoloChanged(Base, frozen=True, kw_only=True):
    """A strip's solo changed."""

    strip: str
    solo: bool


class SendGainChanged(Base, frozen=True, kw_only=True):
    """A send's level moved."""

    strip: str
    bus: str
    gain_db: float


class InsertParamChanged(Base, frozen=True, kw_only=True):
    """A parameter of an insert changed. insert: counted from 1."""

    strip: str
    insert: int
    param: str
    value: float


class InsertBypassChanged(Base, frozen=True, kw_only=True):
    """An insert was taken out of the sound or let in again. insert: counted from 1."""

    strip: str
    insert: int
    bypass: bool


class DuckChanged(Base, frozen=True, kw_only=True):
    """A knob of a strip's ducking was turned."""

    strip: str
    knob: str
    value: float


class LimiterChanged(Base, frozen=True, kw_only=True):
    """The master's limiter was switched, or has another ceiling. limiter_db: in dBTP, None: it is off."""

    limiter_db: float | None


class AutomationChanged(Base, frozen=True, kw_only=True):
    """A strip's automation has other points."""

    strip: str


class SnapshotRecalled(Base, frozen=True, kw_only=True):
    """A snapshot is being faded in. left_out: what does not fit this mix any more."""

    snapshot: str
    left_out: tuple[str, ...] = ()


class SnapshotsChanged(Base, frozen=True, kw_only=True):
    """There are other snapshots."""


class InsertsChanged(Base, frozen=True, kw_only=True):
    """A strip has other inserts, or has them in another order."""

    strip: str


class MixChanged(Base, frozen=True, kw_only=True):
    """The mix has other strips, inserts or sends: addresses came or went. what: the edit, in words."""

    what: str


class PluginChanged(Base, frozen=True, kw_only=True):
    """A plug-in is in another state: ready, missing (or broken, or not tried yet), or quarantined. reason: why.

    plugin: as inserts name it. A strip plays on without one that is not ready.
    """

    plugin: str
    state: Literal["ready", "missing", "quarantined"]
    reason: str = ""


class PluginsScanned(Base, frozen=True, kw_only=True):
    """All plug-in folders have been gone through. ready, faulty: how many plug-ins can be used, and how many can't."""

    ready: int
    faulty: int


class VoiceChanged(Base, frozen=True, kw_only=True):
    """What a voice speaks with is in another state. fraction: of loading. text: its stage, or why it failed."""

    voice: str
    state: VoiceState
    fraction: float = 0.0
    text: str = ""


class VoicesChanged(Base, frozen=True, kw_only=True):
    """There are other voices."""


class JobProgressed(Base, frozen=True, kw_only=True):
    """A job is at ``fraction`` (0..1) of ``stage``."""

    job: str
    verb: str
    fraction: float
    stage: str


class JobDone(Base, frozen=True, kw_only=True):
    """A job is finished. result: what it made (a clip's digest, a folder); seconds: how long it sounds."""

    job: str
    verb: str
    result: str
    seconds: float


class JobFailed(Base, frozen=True, kw_only=True):
    """A job ended without its result."""

    job: str
    verb: str
    code: str
    text: str


class PassageHeard(Base, frozen=True, kw_only=True):
    """A job that listens to a recording knows what is said in a part of it. language: its code."""

    job: str
    text: str
    language: str
    start_seconds: float
    end_seconds: float


class WordHeard(Base, frozen=True, kw_only=True):
    """A word of the passage that was told last. source, confidence: see ``HeardWord``."""

    job: str
    text: str
    start_seconds: float
    end_seconds: float
    source: str
    confidence: float


class StartedLate(Base, frozen=True, kw_only=True):
    """Something sounded later than it was asked for."""

    what: str
    late_seconds: float
    sequence: int


class Dropped(Base, frozen=True, kw_only=True):
    """Something that was asked for could not be done; never silent."""

    what: str
    code: str
    text: str


class PlayedCold(Base, frozen=True, kw_only=True):
    """Something was to sound whose take was not there. did: wait (it is played while it is made), last, or skip."""

    what: str
    did: ColdPolicy
    text: str


class RanDry(Base, frozen=True, kw_only=True):
    """What is played while it is made came to the end of what was ready: it faded out and waits."""

    what: str
    after_seconds: float


class WentOn(Base, frozen=True, kw_only=True):
    """What ran dry sounds again, after so much silence."""

    what: str
    gap_seconds: float


class SlotColdChanged(Base, frozen=True, kw_only=True):
    """A slot does something else when its take is not there."""

    bank: str
    index: int
    cold: ColdPolicy


class BankSelected(Base, frozen=True, kw_only=True):
    """Another bank of slots is at hand: its takes are made and loaded first."""

    bank: str


class PanicBegun(Base, frozen=True, kw_only=True):
    """Everything fades out, and what was to come is forgotten; Panicked follows at the fade's end."""


class Panicked(Base, frozen=True, kw_only=True):
    """Everything was silenced."""


class StripFailed(Base, frozen=True, kw_only=True):
    """An effect failed; the strip is silent until the story is reloaded."""

    strip: str


class MidiHeard(Base, frozen=True, kw_only=True):
    """A device sent something. message: as a person reads it; effect: what it did, empty: nothing."""

    port: str
    message: str
    effect: str


class MidiPortChanged(Base, frozen=True, kw_only=True):
    """A MIDI port was opened, or went away. surface: what it is taken for."""

    port: str
    surface: str
    open: bool


class MidiLearned(Base, frozen=True, kw_only=True):
    """A control was taught an address. control: as a surface preset writes it."""

    port: str
    control: str
    address: str


class MidiRecorded(Base, frozen=True, kw_only=True):
    """Played pads lie in a file. notes: how many."""

    path: str
    notes: int


class SyncChanged(Base, frozen=True, kw_only=True):
    """The timeline follows another clock, or that clock's state changed. source: internal, mtc, clock, link, jack.

    state: stopped, locking, locked or freewheel. timecode: where the source stands, as it says it itself.
    """

    source: str
    state: str
    timecode: str = ""
    tempo_bpm: float = 0.0


class ClockSourceChanged(Base, frozen=True, kw_only=True):
    """The timeline is to follow another clock, follows another one, or that one's state changed.

    wanted: a source, or ``auto``: the first of ``priority`` that runs.
    """

    wanted: str
    source: str
    state: str
    priority: str


class StoryEdited(Base, frozen=True, kw_only=True):
    """The story is at another version. name, client: what was done, and whose it was. what: the things it touched.

    ``clip k1``, ``track ann``, ``cues`` …; a client that knows the version before is up to date when it looks at them.
    """

    version: int
    name: str
    client: str
    what: tuple[str, ...]


class ClipsChanged(Base, frozen=True, kw_only=True):
    """There are other clips than before."""


class StorySaved(Base, frozen=True, kw_only=True):
    """The story's file holds every change."""

    path: str


class StoryChangedOnDisk(Base, frozen=True, kw_only=True):
    """Somebody else edited the story's file; ReloadStory takes it over."""

    path: str


class TurnsWaiting(Base, frozen=True, kw_only=True):
    """Faders and knobs that are turned can't be kept beside the story for now; an empty text: all is kept, again."""

    path: str
    text: str


class StoryReloaded(Base, frozen=True, kw_only=True):
    """The engine plays the file as it is now. dropped: edits of ours that no longer fit."""

    path: str
    dropped: tuple[str, ...] = ()


class ProcessReplaced(Base, frozen=True, kw_only=True):
    """A process died or hung and another one has taken over. silent_seconds: for how long it was missing."""

    process: Literal["audio", "control", "voice", "io"]
    reason: str
    silent_seconds: float = 0.0


class RecordingStarted(Base, frozen=True, kw_only=True):
    """Strips are being recorded, each into a file of its own in a folder."""

    name: str
    folder: str
    strips: tuple[str, ...]


class StreamChanged(Base, frozen=True, kw_only=True):
    """A network stream has begun or ended, or fails, or does so no more. text: what is wrong, or nothing."""

    name: str
    state: Literal["sending", "failing", "stopped"]
    text: str = ""


class FurtherOutputChanged(Base, frozen=True, kw_only=True):
    """A strip is played on a further device, or waits for it, or is played there no more; or sound was lost.

    device: what plays, or was asked for. lost_seconds: since it was told last. text: what is wrong, or nothing.
    """

    bus: str
    device: str
    state: Literal["playing", "waiting", "stopped"]
    lost_seconds: float = 0.0
    text: str = ""


class ReceivingChanged(Base, frozen=True, kw_only=True):
    """A stream from the network is heard, or waited for, or can't be heard, or is heard no more; or sound was lost.

    lost_seconds: since it was told last. text: what is wrong, or nothing.
    """

    name: str
    strip: str
    state: Literal["playing", "waiting", "failing", "stopped"]
    lost_seconds: float = 0.0
    text: str = ""


class RecordingEnded(Base, frozen=True, kw_only=True):
    """A recording has ended and lies there.

    lost_seconds: of it that never arrived and are silence. story: the file of what was played, if it could be written.
    left_out: what is no clip there. text: why it ended by itself, a full disk for one.
    """

    name: str
    folder: str
    seconds: float
    lost_seconds: float = 0.0
    story: str = ""
    left_out: tuple[str, ...] = ()
    text: str = ""


class InputChanged(Base, frozen=True, kw_only=True):
    """An input is listened to; device: empty: none is, and text says why, or nothing."""

    device: str
    text: str = ""


class CaptureStarted(Base, frozen=True, kw_only=True):
    """A line is being captured."""

    name: str


class CaptureEnded(Base, frozen=True, kw_only=True):
    """It is captured, and will be trimmed and written down. lost_seconds: of it that never arrived. text: why it ended
    by itself. kept: False: it was thrown away."""

    name: str
    seconds: float
    lost_seconds: float = 0.0
    kept: bool = True
    text: str = ""


class CaptureReady(Base, frozen=True, kw_only=True):
    """A capture is trimmed and written down.

    file: from the story's folder on. words: how many have their times. note: what could not be done, for people.
    start_seconds, end_seconds: the line's, in all that was captured.
    """

    name: str
    file: str
    seconds: float
    text: str = ""
    words: int = 0
    note: str = ""
    start_seconds: float = 0.0
    end_seconds: float = 0.0


class CaptureSpoken(Base, frozen=True, kw_only=True):
    """A voice said a capture again. median_ms, most_ms: by how much words begin elsewhere than in the capture.

    words: how many were compared. left: words of the capture that it did not say. fastest, slowest: speeds of words.
    """

    name: str
    voice: str
    file: str
    words: int
    left: int
    median_ms: float
    most_ms: float
    fastest: float
    slowest: float


class DiskFailing(Base, frozen=True, kw_only=True):
    """An audio file that is played from the disk can't be read; an empty text: it can, again."""

    path: str
    text: str


class DiskSpaceChanged(Base, frozen=True, kw_only=True):
    """The disk of the takes has become low or full, or has room again."""

    folder: str
    state: Space
    free_mb: float


class LibrarySpaceChanged(Base, frozen=True, kw_only=True):
    """The library's sound has come near what it may take (low), takes more (full), or no longer does."""

    state: Space
    used_mb: float
    max_mb: float


class LibraryPruned(Base, frozen=True, kw_only=True):
    """Sounds that nobody needs made room. over_mb: what is still too much, all of it needed."""

    sounds: int
    mb: float
    over_mb: float


class SourceFailed(Base, frozen=True, kw_only=True):
    """What the story plays can't be read or made: a sound that is missing, a line that can't be spoken.

    source: the file's path from the story's folder on, or the line's text. users: the clips, cues and slots that stay
    silent.
    """

    source: str
    users: str
    code: str
    text: str


class TimeJumped(Base, frozen=True, kw_only=True):
    """The machine's clock has jumped by so much: it was set, or the machine was suspended. Frames go on."""

    seconds: float


class OutputChanged(Base, frozen=True, kw_only=True):
    """Another device plays. missing: why it is not the one that was asked for; empty when it is."""

    device: str
    missing: str = ""


Event = (
    TransportChanged | CueStarted | CueEnded | MessageDue | CueChanged | PlayheadMoved | Prompted
    | SlotChanged | ClipChanged | CueEdited | CueRenumbered | SlotEdited | ClipEdited | TempoChanged
    | StripGainChanged | StripPanChanged | StripMuteChanged | StripSoloChanged | SendGainChanged | InsertParamChanged
    | InsertBypassChanged | DuckChanged | LimiterChanged | AutomationChanged | SnapshotRecalled | SnapshotsChanged
    | InsertsChanged | MixChanged | PluginChanged | PluginsScanned
    | VoiceChanged | VoicesChanged | JobProgressed | JobDone | JobFailed | PassageHeard | WordHeard
    | StartedLate | Dropped | PanicBegun | Panicked | StripFailed
    | MidiHeard | MidiPortChanged | MidiLearned | MidiRecorded | SyncChanged
    | ClockSourceChanged
    | StoryEdited | ClipsChanged
    | StorySaved | StoryChangedOnDisk | StoryReloaded | TurnsWaiting | ProcessReplaced | OutputChanged
    | PlayedCold | RanDry | WentOn | SlotColdChanged | BankSelected
    | InputChanged | CaptureStarted | CaptureEnded | CaptureReady | CaptureSpoken
    | RecordingStarted | RecordingEnded | StreamChanged | FurtherOutputChanged | ReceivingChanged
    | TimeJumped | DiskFailing | DiskSpaceChanged | LibrarySpaceChanged | LibraryPruned | SourceFailed
)  # fmt: skip
