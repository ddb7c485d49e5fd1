"""The take maker: further takes of a line, spoken by the engine's own voices and noted in the store."""

from __future__ import annotations

import msgspec

from engine.control.clerk import Clerk
from engine.control.job_tasks import JobTasks, Result
from engine.errors import EngineError
from engine.events import Event, JobFailed
from engine.questions import NextSeed, NoteTake
from engine.realtime.notes import Notes
from engine.session.jobs import TAKES
from engine.story.model import Line
from engine.voices.pool import VoicePool

NOTE = "takes/"
MAX_MADE = 8
"""Takes that may be in the making at once; more are refused as busy."""


class _Order(msgspec.Struct, frozen=True):
    """A take that is wanted. seed: None: one that no take of the line has."""

    line: Line
    seed: int | None


class TakeMaker:
    """Makes takes, each as a job, which outlives this process: its successor begins it anew, with the same seed.

    Event loop of the control process only.
    """

    def __init__(self, pool: VoicePool, clerk: Clerk, tasks: JobTasks, notes: Notes) -> None:
        self._pool, self._clerk, self._tasks, self._notes = pool, clerk, tasks, notes

    def make(self, job: str, line: Line, seed: int | None) -> None:
        """Begin to make a take with a seed, None: one that no take has. Raises UnknownThing, Busy."""
        self._pool.catalog.get(line.voice)
        self._tasks.check(TAKES, MAX_MADE, "takes are being made")
        self._keep(job, line, seed)
        self._tasks.begin(job, TAKES, "speak", self._make(job, line, seed), lambda: self._notes.forget(f"{NOTE}{job}"))

    def recall(self) -> tuple[Event, ...]:
        """Begin anew what a control process that is gone has left; return what can't be."""
        failed: list[Event] = []
        for job, note in self._notes.all(NOTE).items():
            order = msgspec.msgpack.decode(note, type=_Order)
            try:
                self.make(job, order.line, order.seed)
            except EngineError as error:
                self._notes.forget(f"{NOTE}{job}")
                failed.append(JobFailed(job=job, verb=TAKES, code=error.code, text=str(error)))
        return tuple(failed)

    async def _make(self, job: str, line: Line, seed: int | None) -> Result:
        ((free, count),) = await self._clerk.ask(NextSeed(line=line))
        if not count:
            await self._note(line, line.delivery.seed)  # the one that the story has is the first
        chosen = int(free) if seed is None else seed
        self._keep(job, line, chosen)
        return await self._note(line, chosen)

    async def _note(self, line: Line, seed: int) -> Result:
        take = await self._pool.render(line, seed=seed, stored=True)
        ((number, _),) = await self._clerk.ask(NoteTake(line=line, digest=take.digest))
        return str(number), take.frames / take.sample_rate

    def _keep(self, job: str, line: Line, seed: int | None) -> None:
        self._notes.set(f"{NOTE}{job}", msgspec.msgpack.encode(_Order(line=line, seed=seed)))
