"""The take maker: further takes of a line, spoken by the engine's own voices and noted in the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from engine.control.clerk import Clerk
from engine.errors import Busy, EngineError
from engine.events import Event, JobDone, JobFailed
from engine.questions import NextSeed, NoteTake
from engine.session.jobs import TAKES, JobState
from engine.story.model import Line
from engine.voices.pool import VoicePool
from engine.voices.take import Take

log = logging.getLogger(__name__)

MAX_MADE = 8
"""Takes that may be in the making at once; more are refused as busy."""


class TakeMaker:
    """Makes takes, each as a job. ``tell`` takes events. Event loop of the control process only."""

    def __init__(self, pool: VoicePool, clerk: Clerk) -> None:
        self._pool, self._clerk = pool, clerk
        self._tasks: dict[str, asyncio.Task[tuple[int, Take]]] = {}
        self._closing = False
        self.tell: Callable[[tuple[Event, ...]], object] = lambda _: None

    def make(self, job: str, line: Line, seed: int | None) -> None:
        """Begin to make a take with a seed, None: one that no take has. Raises UnknownThing, Busy."""
        self._pool.catalog.get(line.voice)
        if len(self._tasks) >= MAX_MADE:
            raise Busy(f"{MAX_MADE} takes are being made already; at most so many may")
        task = self._tasks[job] = asyncio.create_task(self._make(line, seed))
        task.add_done_callback(lambda done: self._ended(job, done))

    def cancel(self, job: str) -> bool:
        """Stop a job; False: there is none of that name."""
        task = self._tasks.get(job)
        if task is not None:
            task.cancel()
        return task is not None

    def jobs(self) -> tuple[JobState, ...]:
        """Return what goes on."""
        return tuple(JobState(job=job, verb=TAKES, fraction=0.0, stage="speak") for job in self._tasks)

    async def close(self) -> None:
        """Stop everything."""
        self._closing = True
        for task in tuple(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _make(self, line: Line, seed: int | None) -> tuple[int, Take]:
        ((free, count),) = await self._clerk.ask(NextSeed(line=line))
        if not count:
            await self._note(line, line.delivery.seed)  # the one that the story has is the first
        return await self._note(line, int(free) if seed is None else seed)

    async def _note(self, line: Line, seed: int) -> tuple[int, Take]:
        take = await self._pool.render(line, seed=seed, stored=True)
        ((number, _),) = await self._clerk.ask(NoteTake(line=line, digest=take.digest))
        return int(number), take

    def _ended(self, job: str, task: asyncio.Task[tuple[int, Take]]) -> None:
        del self._tasks[job]
        if self._closing:
            return
        event: Event
        if task.cancelled():
            event = JobFailed(job=job, verb=TAKES, code="cancelled", text="cancelled")
        elif (error := task.exception()) is not None:
            if not isinstance(error, EngineError):
                log.error("a take could not be made", exc_info=error)
            code = error.code if isinstance(error, EngineError) else EngineError.code
            event = JobFailed(job=job, verb=TAKES, code=code, text=str(error))
        else:
            number, take = task.result()
            event = JobDone(job=job, verb=TAKES, result=str(number), seconds=take.frames / take.sample_rate)
        self.tell((event,))
