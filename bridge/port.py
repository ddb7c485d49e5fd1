"""EnginePort: what a bridge may see of the engine. The control process fits it; nothing in the engine imports it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import msgspec

from engine.commands import Command
from engine.events import Event, PluginChanged, SlotState, StoryEdited, VoiceChanged
from engine.params import ParamSpec
from engine.questions import Question, Row
from engine.story.model import Clip, ColdPolicy, Cue, Slot, TempoPoint


class InsertState(msgspec.Struct, frozen=True, kw_only=True):
    """One insert of a strip. specs, values: every parameter of the effect by name, values in the parameter's unit."""

    effect: str
    specs: Mapping[str, ParamSpec]
    values: Mapping[str, float]
    bypass: bool = False


class StripState(msgspec.Struct, frozen=True, kw_only=True):
    """A mixer channel as it is now. sends: gain in dB by bus id; inserts: in order, addressed from 1.

    duck: knobs of its ducking that can be turned, empty where nothing ducks it. automation: what the timeline turns.
    """

    gain_db: float
    pan: float
    mute: bool
    solo: bool
    sends: Mapping[str, float]
    inserts: Sequence[InsertState]
    duck: Mapping[str, float] = {}
    automation: Sequence[str] = ()


class LimiterState(msgspec.Struct, frozen=True, kw_only=True):
    """The master's limiter. ceiling_db: in dBTP, also while it is off."""

    on: bool
    ceiling_db: float


class TransportState(msgspec.Struct, frozen=True, kw_only=True):
    """The timeline as it is now. loop: start and end timeline frame, None: no loop. end_frame: where the story ends."""

    playing: bool
    timeline_frame: int
    end_frame: int = 0
    loop: tuple[int, int] | None = None


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A strip's last meter reading in dBFS, left and right, never below ``SILENCE_DB``."""

    peak_db: tuple[float, float]
    rms_db: tuple[float, float]


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the engine fares.

    load: callback time as a part of the block's time. takes: of the lines that the story wants. steady: the driver
    counts its frames itself, as JACK does.
    """

    sample_rate: int
    actual_sample_rate: float
    block_frames: int
    latency_seconds: float
    load_mean: float
    load_peak: float
    underflows: int
    late_starts: int
    players: int
    loop_lag_seconds: float
    takes_ready: int
    takes_wanted: int
    device: str
    steady: bool = False


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """What a doctor would look at.

    histogram: callbacks by the time they took; bin b counts those of 2^(b-1) to 2^b µs. causes: how many underflows
    came from what, as ``engine.realtime.causes.CAUSES`` names them. processes: name and process id
    of each that is known.
    """

    histogram: tuple[int, ...]
    causes: tuple[int, ...]
    processes: tuple[tuple[str, int], ...]


class LoudnessState(msgspec.Struct, frozen=True, kw_only=True):
    """The master's loudness since the last reset, in LUFS and dBTP; ``SILENT_LUFS`` where there is nothing."""

    momentary_lufs: float
    short_term_lufs: float
    integrated_lufs: float
    true_peak_dbtp: float


SILENT_LUFS = -100.0


class PrefetchState(msgspec.Struct, frozen=True, kw_only=True):
    """How well prepared the engine is. ready, wanted: of what comes next. memory: the part that is taken, 0 to 1.

    ready_seconds: how long the timeline could run from here without a gap. horizon_seconds: how far it looks ahead.
    """

    ready: int
    wanted: int
    ready_seconds: float
    horizon_seconds: float
    memory: float


class ClipFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A clip of the story, and what is known of it by now.

    start_frame, length_frames: on the timeline, None: not known yet. take: the digest of what it plays, or empty.
    """

    track: str
    clip: Clip
    start_frame: int | None = None
    length_frames: int | None = None
    take: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A musical place on the timeline, bar and beat counted from 1, and what is in force there."""

    bar: int
    beat: float
    beats_per_bar: int
    tempo_bpm: float


class VoiceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a voice's model takes now, and its seconds of work for a second of sound as learnt so far; 0: not known."""

    megabytes: float = 0.0
    real_time_factor: float = 0.0


class EngineClock(Protocol):
    """Maps wall time to engine frames. Held: two times N frames apart map to frames N apart."""

    def frame_at(self, unix_seconds: float) -> int:
        """Return the engine frame that sounds at ``unix_seconds``."""
        ...

    def time_at(self, frame: int) -> float:
        """Return the wall time (Unix seconds) at which ``frame`` sounds."""
        ...


class RecordingState(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording goes. state: off, on, or ending: it was stopped and is being written to its end."""

    state: str = "off"
    name: str = ""
    folder: str = ""
    seconds: float = 0.0
    lost_seconds: float = 0.0


class CaptureState(msgspec.Struct, frozen=True, kw_only=True):
    """How listening goes. state: off, listening, capturing or ending. peak_db: of the last half second."""

    state: str = "off"
    device: str = ""
    name: str = ""
    seconds: float = 0.0
    peak_db: float = -120.0


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """A strip's sound that goes out over the network. state: sending or failing; text: what is wrong, or nothing."""

    name: str
    kind: str
    strip: str
    host: str
    port: int
    state: str
    packets: int
    lost_seconds: float
    text: str


class FurtherOutputState(msgspec.Struct, frozen=True, kw_only=True):
    """A strip on a further device. state: playing or waiting; text: what is wrong, or nothing.

    ppm: by how many parts per million the engine's clock is faster than the device's.
    """

    bus: str
    device: str
    state: str
    sample_rate: int
    latency_seconds: float
    fill_seconds: float
    ppm: float
    lost_seconds: float
    text: str


class ReceiverState(msgspec.Struct, frozen=True, kw_only=True):
    """A stream from the network. state: playing, waiting or failing; text: what is wrong, or nothing.

    sender: whose it is now. refused: packets of others. ppm: by how many parts per million its clock is faster than
    the engine's.
    """

    name: str
    kind: str
    strip: str
    port: int
    state: str
    sender: str
    packets: int
    refused: int
    lost_seconds: float
    latency_seconds: float
    fill_seconds: float
    ppm: float
    text: str


class EditingState(msgspec.Struct, frozen=True, kw_only=True):
    """The history of the story. steps, undone: version, name and client of each, the newest (the next) last."""

    version: int = 0
    steps: Sequence[tuple[int, str, str]] = ()
    undone: Sequence[tuple[int, str, str]] = ()


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job that goes on. verb: say, render or export. fraction: 0 to 1 of ``stage``."""

    job: str
    verb: str
    fraction: float
    stage: str


class EnginePort(Protocol):
    """The engine's one door for bridges: commands in, state and events out.

    Called from the control process's event loop only. No method blocks or awaits. The state methods raise
    UnknownThing for an id that does not exist.
    """

    @property
    def sample_rate(self) -> int:
        """The project's rate in Hz."""
        ...

    @property
    def block_frames(self) -> int:
        """The device's block: what is asked for sooner than that starts with the next one."""
        ...

    @property
    def clock(self) -> EngineClock:
        """The engine's clock."""
        ...

    def apply(self, command: Command, at_frame: int | None = None, client: str = "") -> tuple[Event, ...]:
        """Do ``command`` and return what came of it; subscribers hear the same events before this returns.

        at_frame: the engine frame at which it sounds, None: as soon as possible; a command without effect in the
        mixer does not mind it. client: who wants it, for the history. Raises EngineError.
        """
        ...

    def together(self) -> AbstractContextManager[None]:
        """Hold back what commands send to the mixer and hand it over in one piece at the end: one block hears all."""
        ...

    def subscribe(self, callback: Callable[[tuple[Event, ...]], None]) -> Callable[[], None]:
        """Call ``callback`` with every event, whoever caused it; return what ends that."""
        ...

    def tell(self, *events: Event) -> tuple[Event, ...]:
        """Pass on events of a bridge's own: every subscriber hears them, whichever wire they are on."""
        ...

    def remember(self, name: str, note: bytes | None) -> None:
        """Keep a note for a bridge that goes on when this process is gone; None: forget it. Any thread may."""
        ...

    def recalled(self, prefix: str) -> Mapping[str, bytes]:
        """Return the notes whose names begin with ``prefix``, without it, oldest first."""
        ...

    def strip_ids(self) -> Sequence[str]:
        """Return the mixer channels: tracks, buses, master."""
        ...

    def cue_lists(self) -> Sequence[str]:
        """Return the cue lists, the first one first."""
        ...

    def cue_ids(self, cuelist: str | None = None) -> Sequence[str]:
        """Return the cues in the order of a list (None: the first one, here and below)."""
        ...

    def slot_keys(self) -> Sequence[tuple[str, int]]:
        """Return bank and index of every slot, in the order of the story."""
        ...

    def clip_ids(self) -> Sequence[str]:
        """Return the clips of all tracks."""
        ...

    def plugin_rows(self) -> Sequence[PluginChanged]:
        """Return the state of every plug-in that is known, those of the story first."""
        ...

    def voice_ids(self) -> Sequence[str]:
        """Return the voices that can speak."""
        ...

    def voice_state(self, voice: str) -> VoiceChanged:
        """Return how ready a voice is."""
        ...

    def snapshot_ids(self) -> Sequence[str]:
        """Return the snapshots of the mix."""
        ...

    def automation(self, strip: str, target: str) -> Sequence[tuple[int, float, str]]:
        """Return timeline frame, value and curve of every point that the timeline turns a strip's knob by."""
        ...

    def limiter(self) -> LimiterState:
        """Return how the master is limited."""
        ...

    def strip_state(self, strip: str) -> StripState:
        """Return a mixer channel's state."""
        ...

    def cue_state(self, cue: str, cuelist: str | None = None) -> SlotState:
        """Return how far a cue is."""
        ...

    def cue_times(self, cue: str, cuelist: str | None = None) -> tuple[int, int, int]:
        """Return how long a cue has sounded, still will, and would in all, in frames; -1 s: for ever, or not known."""
        ...

    def cue_messages(self, cue: str, cuelist: str | None = None) -> Sequence[str]:
        """Return what a cue sends, as the story file writes it; nothing for one that sounds."""
        ...

    def cue(self, cue: str, cuelist: str | None = None) -> Cue:
        """Return a cue of the story."""
        ...

    def slot(self, bank: str, index: int) -> Slot:
        """Return a slot of the story."""
        ...

    def clip(self, clip: str) -> ClipFacts:
        """Return a clip of the story and what is known of it."""
        ...

    def clip_words(self, clip: str) -> Sequence[tuple[str, int]]:
        """Return the words of a clip's line as they are named, and the frame of the clip where each starts."""
        ...

    def markers(self) -> Sequence[tuple[str, int, str]]:
        """Return id, timeline frame and name of every marker; none while their places are not known."""
        ...

    def timeline_mark(self) -> object:
        """Return something that is another one whenever clips and markers lie elsewhere on the timeline."""
        ...

    def title(self) -> str:
        """Return what the story is called."""
        ...

    def tempo(self) -> Sequence[TempoPoint]:
        """Return the story's tempos, the first one at bar 1."""
        ...

    def place_of(self, timeline_frame: int) -> Place:
        """Return the musical place of a timeline frame."""
        ...

    def slot_state(self, bank: str, index: int) -> SlotState:
        """Return how far a slot is."""
        ...

    def slot_strip(self, bank: str, index: int) -> str | None:
        """Return the strip that a slot sounds on; None: it plays the timeline."""
        ...

    def slot_stands_by(self, bank: str, index: int) -> bool:
        """Return whether a slot plays what GO of the first list fires next."""
        ...

    def strip_line(self, strip: str) -> str:
        """Return the text, or the name, of what sounds on a strip now; an empty text: nothing."""
        ...

    def slot_cold(self, bank: str, index: int) -> ColdPolicy:
        """Return what a slot does whose take is not there."""
        ...

    def slot_bank(self) -> str | None:
        """Return the bank at hand; None without slots."""
        ...

    def prefetch(self) -> PrefetchState:
        """Return how well prepared the engine is for what comes."""
        ...

    def slot_words(self, bank: str, index: int) -> Sequence[tuple[str, int]]:
        """Return the words of a slot's line as they are named, and the frame of its take where each starts."""
        ...

    def clip_state(self, clip: str) -> SlotState:
        """Return how far a clip's take is."""
        ...

    def next_cue(self, cuelist: str | None = None) -> str | None:
        """Return the cue that GO fires next, None at the list's end."""
        ...

    def following_cue(self, cuelist: str | None = None) -> str | None:
        """Return the cue that is next after the next GO."""
        ...

    def transport_state(self) -> TransportState:
        """Return where the timeline stands now."""
        ...

    def timeline_at(self, frame: int) -> int | None:
        """Return where the timeline stands at an engine frame as it runs now; None while it rests."""
        ...

    def frame_of_beat(self, beat: float) -> int:
        """Return the timeline frame of a beat of the story, counted from 0 over all its bars."""
        ...

    def beat_of_frame(self, frame: int) -> float:
        """Return the beat of the story, counted from 0 over all its bars, at a timeline frame."""
        ...

    def timeline_reaches(self, timeline_frame: int, after: int | None = None) -> int | None:
        """Return the engine frame at which the timeline next comes to a place, from engine frame ``after`` on.

        after: None: from where it last began to run otherwise than before. None is returned while it rests, and when
        it does not come by as it runs now.
        """
        ...

    def meter(self, strip: str) -> Meter:
        """Return a strip's last reading; reading changes nothing, so that several may look."""
        ...

    def reduction_db(self, strip: str) -> float:
        """Return what ducking takes away from a strip, or the limiter from the master; 0 or less."""
        ...

    def loudness(self) -> LoudnessState:
        """Return the master's loudness; who asks first has the measurement begin."""
        ...

    def recording(self) -> RecordingState:
        """Return how the recording goes."""
        ...

    def captures(self) -> CaptureState:
        """Return how listening goes."""
        ...

    def capture_names(self) -> Sequence[str]:
        """Return the names of all captures."""
        ...

    def streams(self) -> Sequence[StreamState]:
        """Return every network stream."""
        ...

    def outputs(self) -> Sequence[FurtherOutputState]:
        """Return every strip that is played on a further device."""
        ...

    def receivers(self) -> Sequence[ReceiverState]:
        """Return every stream that is heard from the network."""
        ...

    def editing(self) -> EditingState:
        """Return the history of the story."""
        ...

    def story_digest(self) -> str:
        """Return a digest of all that can be edited."""
        ...

    def edits_since(self, version: int) -> Sequence[StoryEdited]:
        """Return what has changed behind a version. Raises Conflict where that is not known."""
        ...

    def find_text(self, text: str) -> Sequence[tuple[str, str, int]]:
        """Return clip, word as it is named, and timeline frame of every place where ``text`` is said; -1: not known."""
        ...

    def jobs(self) -> Sequence[JobState]:
        """Return every job that goes on."""
        ...

    def say_queue(self) -> Sequence[tuple[str, str, str, str]]:
        """Return job, voice, track and text of every line that waits for its take, the oldest first."""
        ...

    async def consult(self, question: Question) -> tuple[Row, ...]:
        """Return what the store of takes and profiles answers. Raises EngineError."""
        ...

    async def picture(self, kind: Literal["png", "svg"]) -> bytes:
        """Return the picture of the story as it is now. Raises EngineError."""
        ...

    def voice_figures(self, voice: str) -> VoiceFigures:
        """Return what a voice takes and how fast it speaks."""
        ...

    def reset_loudness(self) -> None:
        """Measure loudness from now on."""
        ...

    def status(self) -> EngineStatus:
        """Return how the engine fares."""
        ...

    def dictate(self, text: str, voice: str, rate_hz: int) -> AsyncIterator[bytes]:
        """Speak a text into the caller's hands, unheard: 16 bits, mono, little-endian, as it is ready.

        Raises EngineError from the iteration.
        """
        ...

    def vitals(self) -> Vitals:
        """Return callback times and processes."""
        ...

    def write_black_box(self, reason: str) -> str:
        """Write the last minute of commands, events and counters into a file and return its path."""
        ...
