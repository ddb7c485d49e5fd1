"""The voice pool: turns lines into takes and lays them into the clip arena, through worker processes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import cast

from engine.errors import MediaError, VoiceError
from engine.realtime.memory import Segment
from engine.render.cache import TakeCache
from engine.render.digest import digest as digest_of
from engine.render.locks import Locks
from engine.speech.transcript import Passage, Transcript, whole
from engine.story.model import Line
from engine.voices import wire
from engine.voices.budget import Budget
from engine.voices.catalog import Catalog
from engine.voices.crew import ATTEMPTS, Crew
from engine.voices.direction import direct
from engine.voices.jobs import Job, Priority, TakeLost
from engine.voices.media import Facts
from engine.voices.model_state import ModelState
from engine.voices.pace import Paces
from engine.voices.patience import HUNG_SECONDS
from engine.voices.preset import ears, model_of
from engine.voices.registry import backend, listener
from engine.voices.room import Room
from engine.voices.take import Take

MOST_QUEUED = 4096
FOOTPRINTS = "footprints"
"""Beside the takes: what each model took in memory when it was last loaded."""

PACES = "paces"
"""Beside the takes: how fast each backend spoke."""

MOST_UNKEPT = 4096
"""Takes that the disk refused and that are still known: beyond this the oldest would be spoken again."""


class VoicePool:
    """Renders and loads, for one event loop.

    Workers start with ``start`` or when first needed. The queue is bounded: Busy when it is full. A line that is to
    sound now goes first, and background work gives way to it and begins again later. The same line asked for twice is
    spoken once. A job is stopped, in the worker too, once everyone who waits for it is cancelled.

    arena: the clip arena; None where nothing is loaded (render, export). workers: those that speak what needs no model;
    each model has one of its own, or up to ``model_workers`` where lines wait and memory lasts. model_bytes: what
    models may take on each device; None: no limit. on_state: hears how models are. hung_seconds: a worker at work that
    is silent for longer is ended. locks: takes that lines keep.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        cache: TakeCache,
        sample_rate: int,
        arena: Segment | None = None,
        workers: int = 1,
        model_workers: int = 1,
        most_queued: int = MOST_QUEUED,
        model_bytes: int | None = None,
        on_state: Callable[[ModelState], None] | None = None,
        hung_seconds: float = HUNG_SECONDS,
        locks: Locks | None = None,
    ) -> None:
        self.catalog, self.cache, self.sample_rate = catalog, cache, sample_rate
        self._locks = locks
        self._crew = Crew(
            cache.folder,
            arena,
            workers,
            most_queued,
            model_workers=model_workers,
            budget=Budget(model_bytes, cache.folder / FOOTPRINTS),
            on_state=on_state,
            hung_seconds=hung_seconds,
        )
        self.on_death: Callable[[str], object] = lambda _: None
        """Hears why a worker is gone that was not told to end."""
        self._crew.on_death = lambda why: self.on_death(why)
        self.on_unkept: Callable[[str], object] = lambda _: None
        """Hears why a take that was made, and sounds, could not be kept."""
        self._crew.on_unkept = lambda why: self.on_unkept(why)
        self.paces = Paces(cache.folder / PACES)
        self._numbers = count(1)
        self._noted: set[str] = set()
        self.on_notes: Callable[[Take], None] = lambda _: None
        """Hears of takes whose voice could not do all that was asked, each once."""
        self._renders: OrderedDict[str, Job] = OrderedDict()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that run."""
        return self._crew.pids

    @property
    def deaths(self) -> int:
        """How many workers died before they were told to."""
        return self._crew.deaths

    @property
    def queued(self) -> int:
        """How many jobs wait for a worker."""
        return len(self._crew.queue)

    async def start(self) -> None:
        """Start the workers, so that the first line does not wait for one. Raises VoiceError."""
        await self._crew.start()

    async def close(self) -> None:
        """Stop all work and all workers; what waits gets VoiceError. Nothing is left running."""
        await self._crew.close()

    async def load(self, voice: str, *, warm: bool = True) -> None:
        """Have what ``voice`` speaks with in memory; warm: and have it speak once. Raises UnknownThing, VoiceError."""
        preset = self.catalog.get(voice)
        await self._crew.load(model_of(preset), preset, warm=warm)

    async def unload(self, voice: str) -> None:
        """Give back the memory that the model of ``voice`` takes; it is loaded again when it is needed."""
        await self._crew.unload(model_of(self.catalog.get(voice)))

    def state(self, voice: str) -> ModelState:
        """Return how the model of ``voice`` is. What needs no model is always warm."""
        model = model_of(self.catalog.get(voice))
        known = {state.model: state for state in self._crew.states}
        return known.get(model, ModelState(model=model, state="cold" if model else "warm"))

    async def render(
        self,
        line: Line,
        *,
        seed: int | None = None,
        urgent: bool = False,
        soon: bool = False,
        stored: bool = False,
        room: Room | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Take:
        """Return the take of ``line``: from the cache, or spoken now.

        seed: what a voice draws its chances from, None: the line's own; the same seed gives the same take. urgent: a
        performer waits; soon: a cue that is next. stored: return only when it is in the cache; MediaError if the disk
        refuses. Otherwise it may be on its way there, and ``load_take`` works at once. room: where it is to be laid
        while it is made, where that is still possible: see ``Room``. on_progress: hears the frames spoken so far, on
        long lines; of all parts that are laid into a room. Raises UnknownThing, VoiceError, Busy.
        """
        seed = line.delivery.seed if seed is None else seed
        digest = self._digest(line, seed)
        priority = Priority.NOW if urgent else Priority.SOON if soon else Priority.BACKGROUND
        for _ in range(ATTEMPTS):
            job = self._known(digest, stored)
            if job is None and (take := self.cache.get(digest)) is not None:
                return self._told(take)
            job = job or self._begin(digest, line, seed, priority, room)
            if room is not None:
                self._lay_into(job, room)
            if priority < job.priority:
                job.priority = priority
                self._crew.dispatch()
            if on_progress is not None:
                job.on_progress.append(on_progress)
            answer = await job.wait(self._crew.abandon)
            if not isinstance(answer, wire.Rendered):
                raise VoiceError(f"the voice worker answered {type(answer).__name__}, not a take")
            if not stored or await _is_kept(job):
                return self._told(answer.take)
        raise TakeLost(f"two voice workers died before they could keep the take of {line.text[:40]!r}")

    def made(self, line: Line, *, seed: int | None = None) -> Take | None:
        """Return the take of ``line`` if it is there already. Raises UnknownThing."""
        digest = self._digest(line, seed)
        job = self._renders.get(digest)
        return job.take if job is not None else self.cache.get(digest)

    def hurry(self, line: Line, *, seed: int | None = None) -> None:
        """Let a performer wait for ``line``, which is asked for already. Raises UnknownThing."""
        job = self._renders.get(self._digest(line, seed))
        if job is not None and job.priority > Priority.NOW:
            job.priority = Priority.NOW
            self._crew.dispatch()

    def lay_into(self, line: Line, room: Room, *, seed: int | None = None) -> None:
        """Have ``line``, which is asked for already, laid into ``room`` while it is made, if it has not begun."""
        job = self._renders.get(self._digest(line, seed))
        if job is not None:
            self._lay_into(job, room)

    def _lay_into(self, job: Job, room: Room) -> None:
        if job in self._crew.queue and cast(wire.Render, job.request).offset < 0:
            room.give_to(job)

    def pace_key(self, voice: str) -> str:
        """Return under what the pace of ``voice`` is known. Raises UnknownThing."""
        preset = self.catalog.get(voice)
        return f"{preset.backend} {model_of(preset)}".strip()

    async def load_take(self, take: Take, offset: int, *, urgent: bool = False, speed: float = 1.0) -> None:
        """Copy ``take`` to float ``offset`` of the arena; one that is gone from the cache is spoken again.

        While this runs a worker may write there, also after it was cancelled: shield it before giving memory back.
        urgent: background work gives way. speed: it is stretched, its pitch kept (``stretched_frames`` long).
        Raises MediaError, VoiceError, Busy.
        """
        if await self._load_take(take, offset, urgent, speed):
            return
        again = await self.render(line_of(take), seed=take.seed, urgent=urgent)
        if again.digest != take.digest or not await self._load_take(take, offset, urgent, speed):
            raise MediaError(f"the take of {take.text[:40]!r} is gone, and its voice is another now; ask anew")

    async def load_file(self, path: Path, offset: int, max_floats: int, *, speed: float = 1.0) -> None:
        """Read an audio file, at the project's rate, to float ``offset`` of the arena; see ``load_take``."""
        request = wire.LoadFile(
            job=next(self._numbers),
            path=str(path),
            sample_rate=self.sample_rate,
            offset=offset,
            max_floats=max_floats,
            speed=speed,
        )
        await self._done(Job(request, Priority.BACKGROUND))

    async def transcribe(
        self,
        path: Path,
        *,
        language: str = "",
        settings: Mapping[str, object] | None = None,
        on_passage: Callable[[Passage], None] | None = None,
    ) -> Transcript:
        """Return what is said in an audio file, however long; the model stays warm, within the same budget as voices.

        language: a code, empty: found out. settings: the listener's: model, revision, device, precision. on_passage:
        hears each part as soon as it is there. Raises MediaError, VoiceError, ModelMissing, BadRange, Busy.
        """
        preset = ears(settings or {})
        request = wire.Listen(job=next(self._numbers), path=str(path), preset=preset, language=language)
        job = Job(request, Priority.SOON, model=listener(preset.backend).model(preset.settings))
        passages: dict[float, Passage] = {}  # a worker that died begins again: what it told before is told once

        def hear(passage: Passage) -> None:
            if passage.heard_seconds not in passages and on_passage is not None:
                on_passage(passage)
            passages[passage.heard_seconds] = passage

        job.on_passage.append(hear)
        await self._done(job)
        return whole([passages[seconds] for seconds in sorted(passages)])

    async def probe(self, path: Path) -> Facts:
        """Return how long an audio file is at the project's rate. Raises MediaError."""
        request = wire.Probe(job=next(self._numbers), path=str(path), sample_rate=self.sample_rate)
        answer = await self._done(Job(request, Priority.SOON))
        if not isinstance(answer, wire.Done):
            raise VoiceError(f"the voice worker answered {type(answer).__name__}, not the facts of {path}")
        return answer.facts

    def _digest(self, line: Line, seed: int | None) -> str:
        preset = self.catalog.get(line.voice)
        locked = self._locks.get(line) if self._locks and seed in (None, line.delivery.seed) else None
        if locked is not None and self.cache.get(locked) is not None:
            return locked
        return digest_of(line, preset, self.sample_rate, line.delivery.seed if seed is None else seed)

    def _told(self, take: Take) -> Take:
        if take.notes and take.digest not in self._noted:
            self._noted.add(take.digest)
            self.on_notes(take)
        return take

    async def _load_take(self, take: Take, offset: int, urgent: bool, speed: float) -> bool:
        """Return whether the take was still there."""
        request = wire.LoadTake(job=next(self._numbers), take=take, offset=offset, speed=speed)
        made = self._renders.get(take.digest)
        job = Job(request, Priority.NOW if urgent else Priority.SOON, slot=made.made_by if made else None)
        return not isinstance(await self._done(job), wire.NoTake)

    async def _done(self, job: Job) -> wire.Answer:
        self._crew.put(job)
        return await job.wait(self._crew.abandon)

    def _known(self, digest: str, stored: bool) -> Job | None:
        """Return the job that makes this take, or made it and still has it."""
        job = self._renders.get(digest)
        if job is not None and stored and job.not_kept:  # the disk may have room by now: speak it again
            self._forget(job)
            return None
        return job

    def _begin(self, digest: str, line: Line, seed: int, priority: Priority, room: Room | None) -> Job:
        direction = direct(line, self.catalog.get(line.voice))
        preset = direction.preset
        request = wire.Render(
            job=next(self._numbers),
            digest=digest,
            text=line.text,
            preset=preset,
            sample_rate=self.sample_rate,
            seed=seed,
            pronounce=line.pronounce,
            delivery=line.delivery,
            tone=direction.tone,
            notes=direction.notes,
        )
        most = backend(preset.backend).batch(preset.settings)
        job = Job(request, priority, model=model_of(preset), batch=most)
        pace = self.paces.known(self.pace_key(line.voice))
        if pace is not None and not job.model:  # a model's first line may take long whatever the next ones do
            job.due_seconds = pace.made_seconds(line.text)
        job.on_gone = self._forget
        if room is not None:
            room.give_to(job)
        self._crew.put(job)
        self._renders[digest] = job
        while len(self._renders) > MOST_QUEUED + MOST_UNKEPT:
            self._renders.popitem(last=False)
        return job

    def _forget(self, job: Job) -> None:
        if isinstance(job.request, wire.Render) and self._renders.get(job.request.digest) is job:
            del self._renders[job.request.digest]


def line_of(take: Take) -> Line:
    """Return the line that ``take`` is a synthesis of."""
    return Line(text=take.text, voice=take.voice, delivery=take.delivery, pronounce=take.pronounce)


async def _is_kept(job: Job) -> bool:
    """Wait until the take is in the cache; False if its worker died first. Raises MediaError."""
    try:
        await job.wait_kept()
    except TakeLost:
        return False
    return True
