"""LivePort: the running engine as bridges see it (``EnginePort``), in the control process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal

import msgspec

from bridge.port import (
    SILENT_LUFS,
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
from engine.clock import HeldClock
from engine.commands import Command
from engine.control.control import Control
from engine.errors import EngineError, UnknownThing
from engine.events import Event, PluginChanged, SlotState, StoryEdited, VoiceChanged
from engine.mixer.effects import insert_spec
from engine.params import DUCK
from engine.plugins.facts import PluginFacts
from engine.questions import Question, Row
from engine.session.editor import steps_of
from engine.session.index import clip_source
from engine.session.manner import words_of
from engine.session.prefetch import HORIZON_SECONDS
from engine.session.sounding import sounding_on, strip_of
from engine.story.cue_messages import message_text
from engine.story.lanes import points_of
from engine.story.model import (
    MASTER,
    ColdPolicy,
    Cue,
    Duck,
    Effect,
    Line,
    Manner,
    PlayClip,
    SendMessages,
    Slot,
    TempoPoint,
)
from engine.story.tempo import TempoMap, bar_and_beat, beat_of_bar
from engine.story.tempo_edits import point_in_force
from engine.story.words import numbered
from engine.units import frames_to_seconds, gain_to_db


class LivePort:
    """Reads the session and the status block; commands go through the session's one door."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._session = control.session

    @property
    def sample_rate(self) -> int:
        """The project's rate in Hz."""
        return self._control.sample_rate

    @property
    def block_frames(self) -> int:
        """How many frames the device asks for at once."""
        return self._control.audio.block_frames if self._control.audio else 0

    @property
    def clock(self) -> HeldClock:
        """The engine's clock."""
        return self._control.clock

    def apply(self, command: Command, at_frame: int | None = None, client: str = "") -> tuple[Event, ...]:
        """Carry out ``command``. Raises EngineError."""
        if self._session.is_due:  # whoever has seen that all is ready plays what is ready, not what was
            self._session.publish()
        try:
            return self._session.apply(command, at_frame, client)
        except EngineError as error:
            self._control.diagnosis.refused(command, at_frame, error)
            raise

    def together(self) -> AbstractContextManager[None]:
        """Hand over in one piece what commands inside send to the mixer."""
        return self._session.context.together()

    def subscribe(self, callback: Callable[[tuple[Event, ...]], None]) -> Callable[[], None]:
        """Call ``callback`` with every event; return what ends that."""
        return self._session.listen(callback)

    def tell(self, *events: Event) -> tuple[Event, ...]:
        """Pass on events of a bridge's own."""
        return self._session.tell(events)

    def remember(self, name: str, note: bytes | None) -> None:
        """Keep a note for a bridge that goes on when this process is gone; None: forget it."""
        if note is None:
            self._control.notes.forget(f"bridge/{name}")
        else:
            self._control.notes.set(f"bridge/{name}", note)

    def recalled(self, prefix: str) -> Mapping[str, bytes]:
        """Return the notes whose names begin with ``prefix``, without it."""
        return self._control.notes.all(f"bridge/{prefix}")

    def strip_ids(self) -> Sequence[str]:
        """Return the mixer channels."""
        return tuple(self._session.story.strips())

    def cue_lists(self) -> Sequence[str]:
        """Return the cue lists."""
        return tuple(self._session.story.cue_lists())

    def cue_ids(self, cuelist: str | None = None) -> Sequence[str]:
        """Return the cues in the order of a list."""
        lists = self._session.story.cue_lists()
        return tuple(cue.id for cue in lists.get(cuelist or next(iter(lists)), ()))

    def slot_keys(self) -> Sequence[tuple[str, int]]:
        """Return bank and index of every slot."""
        return tuple((slot.bank, slot.index) for slot in self._session.story.slots)

    def clip_ids(self) -> Sequence[str]:
        """Return the clips in the order of the story."""
        return tuple(self._session.story.clips())

    def snapshot_ids(self) -> Sequence[str]:
        """Return the snapshots of the mix."""
        return tuple(snapshot.id for snapshot in self._session.story.snapshots)

    def clip_state(self, clip: str) -> SlotState:
        """Return how far a clip's take is."""
        clips = self._session.context.index.clips
        if clip not in clips:
            raise UnknownThing("clip", clip, clips)
        return self._session.context.library.shelf(clip_source(clips[clip][1])).state

    def strip_state(self, strip: str) -> StripState:
        """Return a mixer channel's state."""
        strips = self._session.story.strips()
        if strip not in strips:
            raise UnknownThing("strip", strip, strips)
        settings = strips[strip]
        return StripState(
            gain_db=settings.gain_db,
            pan=settings.pan,
            mute=settings.mute,
            solo=settings.solo,
            sends={send.to: send.gain_db for send in settings.sends},
            inserts=tuple(_insert_state(effect, self._session.story.plugins) for effect in settings.inserts),
            duck=_duck_state(settings.duck),
            automation=tuple(lane.target for lane in settings.automation),
        )

    def automation(self, strip: str, target: str) -> Sequence[tuple[int, float, str]]:
        """Return frame, value and curve of every point of a lane."""
        return tuple((frame, p.value, p.curve) for frame, p in points_of(self._session.story, strip, target))

    def limiter(self) -> LimiterState:
        """Return how the master is limited."""
        master = self._session.story.master
        return LimiterState(on=master.limiter_db is not None, ceiling_db=master.ceiling_db)

    def plugin_rows(self) -> Sequence[PluginChanged]:
        """Return the state of every plug-in that is known."""
        return self._control.plugins.rows()

    def voice_ids(self) -> Sequence[str]:
        """Return the voices that can speak."""
        return tuple(self._session.voices.ids or ())

    def voice_state(self, voice: str) -> VoiceChanged:
        """Return how ready a voice is."""
        return self._session.voices.state(voice)

    def cue_state(self, cue: str, cuelist: str | None = None) -> SlotState:
        """Return how far a cue is."""
        return self._session.cues.state(cue, cuelist)

    def cue_times(self, cue: str, cuelist: str | None = None) -> tuple[int, int, int]:
        """Return a cue's times in frames."""
        return self._session.cues.times(cue, cuelist)

    def cue_messages(self, cue: str, cuelist: str | None = None) -> Sequence[str]:
        """Return what a cue sends."""
        target = self._session.cues.cue(cue, cuelist).target
        messages = target.messages if isinstance(target, SendMessages) else ()
        return tuple(message_text(message, self.sample_rate) for message in messages)

    def cue(self, cue: str, cuelist: str | None = None) -> Cue:
        """Return a cue of the story."""
        return self._session.cues.cue(cue, cuelist)

    def slot(self, bank: str, index: int) -> Slot:
        """Return a slot of the story."""
        return self._session.slots.slot(bank, index)

    def clip(self, clip: str) -> ClipFacts:
        """Return a clip of the story and what is known of it."""
        clips = self._session.context.index.clips
        if clip not in clips:
            raise UnknownThing("clip", clip, clips)
        track, found = clips[clip]
        places = self._session.transport.placed
        placed = None if places is None else places.of(clip)
        loaded = self._session.context.library.shelf(clip_source(found)).loaded
        return ClipFacts(
            track=track,
            clip=found,
            start_frame=placed.start_frame if placed else None,
            length_frames=placed.end_frame - placed.start_frame if placed else None,
            take=loaded.digest if loaded else "",
        )

    def clip_words(self, clip: str) -> Sequence[tuple[str, int]]:
        """Return the words of a clip's line and where each starts; none while its take is not there."""
        self.clip(clip)
        target = PlayClip(clip=clip)
        if not self._session.context.is_loaded(target):
            return ()
        words = words_of(self._session.context.sound(target, Manner()))
        return tuple(zip(numbered([w.text for w in words]), (w.start_frame for w in words), strict=True))

    def markers(self) -> Sequence[tuple[str, int, str]]:
        """Return id, timeline frame and name of every marker."""
        frames = self._session.transport.marker_frames()
        return tuple((m.id, frames[m.id], m.name) for m in self._session.story.markers if m.id in frames)

    def timeline_mark(self) -> object:
        """Return the places of all clips, as they were published last."""
        return self._session.transport.placed

    def title(self) -> str:
        """Return what the story is called."""
        return self._session.story.title

    def tempo(self) -> Sequence[TempoPoint]:
        """Return the story's tempos."""
        return self._session.story.tempo

    def place_of(self, timeline_frame: int) -> Place:
        """Return the musical place of a timeline frame."""
        tempo, begin = self._session.transport.tempo()
        beat = TempoMap(tempo, self.sample_rate).position(max(0, timeline_frame - begin))
        point = point_in_force(tempo, beat.bar)
        return Place(bar=beat.bar, beat=beat.beat, beats_per_bar=point.beats_per_bar, tempo_bpm=point.tempo_bpm)

    def slot_state(self, bank: str, index: int) -> SlotState:
        """Return how far a slot is."""
        return self._session.slots.state(bank, index)

    def slot_strip(self, bank: str, index: int) -> str | None:
        """Return the strip that a slot sounds on; None: it plays the timeline."""
        return strip_of(self._session, self._session.slots.slot(bank, index).target)

    def slot_stands_by(self, bank: str, index: int) -> bool:
        """Return whether a slot plays what GO of the first list fires next."""
        standing = self._session.cues.next_cue
        target = self._session.slots.slot(bank, index).target
        return standing is not None and self._session.cues.cue(standing).target == target

    def strip_line(self, strip: str) -> str:
        """Return the text, or the name, of what sounds on a strip now."""
        return sounding_on(self._session, strip, self._control.link.status().timeline_frame)

    def slot_cold(self, bank: str, index: int) -> ColdPolicy:
        """Return what a slot does whose take is not there."""
        return self._session.cold.policy(self._session.slots.slot(bank, index))

    def slot_bank(self) -> str | None:
        """Return the bank at hand."""
        return self._session.prefetch.bank

    def prefetch(self) -> PrefetchState:
        """Return how well prepared the engine is."""
        ahead, loader = self._session.prefetch.ahead(), self._control.loader
        return PrefetchState(
            ready=ahead.ready,
            wanted=ahead.wanted,
            ready_seconds=ahead.ready_seconds,
            horizon_seconds=HORIZON_SECONDS,
            memory=loader.used_floats / loader.capacity_floats,
        )

    def slot_words(self, bank: str, index: int) -> Sequence[tuple[str, int]]:
        """Return a slot's words and where each starts."""
        return self._session.slots.words(bank, index)

    def next_cue(self, cuelist: str | None = None) -> str | None:
        """Return the cue that GO fires next."""
        return self._session.cues.playhead(cuelist)

    def following_cue(self, cuelist: str | None = None) -> str | None:
        """Return the cue after that."""
        return self._session.cues.following(cuelist)

    def transport_state(self) -> TransportState:
        """Return where the timeline stands now."""
        transport, status = self._session.transport, self._control.link.status()
        return TransportState(
            playing=status.playing,
            timeline_frame=status.timeline_frame,
            loop=transport.loop,
            end_frame=transport.end_frame,
        )

    def timeline_at(self, frame: int) -> int | None:
        """Return where the timeline stands at an engine frame; None while it rests."""
        transport = self._session.transport
        return transport.place(frame) if transport.playing and transport.since_frame is not None else None

    def frame_of_beat(self, beat: float) -> int:
        """Return the timeline frame of a beat."""
        tempo, begin = self._session.transport.tempo()
        return max(0, begin + TempoMap(tempo, self.sample_rate).frame(*bar_and_beat(tempo, max(0.0, beat))))

    def beat_of_frame(self, frame: int) -> float:
        """Return the beat at a timeline frame."""
        tempo, begin = self._session.transport.tempo()
        place = TempoMap(tempo, self.sample_rate).position(max(0, frame - begin))
        return beat_of_bar(tempo, place.bar) + place.beat - 1.0

    def timeline_reaches(self, timeline_frame: int, after: int | None = None) -> int | None:
        """Return when the timeline next comes to a place."""
        return self._session.transport.reaches(timeline_frame, after)

    def meter(self, strip: str) -> Meter:
        """Return a strip's last reading."""
        index, meters = self._session.context.strip(strip), self._control.link.status().meters
        if index >= len(meters):  # the block that was mixed last does not know the strip yet
            return _meter([[0.0, 0.0], [0.0, 0.0]])
        return _meter(meters[index].tolist())

    def reduction_db(self, strip: str) -> float:
        """Return what ducking, or the limiter, takes away."""
        status = self._control.link.status()
        if strip == MASTER:
            return status.limiter_reduction_db
        index = self._session.context.strip(strip)
        if index >= len(status.reduction):  # not mixed yet
            return 0.0
        return min(0.0, gain_to_db(float(status.reduction[index])))

    def loudness(self) -> LoudnessState:
        """Return the master's loudness."""
        self._control.io.measure()
        heard = self._control.io.loudness
        return LoudnessState(
            momentary_lufs=_audible(heard.momentary_lufs),
            short_term_lufs=_audible(heard.short_term_lufs),
            integrated_lufs=_audible(heard.integrated_lufs),
            true_peak_dbtp=_audible(heard.true_peak_dbtp),
        )

    def recording(self) -> RecordingState:
        """Return how the recording goes."""
        return RecordingState(**msgspec.structs.asdict(self._session.recording.status()))

    def captures(self) -> CaptureState:
        """Return how listening goes."""
        return CaptureState(**msgspec.structs.asdict(self._session.captures.status()))

    def capture_names(self) -> Sequence[str]:
        """Return the names of all captures."""
        return self._session.captures.names()

    def streams(self) -> Sequence[StreamState]:
        """Return every network stream."""
        rate = self._session.story.sample_rate
        return tuple(
            StreamState(
                name=stream.sent.name,
                kind=stream.sent.kind,
                strip=stream.strip,
                host=stream.sent.host,
                port=stream.sent.port,
                state=stream.state,
                packets=stream.packets,
                lost_seconds=frames_to_seconds(stream.lost_frames, rate),
                text=stream.text,
            )
            for stream in self._session.streams.all()
        )

    def outputs(self) -> Sequence[FurtherOutputState]:
        """Return every strip that is played on a further device."""
        rate = self._session.story.sample_rate
        return tuple(
            FurtherOutputState(
                bus=output.played.strip,
                device=output.going.device or output.played.device,
                state=output.state,
                sample_rate=output.going.sample_rate,
                latency_seconds=output.going.latency_seconds,
                fill_seconds=output.going.fill_seconds,
                ppm=output.going.ppm,
                lost_seconds=frames_to_seconds(output.going.lost_frames, rate),
                text=output.going.text,
            )
            for output in self._session.outputs.all()
        )

    def receivers(self) -> Sequence[ReceiverState]:
        """Return every stream that is heard from the network."""
        rate = self._session.story.sample_rate
        return tuple(
            ReceiverState(
                name=each.received.name,
                kind=each.received.kind,
                strip=each.strip,
                port=each.received.port,
                state=each.going.state,
                sender=each.going.sender,
                packets=each.going.packets,
                refused=each.going.refused,
                lost_seconds=frames_to_seconds(each.going.lost, rate),
                latency_seconds=each.going.latency_seconds,
                fill_seconds=each.going.fill_seconds,
                ppm=each.going.ppm,
                text=each.going.text,
            )
            for each in self._session.receivers.all()
        )

    def editing(self) -> EditingState:
        """Return the history of the story."""
        history = self._session.editor.history
        return EditingState(version=history.version, steps=steps_of(history.steps), undone=steps_of(history.undone))

    def story_digest(self) -> str:
        """Return a digest of all that can be edited."""
        return self._session.editor.digest()

    def edits_since(self, version: int) -> Sequence[StoryEdited]:
        """Return what has changed behind a version."""
        return self._session.editor.since(version)

    def find_text(self, text: str) -> Sequence[tuple[str, str, int]]:
        """Return where a text is said."""
        return [(each.clip, each.word, each.frame) for each in self._session.said(text)]

    def jobs(self) -> Sequence[JobState]:
        """Return every job that goes on."""
        return tuple(JobState(**msgspec.structs.asdict(job)) for job in self._session.jobs.all())

    def say_queue(self) -> Sequence[tuple[str, str, str, str]]:
        """Return job, voice, track and text of every line that waits."""
        waiting = self._session.speech.waiting
        return tuple((w.job, w.source.voice, w.track, w.source.text) for w in waiting if isinstance(w.source, Line))

    async def consult(self, question: Question) -> tuple[Row, ...]:
        """Return what the store answers."""
        return await self._control.store.ask(question)

    async def picture(self, kind: Literal["png", "svg"]) -> bytes:
        """Return the picture of the story as it is now."""
        return await self._control.pictures.draw(kind)

    def voice_figures(self, voice: str) -> VoiceFigures:
        """Return what a voice takes and how fast it speaks."""
        pool = self._control.pool
        pace = pool.paces.known(pool.pace_key(voice))
        return VoiceFigures(
            megabytes=sum(pool.state(voice).bytes.values()) / 1e6, real_time_factor=1.0 / pace.speed if pace else 0.0
        )

    def reset_loudness(self) -> None:
        """Measure loudness from now on."""
        self._control.io.measure(anew=True)

    def status(self) -> EngineStatus:
        """Return how the engine fares."""
        control, status = self._control, self._control.link.status()
        block_ns = status.block_frames / status.sample_rate * 1e9
        ready, wanted = self._session.context.library.counts()
        return EngineStatus(
            sample_rate=status.sample_rate,
            actual_sample_rate=status.rate_hz,
            block_frames=status.block_frames,
            latency_seconds=(status.output_latency_frames + status.mixer_latency_frames) / status.sample_rate,
            load_mean=status.callback_sum_ns / max(1, status.callbacks) / block_ns,
            load_peak=status.callback_max_ns / block_ns,
            underflows=status.underflows,
            late_starts=status.late_starts,
            players=status.active_players,
            loop_lag_seconds=control.pulse.figures().p99_ms / 1e3,
            takes_ready=ready,
            takes_wanted=wanted,
            device=control.audio.device if control.audio else "",
            steady=control.audio is not None and control.audio.steady,
        )

    def dictate(self, text: str, voice: str, rate_hz: int) -> AsyncIterator[bytes]:
        """Speak a text into the caller's hands."""
        from engine.voices.dictation import dictated  # the resampler, which only those load who want it

        return dictated(self._control.pool, text, voice, rate_hz)

    def vitals(self) -> Vitals:
        """Return callback times and processes."""
        control = self._control
        audio = (("audio", control.audio.pid),) if control.audio else ()
        voices = tuple(("voice", pid) for pid in control.pool.pids)
        io = (("io", control.io.pid),) if control.io.pid else ()
        standby = (("standby", control.standby_pid),) if control.standby_pid else ()
        processes = (*audio, *standby, ("control", os.getpid()), *io, *voices)
        status = control.link.status()
        return Vitals(histogram=status.histogram, causes=status.causes, processes=processes)

    def write_black_box(self, reason: str) -> str:
        """Write the last minute into a file and return its path."""
        return str(self._control.diagnosis.black_box.write(reason))


def _audible(level: float | None) -> float:
    return SILENT_LUFS if level is None else level


def _duck_state(duck: Duck | None) -> dict[str, float]:
    if duck is None:
        return {}
    return {name: getattr(duck, name) for name in DUCK if name != "look_ahead_ms"}


def _insert_state(effect: Effect, plugins: Mapping[str, PluginFacts]) -> InsertState:
    specs = {name: param.spec for name, param in insert_spec(effect.effect, plugins).params.items()}
    values = {name: effect.params.get(name, spec.default) for name, spec in specs.items()}
    return InsertState(effect=effect.effect, specs=specs, values=values, bypass=effect.bypass)


def _meter(reading: list[list[float]]) -> Meter:
    (left_peak, left_rms), (right_peak, right_rms) = reading
    return Meter(
        peak_db=(gain_to_db(left_peak), gain_to_db(right_peak)),
        rms_db=(gain_to_db(left_rms), gain_to_db(right_rms)),
    )
