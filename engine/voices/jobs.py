"""The jobs of the voice pool: what waits, in which order, and who waits for it. Event loop only, no processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from enum import IntEnum
from typing import TypeVar

from engine.errors import Busy, EngineError, VoiceError
from engine.speech.transcript import Passage
from engine.voices import wire
from engine.voices.take import Take

T = TypeVar("T")


class Priority(IntEnum):
    """What goes first. NOW: a performer waits, other speaking gives way; SOON: the next cues; BACKGROUND: batches."""

    NOW = 0
    SOON = 1
    BACKGROUND = 2


class TakeLost(VoiceError):
    """A worker died between making a take and keeping it."""


class Job:
    """One request, and those who wait for it.

    slot: the only worker that can do it, None for any that keeps ``model``. batch: how many of this kind its voice
    speaks at once. made_by: the worker that answered. attempts: workers that began it. due_seconds: how long it should
    take, where that is known. on_gone: hears when nobody should join this job any more.
    """

    def __init__(
        self, request: wire.Request, priority: Priority, slot: int | None = None, *, model: str = "", batch: int = 1
    ) -> None:
        loop = asyncio.get_running_loop()
        self.request, self.priority, self.slot = request, priority, slot
        self.model, self.batch = model, batch
        self.on_progress: list[Callable[[int], None]] = []
        self.on_passage: list[Callable[[Passage], None]] = []
        self.on_gone: Callable[[Job], None] = _nobody
        self.made_by: int | None = None
        self.attempts = 0
        self.due_seconds: float | None = None
        self.waiters = 0
        self.yielding = False
        self._answer: asyncio.Future[wire.Answer] = loop.create_future()
        self._kept: asyncio.Future[None] = loop.create_future()

    @property
    def number(self) -> int:
        """The number that its answers repeat; smaller is older."""
        return self.request.job

    @property
    def rank(self) -> tuple[int, bool, int]:
        """What waits goes in this order: by priority, what only copies before what has to be spoken, then by age."""
        return self.priority, isinstance(self.request, wire.Render), self.number

    @property
    def gives_way(self) -> bool:
        """Whether a performer who waits interrupts it."""
        return self.priority > Priority.NOW and isinstance(self.request, (wire.Render, wire.LoadFile))

    @property
    def keeping(self) -> bool:
        """Whether its take is made, but not yet in the cache."""
        return self.made_by is not None and not self._kept.done()

    @property
    def not_kept(self) -> bool:
        """Whether the cache refused its take."""
        return self._kept.done() and self._kept.exception() is not None

    @property
    def take(self) -> Take | None:
        """The take, once it is made."""
        done = self._answer.done() and self._answer.exception() is None
        answer = self._answer.result() if done else None
        return answer.take if isinstance(answer, wire.Rendered) else None

    def when_settled(self, call: Callable[[], None]) -> None:
        """Have ``call`` made once no worker is at this job any more, nor will be."""
        self._answer.add_done_callback(lambda _: call())

    def answered(self, answer: wire.Answer, slot: int) -> None:
        """Hand ``answer`` to all who wait."""
        self.made_by = slot
        if not self._answer.done():
            self._answer.set_result(answer)

    def fail(self, error: EngineError) -> None:
        """Tell all who wait that there will be no answer."""
        _fail(self._answer, error)
        _fail(self._kept, error)
        self.on_gone(self)

    def kept(self) -> None:
        """Note that the take is in the cache."""
        if not self._kept.done():
            self._kept.set_result(None)
        self.on_gone(self)

    def lose(self, error: EngineError) -> None:
        """Note that the take did not get into the cache: TakeLost, it is gone; else its worker still has it."""
        _fail(self._kept, error)
        if isinstance(error, TakeLost):
            self.on_gone(self)

    async def wait(self, on_abandoned: Callable[[Job], None]) -> wire.Answer:
        """Return the answer. The last one to be cancelled while waiting abandons the job."""
        self.waiters += 1
        try:
            return await asyncio.shield(self._answer)
        finally:
            self.waiters -= 1
            if not self.waiters and not self._answer.done():
                on_abandoned(self)

    async def wait_kept(self) -> None:
        """Return when the take is in the cache. Raises MediaError if the disk refuses, TakeLost."""
        await asyncio.shield(self._kept)

    def told(self) -> str:
        """Return how a message names this job."""
        match self.request:
            case wire.Render(text=text, preset=preset):
                return f"speaking {text[:40]!r} as {preset.id}"
            case wire.Load(preset=preset):
                return f"loading the model of {preset.id}"
            case wire.LoadTake(take=take):
                return f"loading the take of {take.text[:40]!r}"
            case wire.Listen(path=path):
                return f"listening to {path}"
            case wire.LoadFile(path=path) | wire.Probe(path=path):
                return f"reading {path}"
            case _:
                return f"job {self.number}"


def _nobody(_job: Job) -> None:
    return


def _fail(future: asyncio.Future[T], error: EngineError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # those who wait get it; with nobody waiting it is no news


class JobQueue:
    """Jobs that wait for a worker: by rank. Full: Busy."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: list[Job] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: Job) -> bool:
        return job in self._jobs

    def pressing(self, model: str, slots: Collection[int]) -> int:
        """Return how many jobs wait for ``slots``, which keep ``model``, that others should give way to."""
        now = [job for job in self._jobs if job.priority is Priority.NOW]
        return sum(job.slot in slots or (job.slot is None and job.model == model) for job in now)

    def waits(self, model: str) -> bool:
        """Return whether anything waits that any worker which keeps ``model`` could do."""
        return any(job.slot is None and job.model == model for job in self._jobs)

    def put(self, job: Job) -> None:
        """Let ``job`` wait. Raises Busy when too many do."""
        if len(self._jobs) >= self._most:
            raise Busy(f"{self._most} jobs wait for the voices already; try again when some are done")
        self._jobs.append(job)

    def put_back(self, job: Job) -> None:
        """Let a job that was begun wait again; it goes before younger ones. Never refused."""
        self._jobs.append(job)

    def take(self, slot: int, model: str = "") -> list[Job]:
        """Return what worker ``slot``, which keeps ``model``, does next: nothing, one job, several at once."""
        fitting = [job for job in self._jobs if job.slot == slot or (job.slot is None and job.model == model)]
        first = min(fitting, key=lambda job: job.rank, default=None)
        if first is None:
            return []
        taken = [first, *_beside(first, fitting)]
        for job in taken:
            self._jobs.remove(job)
        return taken

    def remove(self, job: Job) -> bool:
        """Take ``job`` out; False if it does not wait here."""
        if job not in self._jobs:
            return False
        self._jobs.remove(job)
        return True

    def unpin(self, slot: int) -> None:
        """Let any worker do what only ``slot`` could: it is gone. What is only copied needs no model."""
        for job in self._jobs:
            if job.slot == slot:
                job.slot = None

    def fail_all(self, error: EngineError) -> None:
        """Tell everyone who waits, and forget the jobs."""
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.fail(error)


def _beside(first: Job, fitting: list[Job]) -> list[Job]:
    """Return background lines of the same voice, nearest in length, that can be spoken together with ``first``."""
    if first.batch < 2 or first.priority is not Priority.BACKGROUND or not isinstance(first.request, wire.Render):
        return []
    voice, length = first.request.preset, len(first.request.text)
    near = [
        (abs(len(job.request.text) - length), job.number, job)
        for job in fitting
        if job is not first
        and job.priority is Priority.BACKGROUND
        and isinstance(job.request, wire.Render)
        and job.request.preset == voice
        and job.request.offset < 0
    ]
    return [job for _, _, job in sorted(near, key=lambda item: item[:2])[: first.batch - 1]]
