"""An engine that only notes: fits ``EnginePort``, knows a small story, tells what a real one would tell."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from bridge.port import (
    CaptureState,
    ClipFacts,
    EditingState,
    EngineStatus,
    FurtherOutputState,
    InsertState,
    JobState,
    LimiterState,
    LoudnessState,
    Meter,
    Place,
    PrefetchState,
    ReceiverState,
    RecordingState,
    StreamState,
    StripState,
    TransportState,
    Vitals,
    VoiceFigures,
)
from engine import commands as do
from engine import events as told
from engine.commands import Command
from engine.errors import EngineError, UnknownThing
from engine.events import Event, SlotState
from engine.params import FADER, PAN, ParamSpec
from engine.questions import Question, Row
from engine.story.model import AS_IS, At, Clip, ColdPolicy, Cue, Line, PlayClip, Slot, TempoPoint

RATE = 48_000
CUTOFF = ParamSpec(low=20.0, high=20_000.0, default=50.0, unit="Hz", taper="log")
DRIVE = ParamSpec(low=0.0, high=0.1, default=0.05)


class WallClock:
    """Engine frame 0 was at Unix time ``START``."""

    START = 1_000_000_000.0

    def frame_at(self, unix_seconds: float) -> int:
        return round((unix_seconds - self.START) * RATE)

    def time_at(self, frame: int) -> float:
        return self.START + frame / RATE


class FakeEngine:
    """Notes commands in ``applied`` as (command, frame) and in ``groups`` what came together."""

    sample_rate = RATE
    block_frames = 256

    def __init__(self, cues: Sequence[str] = ("1", "2", "12a")) -> None:
        self.clock = WallClock()
        self.limited = LimiterState(on=True, ceiling_db=-1.0)
        self.strips = {
            name: StripState(
                gain_db=0.0, pan=0.0, mute=False, solo=False, sends=sends, inserts=inserts, duck={"depth_db": -12.0}
            )
            for name, sends, inserts in (
                ("voice", {"hall": -6.0}, ()),
                ("spook", {}, (_insert("highpass", cutoff_hz=CUTOFF), _insert("distortion", drive=DRIVE))),
                ("hall", {}, ()),
                ("master", {}, ()),
            )
        }
        self.cues: dict[str, SlotState] = dict.fromkeys(cues, "ready")
        self.slots: dict[tuple[str, int], SlotState] = {("a", 1): "ready", ("a", 2): "queued", ("b", 1): "ready"}
        self.clips: dict[str, SlotState] = {"hello": "ready", "boo": "rendering"}
        self.transport = TransportState(playing=False, timeline_frame=0, end_frame=96_000)
        self.since = 0
        self.timeline_moves = 0
        self.meter_db = -20.0
        self.refusal: EngineError | None = None
        self.full: EngineError | None = None
        self.applied: list[tuple[Command, int | None]] = []
        self.groups: list[list[Command]] = []
        self._group: list[Command] | None = None
        self._listeners: list[Callable[[tuple[Event, ...]], None]] = []
        self._changed = threading.Condition()
        self.notes: dict[str, bytes] = {}
        self.questions: list[Question] = []
        self.answers: dict[type, tuple[Row, ...] | EngineError] = {}
        self.standing: tuple[str, int] | None = None
        self.lines: dict[str, str] = {}

    @property
    def commands(self) -> list[Command]:
        return [command for command, _ in self.applied]

    def wait_for(self, count: int, seconds: float = 30.0) -> list[tuple[Command, int | None]]:
        """Return what was applied as soon as there are ``count``; for the test's thread."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.applied) >= count, seconds), self.applied
            return list(self.applied)

    def apply(self, command: Command, at_frame: int | None = None, client: str = "") -> tuple[Event, ...]:
        if self.refusal is not None:
            raise self.refusal
        events = self._carry_out(command)
        with self._changed:
            self.applied.append((command, at_frame))
            self._changed.notify_all()
        if self._group is not None:
            self._group.append(command)
        return self.tell(*events)

    @contextmanager
    def together(self) -> Iterator[None]:
        self._group = []
        try:
            yield
        finally:
            self.groups.append(self._group)
            self._group = None
            if self.full is not None:
                raise self.full

    def subscribe(self, callback: Callable[[tuple[Event, ...]], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def tell(self, *events: Event) -> tuple[Event, ...]:
        for listener in tuple(self._listeners) if events else ():
            listener(events)
        return events

    def vitals(self) -> Vitals:
        return Vitals(histogram=(0, 1, 2), causes=(0, 0, 0, 2, 1), processes=(("audio", 7), ("control", 8)))

    def write_black_box(self, reason: str) -> str:
        return f"/tmp/{reason}"

    def remember(self, name: str, note: bytes | None) -> None:
        if note is None:
            self.notes.pop(name, None)
        else:
            self.notes[name] = note

    def recalled(self, prefix: str) -> dict[str, bytes]:
        return {name.removeprefix(prefix): note for name, note in self.notes.items() if name.startswith(prefix)}

    def strip_ids(self) -> Sequence[str]:
        return tuple(self.strips)

    def cue_lists(self) -> Sequence[str]:
        return ("main",)

    def cue_ids(self, cuelist: str | None = None) -> Sequence[str]:
        return tuple(self.cues)

    def slot_keys(self) -> Sequence[tuple[str, int]]:
        return tuple(self.slots)

    def clip_ids(self) -> Sequence[str]:
        return tuple(self.clips)

    def plugin_rows(self) -> Sequence[told.PluginChanged]:
        return (told.PluginChanged(plugin="Gate", state="missing", reason="there is no such plug-in here"),)

    def voice_ids(self) -> Sequence[str]:
        return ("anna", "robot")

    def voice_state(self, voice: str) -> told.VoiceChanged:
        return _known("voice", voice, {id_: told.VoiceChanged(voice=id_, state="warm") for id_ in self.voice_ids()})

    def snapshot_ids(self) -> Sequence[str]:
        return ("quiet",)

    def automation(self, strip: str, target: str) -> Sequence[tuple[int, float, str]]:
        self.strip_state(strip)
        return _known("automation", target, {"gain_db": ((24_000, -6.0, "smooth"), (48_000, 0.0, "linear"))})

    def limiter(self) -> LimiterState:
        return self.limited

    def strip_state(self, strip: str) -> StripState:
        return _known("strip", strip, self.strips)

    def cue_state(self, cue: str, cuelist: str | None = None) -> SlotState:
        return _known("cue", cue, self.cues)

    def cue_times(self, cue: str, cuelist: str | None = None) -> tuple[int, int, int]:
        self.cue_state(cue, cuelist)
        return 0, 0, 48_000

    def cue_messages(self, cue: str, cuelist: str | None = None) -> Sequence[str]:
        self.cue_state(cue)
        return ("note: 60",)

    def cue(self, cue: str, cuelist: str | None = None) -> Cue:
        self.cue_state(cue)
        return Cue(id=cue, target=PlayClip(clip="hello"), name="Opening", pre_wait_frames=24_000, follow="end")

    def slot(self, bank: str, index: int) -> Slot:
        self.slot_state(bank, index)
        return Slot(bank=bank, index=index, target=PlayClip(clip="hello"), mode="gate", choke="doors")

    def clip(self, clip: str) -> ClipFacts:
        self.clip_state(clip)
        line = Line(text="Hello.", voice="anna", delivery=msgspec.structs.replace(AS_IS, seed=7))
        found = Clip(id=clip, start=At(frame=0), name="Hello", line=line)
        return ClipFacts(track="voice", clip=found, start_frame=0, length_frames=48_000, take="abc")

    def clip_words(self, clip: str) -> Sequence[tuple[str, int]]:
        self.clip_state(clip)
        return (("hello", 0),)

    def markers(self) -> Sequence[tuple[str, int, str]]:
        return (("storm", 48_000, "The storm"),)

    def timeline_mark(self) -> object:
        return self.timeline_moves

    def title(self) -> str:
        return "Lighthouse"

    def tempo(self) -> Sequence[TempoPoint]:
        return (TempoPoint(),)

    def place_of(self, timeline_frame: int) -> Place:
        return Place(bar=1, beat=1.0 + timeline_frame / RATE * 2, beats_per_bar=4, tempo_bpm=120.0)

    def slot_state(self, bank: str, index: int) -> SlotState:
        return _known("slot", (bank, index), self.slots)

    def slot_cold(self, bank: str, index: int) -> ColdPolicy:
        self.slot_state(bank, index)
        return "wait"

    def slot_bank(self) -> str | None:
        return next((bank for bank, _ in self.slots), None)

    def prefetch(self) -> PrefetchState:
        return PrefetchState(ready=1, wanted=2, ready_seconds=3.0, horizon_seconds=30.0, memory=0.5)

    def slot_words(self, bank: str, index: int) -> Sequence[tuple[str, int]]:
        self.slot_state(bank, index)
        return (("the", 0), ("dragon", 4800))

    def slot_strip(self, bank: str, index: int) -> str | None:
        return "voice" if bank == "a" else "spook"

    def slot_stands_by(self, bank: str, index: int) -> bool:
        return (bank, index) == self.standing

    def strip_line(self, strip: str) -> str:
        self.strip_state(strip)
        return self.lines.get(strip, "")

    def clip_state(self, clip: str) -> SlotState:
        return _known("clip", clip, self.clips)

    def next_cue(self, cuelist: str | None = None) -> str | None:
        return next(iter(self.cues), None)

    def following_cue(self, cuelist: str | None = None) -> str | None:
        return next(iter(tuple(self.cues)[1:]), None)

    def transport_state(self) -> TransportState:
        return self.transport

    def timeline_at(self, frame: int) -> int | None:
        return frame if self.transport.playing else None

    def frame_of_beat(self, beat: float) -> int:
        return round(beat * RATE / 2)

    def beat_of_frame(self, frame: int) -> float:
        return frame * 2 / RATE

    def timeline_reaches(self, timeline_frame: int, after: int | None = None) -> int | None:
        """Say when it comes by as if the timeline had been started at engine frame ``since``, without a loop."""
        frame = self.since + timeline_frame - self.transport.timeline_frame
        return frame if self.transport.playing and frame >= (self.since if after is None else after) else None

    def meter(self, strip: str) -> Meter:
        self.strip_state(strip)
        return Meter(peak_db=(self.meter_db, self.meter_db), rms_db=(-100.0, -100.0))

    def reduction_db(self, strip: str) -> float:
        self.strip_state(strip)
        return -3.0

    def loudness(self) -> LoudnessState:
        return LoudnessState(momentary_lufs=-20.0, short_term_lufs=-21.0, integrated_lufs=-23.0, true_peak_dbtp=-3.0)

    def recording(self) -> RecordingState:
        return RecordingState()

    def captures(self) -> CaptureState:
        return CaptureState()

    def capture_names(self) -> Sequence[str]:
        return ("greeting", "greeting narrator")

    def streams(self) -> Sequence[StreamState]:
        return (
            StreamState(
                name="Mix", kind="vban", strip="master", host="127.0.0.1", port=6980, state="sending", packets=5,
                lost_seconds=0.0, text="",
            ),
        )  # fmt: skip

    def outputs(self) -> Sequence[FurtherOutputState]:
        return (
            FurtherOutputState(
                bus="desk", device="USB", state="playing", sample_rate=44100, latency_seconds=0.02, fill_seconds=0.02,
                ppm=12.0, lost_seconds=0.0, text="",
            ),
        )  # fmt: skip

    def receivers(self) -> Sequence[ReceiverState]:
        return (
            ReceiverState(
                name="Talk", kind="vban", strip="hall", port=6980, state="playing", sender="127.0.0.1", packets=5,
                refused=0, lost_seconds=0.0, latency_seconds=0.03, fill_seconds=0.02, ppm=-3.0, text="",
            ),
        )  # fmt: skip

    def editing(self) -> EditingState:
        return EditingState(version=3, steps=((1, "move clip hello", "me"),), undone=((2, "undo", ""),))

    def story_digest(self) -> str:
        return "0123456789abcdef"

    def edits_since(self, version: int) -> Sequence[told.StoryEdited]:
        return [told.StoryEdited(version=version + 1, name="move clip hello", client="me", what=("clip hello",))]

    def find_text(self, text: str) -> Sequence[tuple[str, str, int]]:
        return [("hello", text, 24_000), ("boo", f"{text}#2", -1)]

    def jobs(self) -> Sequence[JobState]:
        return (JobState(job="7", verb="render", fraction=0.5, stage="speak"),)

    def say_queue(self) -> Sequence[tuple[str, str, str, str]]:
        return (("7", "anna", "voice", "Hello."),)

    async def consult(self, question: Question) -> tuple[Row, ...]:
        """Answer with what stands in ``answers``, an error is raised; questions are noted."""
        self.questions.append(question)
        answer = self.answers.get(type(question), ())
        if isinstance(answer, EngineError):
            raise answer
        return answer

    def voice_figures(self, voice: str) -> VoiceFigures:
        self.voice_state(voice)
        return VoiceFigures(megabytes=358.0, real_time_factor=0.5)

    def reset_loudness(self) -> None:
        self.loudness_resets = getattr(self, "loudness_resets", 0) + 1

    async def dictate(self, text: str, voice: str, rate_hz: int) -> AsyncIterator[bytes]:
        if self.refusal is not None:
            raise self.refusal
        for word in text.split():
            yield word.encode().ljust(16)

    def status(self) -> EngineStatus:
        return EngineStatus(
            sample_rate=RATE,
            actual_sample_rate=RATE + 0.5,
            block_frames=self.block_frames,
            latency_seconds=0.01,
            load_mean=0.1,
            load_peak=0.2,
            underflows=0,
            late_starts=0,
            players=0,
            loop_lag_seconds=0.001,
            takes_ready=3,
            takes_wanted=4,
            device="fake",
        )

    def _carry_out(self, command: Command) -> tuple[Event, ...]:
        match command:
            case do.SetStripGain(strip=strip, gain_db=gain_db):
                self._set(strip, gain_db=FADER.check(gain_db, "gain_db"))
                return (told.StripGainChanged(strip=strip, gain_db=gain_db),)
            case do.SetStripPan(strip=strip, pan=pan):
                self._set(strip, pan=PAN.check(pan, "pan"))
                return (told.StripPanChanged(strip=strip, pan=pan),)
            case do.SetStripMute(strip=strip, mute=mute):
                self._set(strip, mute=mute)
                return (told.StripMuteChanged(strip=strip, mute=mute),)
            case do.SetStripSolo(strip=strip, solo=solo):
                self._set(strip, solo=solo)
                return (told.StripSoloChanged(strip=strip, solo=solo),)
            case do.SetSendGain(strip=strip, bus=bus, gain_db=gain_db):
                sends = self.strip_state(strip).sends
                _known("send", bus, sends)
                self._set(strip, sends={**sends, bus: gain_db})
                return (told.SendGainChanged(strip=strip, bus=bus, gain_db=gain_db),)
            case do.SetInsertParam(strip=strip, insert=insert, param=param, value=value):
                inserts = list(self.strip_state(strip).inserts)
                changed = inserts[insert - 1]
                values = {**changed.values, param: value}
                inserts[insert - 1] = msgspec.structs.replace(changed, values=values)
                self._set(strip, inserts=tuple(inserts))
                return (told.InsertParamChanged(strip=strip, insert=insert, param=param, value=value),)
            case do.LoadVoice(voice=voice) | do.WarmVoice(voice=voice) | do.UnloadVoice(voice=voice):
                self.voice_state(voice)
            case do.SetDuck(strip=strip, knob=knob, value=value):
                return (told.DuckChanged(strip=strip, knob=knob, value=value),)
            case do.SetLimiter(limiter=limiter, ceiling_db=ceiling_db):
                on = self.limited.on if limiter is None else limiter
                ceiling_db = self.limited.ceiling_db if ceiling_db is None else ceiling_db
                self.limited = LimiterState(on=on, ceiling_db=ceiling_db)
                return (told.LimiterChanged(limiter_db=ceiling_db if on else None),)
            case do.SetInsertBypass(strip=strip, insert=insert, bypass=bypass):
                return (told.InsertBypassChanged(strip=strip, insert=insert, bypass=bypass),)
            case do.GoCue(cue=str() as cue) | do.StopCue(cue=cue):
                self.cue_state(cue)
            case do.TriggerSlot(bank=bank, index=index) | do.ReleaseSlot(bank=bank, index=index):
                self.slot_state(bank, index)
            case do.Say(job=job):
                return (told.JobProgressed(job=job or "", verb="say", fraction=0.0, stage="queued"),)
            case do.SetLoop(start_frame=start, end_frame=end):
                loop = None if start is None or end is None else (start, end)
                self.transport = msgspec.structs.replace(self.transport, loop=loop)
                return (told.TransportChanged(playing=False, timeline_frame=0, loop=loop),)
            case do.Locate(timeline_frame=frame):
                self.transport = msgspec.structs.replace(self.transport, timeline_frame=frame)
                return (told.TransportChanged(playing=False, timeline_frame=frame),)
            case do.Panic():
                return (told.PanicBegun(),)
        return ()

    def _set(self, strip: str, **changes: object) -> None:
        self.strips[strip] = msgspec.structs.replace(self.strip_state(strip), **changes)


def _insert(effect: str, **specs: ParamSpec) -> InsertState:
    return InsertState(effect=effect, specs=specs, values={name: spec.default for name, spec in specs.items()})


def _known(kind: str, name: object, things: Any) -> Any:
    if name not in things:
        raise UnknownThing(kind, name, things)
    return things[name]
