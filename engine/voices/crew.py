"""The crew: worker processes and the jobs among them. Workers may die; what they were at is tried once more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import cast

from engine.errors import EngineError, MediaError, VoiceError
from engine.platform import spare_cores
from engine.realtime.memory import Segment
from engine.voices import wire
from engine.voices.budget import Budget, NoRoom
from engine.voices.jobs import Job, JobQueue, TakeLost
from engine.voices.model_state import ModelState
from engine.voices.patience import HUNG_SECONDS, watch
from engine.voices.preset import Preset
from engine.voices.roster import Roster
from engine.voices.slot import CLOSING, Slot, Wish
from engine.voices.worker_process import WorkerDied, WorkerProcess

log = logging.getLogger(__name__)

ATTEMPTS = 2
"""A job whose worker dies is tried once more on a fresh one: what kills two is the job's fault."""


class Crew:
    """Gives jobs to workers, one batch each at a time; workers start when they are needed. One event loop.

    ``workers`` of them speak what needs no model of its own; each model has one more, to itself, within the budget, and
    up to ``model_workers`` where it has more to do and there is room. on_state: hears how models are.
    """

    def __init__(
        self,
        cache_folder: Path,
        arena: Segment | None,
        workers: int,
        most_queued: int,
        *,
        model_workers: int = 1,
        budget: Budget | None = None,
        on_state: Callable[[ModelState], None] | None = None,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        self.deaths = 0
        self.on_death: Callable[[str], object] = lambda _: None
        """Hears why a worker is gone that was not told to end."""
        self.on_unkept: Callable[[str], object] = lambda _: None
        """Hears why a take that was made could not be kept."""
        self.queue = JobQueue(most_queued)
        self._folder, self._arena = cache_folder, arena
        self._budget = budget or Budget()
        self._threads = max(1, spare_cores() // model_workers)
        self._hung_seconds = hung_seconds
        self._slots = Roster(self._slot, workers, model_workers, on_state or _unheard)
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that run."""
        return tuple(s.worker.pid for s in self._slots if s.worker is not None and s.alive)

    @property
    def states(self) -> tuple[ModelState, ...]:
        """How each model is that was ever asked for."""
        return self._slots.states

    async def start(self) -> None:
        """Start all workers but those of models. Raises VoiceError."""
        await asyncio.gather(*(self._ready(slot, None) for slot in self._slots.of("")))

    async def load(self, model: str, preset: Preset, *, warm: bool) -> None:
        """Have ``model`` in memory for ``preset``, in all its workers; warm: and speak once. Raises VoiceError."""
        wish = Wish.WARM if warm else Wish.LOADED
        slot: Slot | None = self._slots.first(model)
        with contextlib.suppress(NoRoom):  # then it has one less
            while slot is not None:
                slot.forgive()
                try:
                    await self._ready(slot, preset, wish)
                except WorkerDied as error:
                    raise VoiceError(f"a voice worker died while it loaded {preset.id}") from error
                slot = self._slots.widen(model)
        self.dispatch()

    async def unload(self, model: str) -> None:
        """Give back what ``model`` takes; what it is at is done first, what waits loads it again."""
        for slot in self._slots.of(model) if model else ():
            await self._empty(slot)
        self.dispatch()

    def put(self, job: Job) -> None:
        """Let ``job`` be done. Raises Busy, and VoiceError once closed."""
        if self._closing.is_set():
            raise VoiceError(CLOSING)
        self.queue.put(job)
        self._jobs[job.number] = job
        self._slots.first(job.model)
        self.dispatch()

    def abandon(self, job: Job) -> None:
        """Nobody waits for ``job`` any more: stop it wherever it is."""
        if self.queue.remove(job):
            self._fail(job, VoiceError(f"called off: {job.told()}"))
        for slot in self._slots:
            if job in slot.jobs:
                slot.cancel((job,))

    async def close(self) -> None:
        """Stop all work and all workers; takes that are made still get into the cache. Nothing is left running."""
        self._closing.set()
        self.queue.fail_all(VoiceError(CLOSING))
        for slot in self._slots:
            slot.cancel(slot.jobs)
        await asyncio.gather(*(slot.close() for slot in self._slots))
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks)
        for job in tuple(self._jobs.values()):
            self._fail(job, VoiceError(CLOSING))

    def dispatch(self) -> None:
        """Give work to idle workers; let other speaking give way where a performer waits."""
        self._unpin_orphans()
        for slot in sorted(self._slots, key=lambda slot: not slot.alive):
            self._give(slot)
        for model in self._slots.models:
            if self.queue.waits(model) and (more := self._slots.widen(model)) is not None:
                self._give(more)
            slots = self._slots.of(model)
            self._make_way(slots, self.queue.pressing(model, {slot.number for slot in slots}))
        if self._watching is None and any(slot.jobs for slot in self._slots):
            self._watching = asyncio.create_task(watch(self._slots, self._hung_seconds))

    def _give(self, slot: Slot) -> None:
        """Let a slot that is idle begin with what waits for it."""
        if not slot.jobs and not slot.leaving and (jobs := self.queue.take(slot.number, slot.model)):
            slot.take(jobs)
            self._spawn(self._run(slot, jobs))

    def _unpin_orphans(self) -> None:
        """What a model's worker still had, another may copy from the cache once that worker is gone."""
        for slot in self._slots.keepers:
            if not slot.alive:
                self.queue.unpin(slot.number)

    def _make_way(self, slots: Iterable[Slot], pressing: int) -> None:
        """Interrupt as many slots as jobs press."""
        slots = tuple(slots)
        yielding = sum(any(job.yielding for job in slot.jobs) for slot in slots)
        for slot in slots:
            if yielding >= pressing:
                return
            if slot.jobs and all(job.gives_way and job.attempts and not job.yielding for job in slot.jobs):
                for job in slot.jobs:
                    job.yielding = True
                slot.cancel(slot.jobs)
                yielding += 1

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, slot: Slot, jobs: list[Job]) -> None:
        """Have the slot's worker do ``jobs``, and settle each: answered, failed, or waiting again."""
        begun = False
        try:
            worker = await self._ready(slot, _preset(jobs[0]))
            begun = True
            jobs = self._wanted(jobs)
            slot.take(jobs)
            if jobs:
                await self._ask(slot, worker, jobs)
        except NoRoom:
            for job in jobs:
                self._again(job)
        except WorkerDied:
            for job in jobs:
                job.attempts += not begun
                self._retry(job)
        except EngineError as error:
            for job in jobs:
                self._fail(job, error)
        finally:
            slot.take([])
            slot.used = time.monotonic()
            if slot.state.state == "speaking":
                slot.tell("warm" if slot.alive else "cold")
            for job in jobs:
                job.yielding = False
            self._budget.idle.set()
        self.dispatch()

    def _wanted(self, jobs: list[Job]) -> list[Job]:
        """Call off what nobody waits for any more, now that a worker is ready for it; return the rest."""
        for job in jobs:
            if not job.waiters:
                self._fail(job, VoiceError(f"called off: {job.told()}"))
        return [job for job in jobs if job.waiters]

    async def _ask(self, slot: Slot, worker: WorkerProcess, jobs: list[Job]) -> None:
        """Have the worker do ``jobs``. Raises WorkerDied."""
        for job in jobs:
            job.attempts += 1
        if isinstance(jobs[0].request, wire.Render):
            slot.tell("speaking")
        answers = worker.ask_all(_request(jobs), [job.number for job in jobs])
        await asyncio.gather(*(self._settle(slot, job, a) for job, a in zip(jobs, answers, strict=True)))

    async def _settle(self, slot: Slot, job: Job, coming: Awaitable[wire.Answer]) -> None:
        try:
            answer = await coming
        except WorkerDied:
            self._retry(job)
            return
        slot.succeeded()
        if isinstance(answer, wire.Failed):
            self._fail(job, wire.error_from(answer))
        elif isinstance(answer, wire.Cancelled):
            job.attempts -= 1
            self._again(job)
        else:
            if not isinstance(answer, wire.Rendered):
                self._jobs.pop(job.number, None)
            job.answered(answer, slot.number)

    def _retry(self, job: Job) -> None:
        if job.attempts >= ATTEMPTS:
            self._fail(job, VoiceError(f"two voice workers died of this: {job.told()}"))
            return
        log.warning("a voice worker died; trying again: %s", job.told())
        job.slot = None
        self._again(job)

    def _again(self, job: Job) -> None:
        """Let ``job`` wait once more, if anybody still wants it."""
        if self._closing.is_set() or not job.waiters:
            self._fail(job, VoiceError(CLOSING if self._closing.is_set() else f"called off: {job.told()}"))
        else:
            self.queue.put_back(job)

    def _fail(self, job: Job, error: EngineError) -> None:
        self._jobs.pop(job.number, None)
        job.fail(error)

    async def _ready(self, slot: Slot, preset: Preset | None, wish: Wish = Wish.READY) -> WorkerProcess:
        """Return the slot's worker; where a model has to be loaded for it, within the budget.

        Raises NoRoom for one that its model could do without.
        """
        if self._closing.is_set():
            raise VoiceError(CLOSING)
        if not slot.model or slot.bytes:
            return await slot.ready(preset, wish)
        start = partial(slot.ready, preset, wish)
        if not self._slots.is_more(slot):
            return await self._budget.load(slot, self._slots.keepers, self._empty, start)
        try:
            return await self._budget.load_beside(slot, self._slots.keepers, start)
        except (NoRoom, EngineError, WorkerDied) as error:
            log.info("no more workers for %s: %s", slot.model, error or "there is no room")
            self._slots.drop(slot, full=True)
            raise NoRoom from error

    async def _empty(self, slot: Slot) -> None:
        """Unload a slot once it is idle; what is spoken in the background there gives way."""
        slot.leaving = True
        try:
            while slot.jobs and slot.bytes:
                self._make_way([slot], 1)
                self._budget.idle.clear()
                await self._budget.idle.wait()
            await slot.unload()
            self._slots.freed()
        finally:
            slot.leaving = False
            self._slots.drop(slot)

    def _slot(self, number: int, model: str) -> Slot:
        return Slot(
            number,
            model,
            folder=self._folder,
            arena=self._arena,
            threads=self._threads if model else 1,
            on_state=lambda state: self._slots.hear(state.model),
            on_note=self._noted,
            on_end=self._ended,
        )

    def _ended(self, slot: Slot, served: bool) -> None:
        """A worker is gone, with the takes that it had not put into the cache."""
        self.queue.unpin(slot.number)
        self._budget.idle.set()
        if self._closing.is_set():
            return
        for job in tuple(self._jobs.values()):
            if job.made_by == slot.number and job.keeping:
                self._jobs.pop(job.number)
                job.lose(TakeLost("a voice worker died before it could keep a take"))
        if slot.leaving:
            return
        self.deaths += 1
        if slot.worker is not None and slot.worker.death:
            self.on_death(slot.worker.death)
        self._slots.freed()
        if slot.state.state != "failed":
            slot.tell("cold", reason="the worker died")
        self._slots.drop(slot)
        if served and not slot.model:
            self._spawn(self._replace(slot))

    async def _replace(self, slot: Slot) -> None:
        """Have a fresh worker ready before somebody needs it."""
        with contextlib.suppress(WorkerDied):
            try:
                await slot.ready(None)
            except VoiceError as error:
                if not self._closing.is_set():
                    log.error("no fresh voice worker: %s", error)

    def _noted(self, slot: Slot, answer: wire.Answer) -> None:
        """Hear what a worker says beside its answers."""
        if isinstance(answer, wire.Loading):
            slot.tell("loading", fraction=answer.fraction, stage=answer.stage)
            return
        job = self._jobs.get(answer.job)
        if job is None or isinstance(answer, wire.Alive):
            return
        if isinstance(answer, wire.Progress):
            for hear in job.on_progress:
                hear(answer.frames)
            return
        if isinstance(answer, wire.Heard):
            for listen in job.on_passage:
                listen(answer.passage)
            return
        self._jobs.pop(job.number)
        if isinstance(answer, wire.NotStored):
            log.error("%s", answer.text)
            self.on_unkept(answer.text)
            job.lose(MediaError(answer.text))
        else:
            job.kept()


def _preset(job: Job) -> Preset | None:
    return job.request.preset if isinstance(job.request, (wire.Render, wire.Listen)) else None


def _request(jobs: list[Job]) -> wire.Request:
    """Return what is sent for ``jobs``: one request, or one for all."""
    if len(jobs) == 1:
        return jobs[0].request
    renders = tuple(cast(wire.Render, job.request) for job in jobs)
    return wire.RenderAll(job=renders[0].job, renders=renders)


def _unheard(_state: ModelState) -> None:
    return
