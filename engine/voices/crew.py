"""The crew: worker processes and the jobs among them. Workers may die; what they were at is tried once more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from pathlib import Path

from engine.errors import EngineError, MediaError, VoiceError
from engine.realtime.memory import Segment
from engine.voices import wire
from engine.voices.jobs import Job, JobQueue, Priority, TakeLost
from engine.voices.worker_process import WorkerDied, WorkerProcess

log = logging.getLogger(__name__)

ATTEMPTS = 2
"""A job whose worker dies is tried once more on a fresh one: what kills two is the job's fault."""

CLOSING = "the voices are shutting down"


class Slot:
    """A place for one worker. job: what it does now."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: WorkerProcess | None = None
        self.job: Job | None = None
        self.starting = asyncio.Lock()


class Crew:
    """Gives jobs to workers, one each at a time; workers start when they are needed. One event loop."""

    def __init__(self, cache_folder: Path, arena: Segment | None, workers: int, most_queued: int) -> None:
        self.deaths = 0
        self.queue = JobQueue(most_queued)
        self._cache_folder, self._arena = cache_folder, arena
        self._slots = tuple(Slot(number) for number in range(workers))
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that run."""
        return tuple(s.worker.pid for s in self._slots if s.worker is not None and s.worker.alive)

    async def start(self) -> None:
        """Start all workers. Raises VoiceError."""
        await asyncio.gather(*(self._alive(slot) for slot in self._slots))

    def put(self, job: Job) -> None:
        """Let ``job`` be done. Raises Busy, and VoiceError once closed."""
        if self._closing.is_set():
            raise VoiceError(CLOSING)
        self.queue.put(job)
        self._jobs[job.number] = job
        self.dispatch()

    def abandon(self, job: Job) -> None:
        """Nobody waits for ``job`` any more: stop it wherever it is."""
        if self.queue.remove(job):
            self._fail(job, VoiceError(f"called off: {job.told()}"))
        for slot in self._slots:
            if slot.job is job and slot.worker is not None:
                slot.worker.cancel(job.number)

    async def close(self) -> None:
        """Stop all work and all workers; takes that are made still get into the cache. Nothing is left running."""
        self._closing.set()
        self.queue.fail_all(VoiceError(CLOSING))
        for slot in self._slots:
            if slot.job is not None and slot.worker is not None:
                slot.worker.cancel(slot.job.number)
        await asyncio.gather(*(slot.worker.stop() for slot in self._slots if slot.worker is not None))
        if self._tasks:
            await asyncio.wait(self._tasks)
        for job in tuple(self._jobs.values()):
            self._fail(job, VoiceError(CLOSING))

    def dispatch(self) -> None:
        """Give work to idle workers; let background work give way where a performer waits."""
        for slot in self._slots:
            if slot.job is None and (job := self.queue.take(slot.number)) is not None:
                slot.job = job
                self._spawn(self._run(slot, job))
        yielding = sum(slot.job is not None and slot.job.yielding for slot in self._slots)
        for slot in self._slots:
            if yielding >= self.queue.pressing:
                return
            job = slot.job
            if job is not None and slot.worker is not None and job.priority is Priority.BACKGROUND and job.attempts:
                job.yielding = True
                slot.worker.cancel(job.number)
                yielding += 1

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, slot: Slot, job: Job) -> None:
        """Have the slot's worker do ``job``, and settle it: answered, failed, or waiting again."""
        try:
            worker = await self._alive(slot)
            job.attempts += 1
            answer = await worker.ask(job.request)
        except WorkerDied:
            self._retry(job)
        except EngineError as error:
            self._fail(job, error)
        else:
            self._settle(slot, job, answer)
        finally:
            slot.job = None
            job.yielding = False
        self.dispatch()

    def _settle(self, slot: Slot, job: Job, answer: wire.Answer) -> None:
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

    async def _alive(self, slot: Slot) -> WorkerProcess:
        """Return the slot's worker, a fresh one if need be."""
        async with slot.starting:
            if slot.worker is not None and slot.worker.alive:
                return slot.worker
            if self._closing.is_set():
                raise VoiceError(CLOSING)
            worker = await WorkerProcess.start(
                self._cache_folder, self._arena, on_note=self._noted, on_end=partial(self._ended, slot)
            )
            slot.worker = worker
            if self._closing.is_set():
                await worker.stop()
                raise VoiceError(CLOSING)
            return worker

    def _ended(self, slot: Slot, served: bool) -> None:
        """A worker is gone, with the takes that it had not put into the cache."""
        self.queue.unpin(slot.number)
        if self._closing.is_set():
            return
        self.deaths += 1
        for job in tuple(self._jobs.values()):
            if job.made_by == slot.number and job.keeping:
                self._jobs.pop(job.number)
                job.lose(TakeLost("a voice worker died before it could keep a take"))
        if served:
            self._spawn(self._replace(slot))

    async def _replace(self, slot: Slot) -> None:
        """Have a fresh worker ready before somebody needs it."""
        try:
            await self._alive(slot)
        except VoiceError as error:
            if not self._closing.is_set():
                log.error("no fresh voice worker: %s", error)

    def _noted(self, answer: wire.Answer) -> None:
        """Hear Progress, Stored or NotStored from a worker."""
        job = self._jobs.get(answer.job)
        if job is None:
            return
        if isinstance(answer, wire.Progress):
            for hear in job.on_progress:
                hear(answer.frames)
            return
        self._jobs.pop(job.number)
        if isinstance(answer, wire.NotStored):
            log.error("%s", answer.text)
            job.lose(MediaError(answer.text))
        else:
            job.kept()
