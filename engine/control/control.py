"""The control process's core: session, loader, keeper and the way to the audio process, run by one event loop."""

from __future__ import annotations

import asyncio
import logging
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.capture.kept import CAPTURES
from engine.clock import HeldClock
from engine.commands import Command, StopRecording
from engine.control.cache_watch import CacheWatch
from engine.control.clerk import Clerk
from engine.control.diagnosis import Diagnosis
from engine.control.disk import Disk
from engine.control.disk_watch import DiskWatch
from engine.control.io_link import IoLink
from engine.control.job_ledger import JobLedger
from engine.control.keeper import Meanwhile, StoryKeeper
from engine.control.library_watch import LibraryLimits, LibraryWatch
from engine.control.listening import InputConfig, LiveCaptures
from engine.control.loader import TakeLoader
from engine.control.pictures import Kind, Pictures
from engine.control.plugins import PluginHost
from engine.control.pulse import Pulse
from engine.control.quota import Quota
from engine.control.regrapher import Regrapher
from engine.control.store_desk import StoreDesk
from engine.control.tape_deck import TapeDeck
from engine.control.time_watch import TimeWatch
from engine.control.voices import PoolVoices
from engine.control.watch import Watch
from engine.control.workshop import EXPORTS, Bench, Workshop
from engine.errors import EngineError, MediaError, OverQuota
from engine.events import DiskFailing, Dropped, Event, OutputChanged, ProcessReplaced, RecordingEnded
from engine.export.picture_process import PictureOrder
from engine.mixer.effects import effect_specs
from engine.mixer.graph import Graph, compile_graph
from engine.plugins.catalog import Catalog as PluginCatalog
from engine.plugins.rack import Rack
from engine.questions import Shelves
from engine.realtime.beats import Beats, Heart
from engine.realtime.config import AudioFacts
from engine.realtime.link import AudioLink
from engine.realtime.notes import Notes
from engine.realtime.shared import EngineMemory
from engine.realtime.status import check_strips
from engine.render.cache import TakeCache
from engine.render.locks import Locks
from engine.session.deck import RECORDINGS
from engine.session.further_outputs import parse_outputs
from engine.session.library import AudioFile
from engine.session.memory import Memory
from engine.session.receivers import parse_receivers
from engine.session.recording import Recorded
from engine.session.session import Session
from engine.session.streams import parse_streams
from engine.story.claim import Claim
from engine.story.document import StoryDocument
from engine.story.history import History
from engine.story.journal import Journal
from engine.story.mix import Mix
from engine.story.mix_file import load_mix, mix_folders
from engine.story.model import Story
from engine.voices.catalog import Catalog, load_catalog
from engine.voices.pool import VoicePool

log = logging.getLogger(__name__)

SOON_SECONDS = 0.002
"""What an order takes from the session to the audio process, generously."""
END_SECONDS = 10.0
"""How long the end of a recording is waited for when the engine is stopped."""
CLAIM_SECONDS = 1.0
"""How long a program may take that changes the story's file just now."""
PUBLISH_SECONDS = 0.25
"""How often the timeline is compiled again while takes are still coming in."""

Message = dict[str, Any]


class ControlConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the control process is told. memory: ``EngineMemory.describe``; folders are paths as text.

    model_bytes: what models may take on each device; model_workers: processes that may keep one. preload: voices that
    are warmed at start. stream_seconds: longer audio files are played from the disk. plugin_catalog: the file of what
    is known of plug-ins. crashed: how audio processes died in some, by effect. outputs_max_bytes: what exports and
    recordings beside the story may take. streams: what is sent over the network from the start, see ``parse_streams``.
    outputs: what is played on further devices, see ``parse_outputs``. receive: what is heard from the network, see
    ``parse_receivers``.
    """

    memory: dict[str, tuple[int, int]]
    story: str
    takes_folder: str
    cache_max_bytes: int
    voice_folders: tuple[str, ...] = ()
    data_folder: str = ""
    database: str = ""
    media_folder: str = ""
    flac: bool = False
    library: LibraryLimits = LibraryLimits()
    discard_changes: bool = False
    state_folder: str = "."
    transcript: str = ""
    max_players: int = 1024
    audio_folder: str = ""
    replay: str = ""
    model_bytes: int | None = None
    model_workers: int = 1
    preload: tuple[str, ...] = ()
    speak_with: str = ""
    stream_seconds: float = 60.0
    plugin_folders: tuple[str, ...] = ()
    plugin_catalog: str = ""
    crashed: dict[str, str] = {}
    outputs_max_bytes: int = 1 << 62
    streams: str = ""
    input: InputConfig = InputConfig()
    outputs: str = ""
    receive: str = ""


class Control:
    """Owns the session of one engine. ``send`` tells the supervisor, who has a graph built, or the io process work."""

    def __init__(self, config: ControlConfig, send: Callable[[Message], None]) -> None:
        self.catalog: Catalog = load_catalog([Path(f) for f in config.voice_folders], config.speak_with)
        self._folder = Path(config.audio_folder) if config.audio_folder else Path(config.story).resolve().parent
        catalog = PluginCatalog(Path(config.plugin_catalog or config.takes_folder + ".plugins.json"))
        rack = Rack([Path(f) for f in config.plugin_folders], catalog, self._folder)
        self.plugins = PluginHost(rack, config.crashed, lambda effect: send({"allow": effect}))
        self._claim = _claim(Path(config.story))
        self._keeper, story, history = self._open_story(Path(config.story), config.discard_changes)
        self._memory = EngineMemory.attach(config.memory)
        self.link = AudioLink(self._memory)
        self.notes = Notes(self._memory.notes)
        self.daw_notes = self._memory.daw_notes
        """What a DAW's plug-ins hear, see ``engine.daw.notes``."""
        self.clock = HeldClock(self.link.clock, story.sample_rate)
        self.pool = VoicePool(
            catalog=self.catalog,
            cache=TakeCache(Path(config.takes_folder)),
            sample_rate=story.sample_rate,
            arena=self._memory.arena,
            model_bytes=config.model_bytes,
            model_workers=config.model_workers,
            on_state=lambda state: self.voices.hear(state),
            locks=Locks(Path(config.takes_folder)),
        )
        self.voices = PoolVoices(self.pool)
        self._preload, self._streams = config.preload, parse_streams(config.streams)
        self._outputs, self._receivers = parse_outputs(config.outputs), parse_receivers(config.receive)
        self.io = IoLink(lambda ask: send({"io": ask}))
        longest = round(config.stream_seconds * story.sample_rate)
        self.disk = Disk(self.io, self._memory.arena.view(np.float32), longest)
        self.loader = TakeLoader(
            self.pool, self.link.arena, self._folder, self._memory.arena.view(np.float32), self.disk
        )
        story_path = Path(config.story).resolve()
        self._quota = Quota(
            [story_path.parent / name for name in (RECORDINGS, EXPORTS, CAPTURES)], config.outputs_max_bytes
        )
        self._quota.on_full = self._stop_recording
        self.deck = TapeDeck(self.io, story_path, self._folder, self.pool.cache, self._quota)
        bench = Bench(
            base_folder=self._folder,
            out_folder=story_path.parent / EXPORTS,
            takes_folder=config.takes_folder,
            voice_folders=config.voice_folders,
            speak_with=config.speak_with,
        )
        shelves = Shelves(
            data_folder=config.data_folder or config.takes_folder,
            takes_folder=config.takes_folder,
            voice_folders=config.voice_folders,
            speak_with=config.speak_with,
            database=config.database,
            media_folder=config.media_folder,
            flac=config.flac,
        )
        self.store = StoreDesk(Clerk(shelves), self.catalog, self._folder)
        self.workshop = Workshop(self.pool, bench, self.notes, self._quota, self.store.clerk)
        self.ledger = JobLedger(self.store.clerk.ask, self.notes, lambda: self._keeper.document.path.name)
        self.store.hear = self.workshop.transcriber.text_of
        self.captures = LiveCaptures(
            self.io, self.pool, story_path.parent, config.input, self._wall, self.notes, self._quota
        )
        self.session = Session(
            story,
            self.link,
            self.loader,
            keeper=self._keeper,
            voices=self.voices,
            mixes=self._mix,
            soon=self._soon,
            notes=self.notes,
            deck=self.deck,
            plugins=self.plugins,
            workshop=self.workshop,
            network=self.io,
            arena=self._memory.arena.view(np.float32),
            captures=self.captures,
            devices=self.io,
            ears=self.io,
            history=history,
        )
        self.plugins.attach(self.session.equip, self.session.tell, lambda: self.session.story)
        self.loader.attach(self.session)
        self.session.jobs.begun = self.ledger.begun
        self.session.listen(self.ledger.hear)
        self.memory = Memory(self.session, self.notes)
        self.memory.recall_graph()
        self.loader.shelve, self.loader.unshelve = self.memory.shelve, self.memory.forget
        self.session.context.scribes.append(self.memory.hear)
        self._keeper.on_load = lambda path: self._loaded(path, send)
        disk_watch = DiskWatch(Path(config.takes_folder), self.session.tell)
        self.workshop.check = disk_watch.check
        media = Path(shelves.media_folder or f"{shelves.data_folder}/media")
        self._watches: tuple[Watch, ...] = (
            self._quota,
            disk_watch,
            CacheWatch(self.pool.cache, config.cache_max_bytes),
            LibraryWatch(self.store.clerk, media, config.library, self.session.tell),
            TimeWatch(self.session.tell),
        )
        self.voices.tell = self.workshop.tell = self.store.tell = self.session.tell
        self.captures.tell, self.workshop.beside = self.session.tell, self.captures
        self.captures.timeline = self._heard_of_timeline
        self.captures.clips_of = self._clips_of
        self.store.story = lambda: self.session.story
        self.pictures = Pictures(lambda kind: self._picture_order(kind, config))
        self.regrapher = Regrapher(self.session.context, lambda graph: self._send(graph, send), self.session.tell)
        self._transcript_path, self._max_players = config.transcript, config.max_players
        self.diagnosis = Diagnosis(
            self.session, self.link, self._memory, Path(config.state_folder), lambda: self._facts(config),
            lambda: self.pool.deaths,
        )  # fmt: skip
        self.pool.on_death, self.pool.on_unkept = self._worker_died, self._take_unkept
        self.deck.tell = self.session.tell
        self._hear_io()
        self.pulse = Pulse(self._beat)
        self.audio: AudioFacts | None = None
        self.standby_pid = 0
        """Of the audio process that is ready to take over; 0: none."""
        self._publish_at = 0.0
        self._voices_started: asyncio.Task[None] | None = None
        self._beats = Beats(self._memory.beats)

    def _picture_order(self, kind: Kind, config: ControlConfig) -> PictureOrder:
        return PictureOrder(
            story=self.session.story.public(),
            kind=kind,
            folder=str(self._folder),
            takes_folder=config.takes_folder,
            voice_folders=tuple(config.voice_folders),
            speak_with=config.speak_with,
        )

    def graph(self) -> Message:
        """Return the session's graph for the audio process, with the sample rate it runs at."""
        return graph_message(self.session.context.graph)

    @property
    def sample_rate(self) -> int:
        """The project's rate in Hz."""
        return self.session.story.sample_rate

    def prepare(self) -> None:
        """Have voices start while the audio process does; not needed when a show is under way."""
        self._voices_started = asyncio.create_task(self.pool.start())

    async def start(self, audio: Message) -> None:
        """Begin: the audio process is ready and said ``audio``. Waits for voices that ``prepare`` began to start."""
        self.audio = msgspec.convert(audio, AudioFacts)
        if self._voices_started is not None:
            await self._voices_started
        self.voices.preload(self._preload)
        self._keeper.start(
            lambda: self.session.story, self.adopt, self.session.tell, lambda: self.session.editor.history.past
        )
        self._recall()
        self.diagnosis.start()
        if self._transcript_path:
            self.diagnosis.record(Path(self._transcript_path), self._folder, self.audio.block_frames, self._max_players)
        self.session.open()
        self.session.outputs.block_frames = self.session.receivers.block_frames = self.audio.block_frames
        self._start_streams()
        for watch in self._watches:
            watch.start()
        self.regrapher.start()
        self.plugins.start()

    def _start_streams(self) -> None:
        """Send, play and receive what the settings say, unless a control process before this one has begun that."""
        streams = () if self.session.streams.recalls else self._streams
        outputs = () if self.session.outputs.recalls else self._outputs
        receivers = () if self.session.receivers.recalls else self._receivers
        commands: tuple[Command, ...] = (*streams, *outputs, *receivers)
        for command in commands:
            try:
                self.session.apply(command)
            except EngineError as error:
                log.error("of the settings, something is not sent, played or received: %s", error)

    def judge_plugins(self) -> None:
        """Go on without the plug-ins that the audio process could not be started with; once the supervisor listens."""
        if self.audio is not None:
            self.plugins.blame(self.audio.crashed, crashed=True)
            self.plugins.blame(self.audio.faults, crashed=False)

    def listen(self) -> None:
        """Begin to hear the audio process: whoever wants to know what it says is there by now."""
        self.pulse.start()

    def _recall(self) -> None:
        """Go on where a control process that is gone was, if there was one."""
        for source, loaded in self.memory.recall():
            self.loader.recall(source, loaded)
        self.captures.recall()
        self.io.resume()
        self.workshop.recall(self.session.story)
        self.ledger.settle({state.job for state in self.session.jobs.all()})

    def _send(self, graph: Graph, send: Callable[[Message], None]) -> None:
        self.diagnosis.sent(graph)
        send({"graph": graph_message(graph)})

    def replaces(self, reason: str, silent_seconds: float) -> None:
        """Tell that this process follows another one."""
        self.session.tell((ProcessReplaced(process="control", reason=reason, silent_seconds=silent_seconds),))

    def switched(
        self, audio: Message, reason: str, silent_seconds: float, died: bool, plugins: Mapping[str, str]
    ) -> None:
        """Hear that another audio process plays; it goes on where the one before stopped, without these ``plugins``."""
        before, self.audio = self.audio, msgspec.convert(audio, AudioFacts)
        if died:
            self.session.tell((ProcessReplaced(process="audio", reason=reason, silent_seconds=silent_seconds),))
        if before is None or (before.device, before.fallback) != (self.audio.device, self.audio.fallback):
            self.session.tell((OutputChanged(device=self.audio.device, missing=self.audio.fallback),))
        self.plugins.blame(plugins, crashed=True)
        self.plugins.blame(self.audio.faults, crashed=False)

    async def close(self) -> None:
        """Stop all work; edits are in the journal."""
        self.pulse.stop()
        await self.regrapher.close()
        await self.plugins.close()
        await self.workshop.close()
        await self.captures.close()
        await self.ledger.close()
        for watch in self._watches:
            await watch.close()
        await self.store.clerk.close()
        self._leave_recording()
        await self._still_alive(self.deck.close())
        await self.loader.close()
        await self.voices.close()
        await self.pool.close()
        await self._keeper.close()
        self._claim.give_back()
        await self.diagnosis.close()

    async def end_recording(self) -> None:
        """End a recording that is under way; return when it is written to its end, or after ``END_SECONDS``."""
        recording = self.session.recording
        if recording.reel is None:
            return
        ended = asyncio.Event()

        def hear(events: tuple[Event, ...]) -> None:
            if any(isinstance(event, RecordingEnded) for event in events):
                ended.set()

        hush = self.session.listen(hear)
        try:
            if recording.status().state == "on":
                self.session.apply(StopRecording())
            async with asyncio.timeout(END_SECONDS):
                await ended.wait()
        except (EngineError, TimeoutError) as error:
            log.warning("the recording is left as it is: %s", str(error) or f"not written in {END_SECONDS:g} s")
        finally:
            hush()

    def _leave_recording(self) -> None:
        """Keep the story of a recording that could not be ended; its files have what the io process has."""
        reel = self.session.recording.reel
        since = None if reel is None else self.deck.since(reel)
        if reel is not None and since is not None:
            until = max(since, self.diagnosis.frame())
            self.session.recorded(Recorded(number=reel.number, since=since, until=until, text="the engine was stopped"))

    async def _still_alive(self, ending: Awaitable[None]) -> None:
        """Give signs of life until something has ended that may take long, so that nobody kills it."""
        pulse = Pulse(lambda: self._beats.beat(Heart.CONTROL))
        pulse.start()
        try:
            await ending
        finally:
            pulse.stop()

    def _loaded(self, path: Path, send: Callable[[Message], None]) -> None:
        """Have a successor play the story that was loaded last, and recordings belong to it."""
        self.deck.follow(path)
        self._claim.give_back()
        self._claim = _claim(path)
        send({"again": {"story": str(path), "audio_folder": str(self._folder)}})

    def _stop_recording(self, error: OverQuota) -> None:
        """End a recording that has taken all that it may, and say so."""
        if self.session.recording.status().state == "on":
            self.session.apply(StopRecording())
            self.session.tell((Dropped(what="recording", code=error.code, text=str(error)),))

    def _hear_io(self) -> None:
        """Have the session hear what the io process tells."""
        session = self.session
        self.io.on_recording = lambda told: session.recording.heard(told.frames, told.lost)
        self.io.on_recorded = lambda told: session.recorded(
            Recorded(number=told.take, since=told.since, until=told.until, lost_frames=told.lost, text=told.text)
        )
        self.io.on_sending = lambda told: session.tell(session.streams.heard(told.streams))
        self.io.on_playing = lambda told: session.tell(session.outputs.heard(told.outputs))
        self.io.on_receiving = lambda told: session.tell(session.receivers.heard(told.receivers))
        self.io.on_failing = lambda path, text: session.tell((DiskFailing(path=path, text=text),))
        self.io.on_started_anew = self._io_replaced

    def _worker_died(self, why: str) -> None:
        self.session.tell((ProcessReplaced(process="voice", reason=why, silent_seconds=0.0),))

    def _take_unkept(self, why: str) -> None:
        self.session.tell((Dropped(what="take", code=MediaError.code, text=why),))

    def _io_replaced(self) -> None:
        self.captures.lost()
        self.session.tell((ProcessReplaced(process="io", reason="it died", silent_seconds=0.0),))

    def _wall(self, frame: int | None) -> float:
        """Return the wall time at which an engine frame leaves; None: now."""
        return time.time() if frame is None else self.clock.time_at(frame)

    def _heard_of_timeline(self, frame: int | None) -> int | None:
        """Return which frame of the timeline is heard as an engine frame leaves (None: now); None: it rests."""
        transport = self.session.transport
        if not transport.playing or transport.since_frame is None:
            return None
        late = round(self.audio.latency_seconds * self.sample_rate) if self.audio else 0
        return transport.place((self.clock.frame_at(time.time()) if frame is None else frame) - late)

    def _clips_of(self, audio: str) -> list[str]:
        """Return the clips that play a file of the story's folder."""
        return [clip.id for clip in self.session.context.index.made_of(AudioFile(path=audio))]

    def _facts(self, config: ControlConfig) -> Message:
        """Return what the reader of a black box must know."""
        audio = msgspec.to_builtins(self.audio) if self.audio is not None else None
        return {"story": config.story, "audio": audio, "system": platform.platform(), "python": sys.version.split()[0]}

    def _open_story(self, path: Path, discard_changes: bool) -> tuple[StoryKeeper, Story, History]:
        """Return the keeper, the story with the journal's edits in it, and what can be taken back of it."""
        document = self._read(path)
        journal = Journal(path)
        if discard_changes:
            journal.clear()
        history = History(journal.past())
        story, dropped = journal.replay(document.story, history=history)
        story = self.plugins.equipped(story)
        if story != document.story:
            log.warning("unsaved edits of an earlier run are in force; /session/save writes them into %s", path.name)
        for text in dropped:
            log.warning("an unsaved edit no longer fits the story and was dropped: %s", text)
        return StoryKeeper(document, journal, self._read), story, history

    def _soon(self) -> int:
        """Return the first frame that an order which is given now is sure to meet: the block in work is past."""
        margin = round(SOON_SECONDS * self.sample_rate)
        return self.clock.frame_at(time.time()) + (self.audio.block_frames if self.audio else 0) + margin

    def _read(self, path: Path) -> StoryDocument:
        voices, plugins = self.catalog.presets.keys(), self.plugins.lookup
        document = StoryDocument.load(path, voices=voices, effects=effect_specs(), plugins=plugins)
        graph = compile_graph(document.story)  # refuses what only the mixer knows: effects that can't run live
        check_strips(len(graph.strips))
        return document

    async def adopt(self, story: Story, meanwhile: Meanwhile, keeps: bool) -> tuple[str, ...]:
        """Have the audio process build the story's graph, then play it; return what of ``meanwhile`` does not fit."""
        if story.sample_rate != self.sample_rate:
            raise EngineError(
                f"sample_rate: {story.sample_rate} Hz takes a restart; the engine runs at {self.sample_rate} Hz"
            )
        return await self.regrapher.play(
            lambda: self.session.graph_of(story), lambda: self.session.adopt(story, meanwhile(), keeps=keeps)
        )

    def _mix(self, name: str) -> Mix:
        return load_mix(name, mix_folders(self._folder))

    def _beat(self) -> None:
        """Fetch reports and keep the timeline fresh."""
        self._beats.beat(Heart.CONTROL)
        reports = self.link.reports()
        if len(reports):
            self.session.hear(reports)
        self.session.advance()
        if self.session.transport.unsettled and self.io.has_files:
            self.session.transport.unsettled = False
            self.disk.expect(self.session)
        now = time.monotonic()
        if self.session.is_due or (self.session.stale and now >= self._publish_at):
            self.session.publish()
            self._publish_at = now + PUBLISH_SECONDS


def _claim(path: Path) -> Claim:
    """Return the claim on a story; that another engine plays it is told."""
    claim = Claim(path, CLAIM_SECONDS)
    if not claim.held:
        log.error("another engine plays %s: what is edited in both is lost in one of them", path.name)
    return claim


def graph_message(graph: Graph) -> Message:
    """Return a graph as it travels to the audio process."""
    message: Message = msgspec.to_builtins(graph)
    return message
