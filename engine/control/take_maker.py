"""The take maker: further takes of a line, spoken by the engine's own voices and noted in the store."""

from __future__ import annotations

from engine.control.clerk import Clerk
from engine.control.job_tasks import JobTasks, Result
from engine.questions import NextSeed, NoteTake
from engine.session.jobs import TAKES
from engine.story.model import Line
from engine.voices.pool import VoicePool

MAX_MADE = 8
"""Takes that may be in the making at once; more are refused as busy."""


class TakeMaker:
    """Makes takes, each as a job. Event loop of the control process only."""

    def __init__(self, pool: VoicePool, clerk: Clerk, tasks: JobTasks) -> None:
        self._pool, self._clerk, self._tasks = pool, clerk, tasks

    def make(self, job: str, line: Line, seed: int | None) -> None:
        """Begin to make a take with a seed, None: one that no take has. Raises UnknownThing, Busy."""
        self._pool.catalog.get(line.voice)
        self._tasks.check(TAKES, MAX_MADE, "takes are being made")
        self._tasks.begin(job, TAKES, "speak", self._make(line, seed))

    async def _make(self, line: Line, seed: int | None) -> Result:
        ((free, count),) = await self._clerk.ask(NextSeed(line=line))
        if not count:
            await self._note(line, line.delivery.seed)  # the one that the story has is the first
        return await self._note(line, int(free) if seed is None else seed)

    async def _note(self, line: Line, seed: int) -> Result:
        take = await self._pool.render(line, seed=seed, stored=True)
        ((number, _),) = await self._clerk.ask(NoteTake(line=line, digest=take.digest))
        return str(number), take.frames / take.sample_rate
