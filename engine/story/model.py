"""The story: tracks of clips, buses, cues, slots, markers and tempo. Frozen, exact in frames, no I/O."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.plugins.facts import PluginFacts
from engine.story.messages import Outgoing
from engine.story.midi_notes import MidiNotes

MASTER = "master"
"""The id of the strip that everything runs through."""

MAIN_LIST = "main"
"""The id of the cue list that a story's ``cues`` are."""

RESERVED_IDS = frozenset({"master", "id", "go", "stop", "trigger", "release", "gain", "pan", "mute", "solo", "send"})
"""Ids that addresses use for themselves."""


ExportFormat = Literal[
    "stems", "mix", "clips", "reaper", "live", "dawproject", "aaf", "ardour", "otio", "midi", "captions", "markers"
]
"""What an export can write."""


class At(msgspec.Struct, frozen=True, kw_only=True, tag="at"):
    """A fixed place on the timeline, in frames."""

    frame: int


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag="beat"):
    """A musical place: bar and beat, both counted from 1; beats may be fractions."""

    bar: int
    beat: float = 1.0


class After(msgspec.Struct, frozen=True, kw_only=True, tag="after"):
    """After another clip's end plus a gap (negative: overlap). ``clip`` None: the clip above in the same track."""

    clip: str | None = None
    gap_frames: int = 0


Position = At | Beat | After


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One insert: an effect's name (see ``engine/mixer/effects.py``) and those parameters that differ from default.

    A plug-in is ``plugin:`` and its name or path; ``state`` is its own, opaque, in base64, ``params`` come on top.
    """

    effect: str
    params: dict[str, float] = {}
    bypass: bool = False
    state: str = ""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """What a strip gives to a bus, after its fader."""

    to: str
    gain_db: float = 0.0


class Duck(msgspec.Struct, frozen=True, kw_only=True):
    """A strip goes down by ``depth_db`` while a track in ``by`` plays louder than the threshold.

    The times are how long nine tenths of the way take. look_ahead_ms delays the whole mix.
    """

    by: tuple[str, ...]
    depth_db: float = -12.0
    threshold_db: float = -40.0
    attack_ms: float = 30.0
    hold_ms: float = 150.0
    release_ms: float = 400.0
    look_ahead_ms: float = 0.0


Curve = Literal["linear", "smooth", "hold"]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Where a knob is at a place of the timeline, and how it goes on from there to the next point."""

    at: At | Beat
    value: float
    curve: Curve = "linear"


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """What the timeline does with one knob: ``gain_db``, ``pan``, ``send.BUS`` or ``insert.NUMBER.PARAMETER``."""

    target: str
    points: tuple[Point, ...]


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """A mixer channel's settings."""

    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    inserts: tuple[Effect, ...] = ()
    sends: tuple[Send, ...] = ()
    duck: Duck | None = None
    automation: tuple[Lane, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a line is spoken, beside its text and its voice.

    speed: 2 is twice as fast, its pitch kept. seed: what chance is drawn from. temperature: how much chance there is,
    None: as much as the voice has. instruct: words to a voice that understands them. seconds: how long the take lasts,
    to the frame: what speed leaves to do is done by speaking it again, then by stretching; None: as long as it takes.
    """

    speed: float = 1.0
    pitch_semitones: float = 0.0
    seed: int = 0
    temperature: float | None = None
    instruct: str = ""
    seconds: float | None = None


AS_IS = Delivery()
"""A line spoken as its voice speaks."""


class Pronunciation(msgspec.Struct, frozen=True, kw_only=True):
    """How a word is said: by espeak-ng's phonemes where the voice reads them, else as ``say`` is. One may be empty."""

    word: str
    phonemes: str = ""
    say: str = ""


def entries_in(entries: tuple[Pronunciation, ...], text: str) -> tuple[Pronunciation, ...]:
    """Return the entries of a dictionary whose words may stand in ``text``: what a line's take depends on."""
    folded = text.casefold() if entries else ""
    return tuple(entry for entry in entries if entry.word.casefold() in folded)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Text to be spoken by a voice (an id of the voice catalog).

    pronounce: those entries of the story's dictionary that the text needs.
    """

    text: str
    voice: str
    delivery: Delivery = Delivery()
    pronounce: tuple[Pronunciation, ...] = ()


FadeShape = Literal["linear", "equal_power", "s_curve", "exponential"]


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A take or an audio file on a track.

    line, audio: exactly one is set; ``audio`` is a path relative to the story's folder.
    trim_start_frames: cut from the front of the source. length_frames: frames that sound, None: to the source's end.
    mute: it keeps its place on the timeline, and is not heard there; a cue or a slot plays it all the same.
    group: clips of one group are moved together; empty: it is in none.
    """

    id: str
    start: Position
    name: str = ""
    line: Line | None = None
    audio: str | None = None
    trim_start_frames: int = 0
    length_frames: int | None = None
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    fade_in_frames: int = 0
    fade_out_frames: int = 0
    fade_in_shape: FadeShape = "linear"
    fade_out_shape: FadeShape = "linear"
    group: str = ""


Overlap = Literal["allow", "crossfade", "forbid"]
"""What becomes of an edit that lets clips of a track overlap: it is made, made with a crossfade, or refused."""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A lane of the story; its strip has the same id."""

    id: str
    name: str = ""
    voice: str | None = None
    strip: Strip = Strip()
    clips: tuple[Clip, ...] = ()
    overlap: Overlap = "allow"


class Bus(msgspec.Struct, frozen=True, kw_only=True):
    """A return bus: strips send to it, it sounds in the master; a private one does not, and no export holds it."""

    id: str
    name: str = ""
    private: bool = False
    strip: Strip = Strip()


class Master(msgspec.Struct, frozen=True, kw_only=True):
    """The master strip; ``limiter_db`` is the true-peak ceiling in dBTP, None switches the limiter off.

    limiter_on_db: while it is off, the ceiling that it has when it is switched on.
    """

    strip: Strip = Strip()
    limiter_db: float | None = -1.0
    limiter_on_db: float = -1.0

    @property
    def ceiling_db(self) -> float:
        """The limiter's ceiling in dBTP, whether it is on or not."""
        return self.limiter_on_db if self.limiter_db is None else self.limiter_db


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a target is played: from where, which of its words, and how fast, how often, which way round.

    from_word, to_word: words of the line (``dragon``, ``dragon#2``: the second one, ``#3``: the third word); None: its
    start and its end. from_frame: where it starts without a from_word. repeat: the word that it starts from is played
    so often, or, with a to_word or without any word, all of it.
    semitones: pitch and speed together. speed: without the pitch, prepared ahead.
    """

    from_word: str | None = None
    to_word: str | None = None
    from_frame: int = 0
    repeat: int = 1
    loop: bool = False
    reverse: bool = False
    semitones: float = 0.0
    speed: float = 1.0


class PlayClip(msgspec.Struct, frozen=True, kw_only=True, tag="clip"):
    """Play a clip of the story by its id, with its trim, gain, pan and fades, on its track's strip.

    take: the seed of another take of its line; None: its own.
    """

    clip: str
    manner: Manner = Manner()
    take: int | None = None


class SpeakLine(msgspec.Struct, frozen=True, kw_only=True, tag="line"):
    """Speak a line on a track's strip."""

    line: Line
    track: str
    manner: Manner = Manner()


class PlaySection(msgspec.Struct, frozen=True, kw_only=True, tag="section"):
    """Play the timeline from one marker to another (None: to the end)."""

    from_marker: str
    to_marker: str | None = None


Target = PlayClip | SpeakLine | PlaySection


class FireCues(msgspec.Struct, frozen=True, kw_only=True, tag="group"):
    """Fire cues of the same list at once, each with its own pre-wait. GO passes over cues that a group fires."""

    cues: tuple[str, ...]


class SendMessages(msgspec.Struct, frozen=True, kw_only=True, tag="send"):
    """Send messages to other programs and devices."""

    messages: tuple[Outgoing, ...]


CueTarget = Target | FireCues | SendMessages
Follow = Literal["none", "continue", "end"]


CueColor = Literal["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "grey", "white"]
"""What a cue sheet paints a cue with."""


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered thing that GO fires. ``id`` is what people call its number: ``1``, ``12a``.

    It sounds pre_wait after it was fired. follow: the next cue is fired post_wait after this one begins to sound
    (continue) or has ended (end). prompt: what the prompter says when it stands by. at: the timeline fires it there
    too, once per pass. bus: the strip that it sounds on instead of its clip's or line's own. pan: beside its clip's.
    armed: one that is not does nothing itself when it is fired; what follows it is fired all the same.
    """

    id: str
    target: CueTarget
    name: str = ""
    gain_db: float = 0.0
    pre_wait_frames: int = 0
    post_wait_frames: int = 0
    follow: Follow = "none"
    prompt: str = ""
    at: At | Beat | None = None
    bus: str | None = None
    pan: float = 0.0
    armed: bool = True
    color: CueColor | None = None


class CueList(msgspec.Struct, frozen=True, kw_only=True):
    """A list of cues with a playhead of its own."""

    id: str
    name: str = ""
    cues: tuple[Cue, ...] = ()


class Prompter(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks to operator and actors, on a private bus (None: the first one).

    read_ahead: the line of a cue that stands by and has no prompt is read.
    """

    voice: str
    bus: str | None = None
    read_ahead: bool = False


SlotMode = Literal["oneshot", "gate", "toggle", "retrigger", "layer"]


VelocityCurve = Literal["gm", "linear", "soft", "off"]
Quantise = Literal["none", "beat", "bar", "grid"]
ColdPolicy = Literal["wait", "last", "skip"]
"""What a slot does whose take is not there: play it while it is made, play the take before it, or nothing."""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A pad. choke: slots with the same group stop each other.

    velocity: how it becomes gain. velocity_word: it picks the word to start from instead. velocity_take: it picks the
    take, seeds from the softest press to the hardest; none: there is one. quantise: a press waits for the next beat,
    bar, or multiple of ``grid_beats`` in its bar, while the timeline runs. cold: what is done when its take is not
    there.
    """

    bank: str
    index: int
    target: Target
    name: str = ""
    mode: SlotMode = "oneshot"
    choke: str | None = None
    gain_db: float = 0.0
    velocity: VelocityCurve = "gm"
    velocity_word: bool = False
    velocity_take: tuple[int, ...] = ()
    cold: ColdPolicy = "wait"
    quantise: Quantise = "none"
    grid_beats: float = 0.25

    @property
    def manner(self) -> Manner:
        """How its target is played; a section is played as it lies."""
        return Manner() if isinstance(self.target, PlaySection) else self.target.manner


MidiTempo = Literal["story", "file"]


class MidiTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A Standard MIDI File on the timeline, whose notes press the slots of a bank.

    file: a path relative to the story's folder. first_note: the note of the bank's first slot. channel: 0 is any.
    tempo: its beats are the story's, or it keeps its own tempo. notes: what is in the file.
    """

    file: str
    bank: str
    start: At | Beat = At(frame=0)
    first_note: int = 36
    channel: int = 0
    tempo: MidiTempo = "story"
    notes: MidiNotes | None = None


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """A named point of the timeline."""

    id: str
    at: Position
    name: str = ""


class TempoPoint(msgspec.Struct, frozen=True, kw_only=True):
    """From ``bar`` on, this tempo and this many beats in a bar."""

    bar: int = 1
    tempo_bpm: float = 120.0
    beats_per_bar: int = 4


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A strip in a snapshot. sends: gain in dB by bus; inserts: values by ``number.parameter``, counted from 1."""

    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    sends: dict[str, float] = {}
    inserts: dict[str, float] = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A recallable state of the mixer: faders, pans, mutes, sends and insert parameters by strip."""

    id: str
    name: str = ""
    strips: dict[str, Scene] = {}


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A whole story. Everything inside is a value: an edit makes a new story.

    export: the formats that an export of it writes beside stems, unless it is told otherwise; none: Cuevox's choice.
    pronounce: its dictionary.
    plugins: what is known here of the plug-ins that it names, by effect; no part of its file.
    """

    title: str
    sample_rate: int = 48000
    tempo: tuple[TempoPoint, ...] = (TempoPoint(),)
    tracks: tuple[Track, ...] = ()
    buses: tuple[Bus, ...] = ()
    master: Master = Master()
    cues: tuple[Cue, ...] = ()
    cuelists: tuple[CueList, ...] = ()
    go_debounce_seconds: float = 0.1
    prompter: Prompter | None = None
    slots: tuple[Slot, ...] = ()
    midi: tuple[MidiTrack, ...] = ()
    markers: tuple[Marker, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    export: tuple[ExportFormat, ...] = ()
    pronounce: tuple[Pronunciation, ...] = ()
    plugins: dict[str, PluginFacts] = {}

    def strips(self) -> dict[str, Strip]:
        """Return every mixer channel by id: tracks, then buses, then the master."""
        return {
            **{t.id: t.strip for t in self.tracks},
            **{b.id: b.strip for b in self.buses},
            MASTER: self.master.strip,
        }

    def cue_lists(self) -> dict[str, tuple[Cue, ...]]:
        """Return every cue list by id, the first one first: ``cues``, or the first of ``cuelists`` without any."""
        first = {} if self.cuelists and not self.cues else {MAIN_LIST: self.cues}
        return {**first, **{each.id: each.cues for each in self.cuelists}}

    def line(self, text: str, voice: str, delivery: Delivery = AS_IS) -> Line:
        """Return a line with what the story's dictionary says of its words."""
        return Line(text=text, voice=voice, delivery=delivery, pronounce=entries_in(self.pronounce, text))

    def private_buses(self) -> tuple[str, ...]:
        """Return the buses that only the operator hears."""
        return tuple(bus.id for bus in self.buses if bus.private)

    def public(self) -> Story:
        """Return the story as an audience hears it: without private buses and what is sent to them."""
        private = set(self.private_buses())
        if not private:
            return self

        def without(strip: Strip) -> Strip:
            return msgspec.structs.replace(strip, sends=tuple(s for s in strip.sends if s.to not in private))

        return msgspec.structs.replace(
            self,
            tracks=tuple(msgspec.structs.replace(t, strip=without(t.strip)) for t in self.tracks),
            buses=tuple(b for b in self.buses if not b.private),
            prompter=None,
        )

    def clips(self) -> dict[str, tuple[Track, Clip]]:
        """Return every clip by id with the track it lies on."""
        return {c.id: (t, c) for t in self.tracks for c in t.clips}
