"""Jobs that the control process works at itself, each as a task: bounded, listed, cancelled, their ends told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from engine.errors import Busy, EngineError
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.session.jobs import JobState

log = logging.getLogger(__name__)

Result = tuple[str, float]
"""What a job made, and how many seconds that sounds."""


class JobTasks:
    """``tell`` takes events. Event loop of the control process only."""

    def __init__(self, tell: Callable[[tuple[Event, ...]], object]) -> None:
        self._tell = tell
        self._tasks: dict[str, asyncio.Task[Result]] = {}
        self._states: dict[str, JobState] = {}
        self._closing = False

    def check(self, verb: str, most: int, what: str) -> None:
        """Raise Busy where ``most`` jobs of a verb go on already; what: as messages call them."""
        if sum(state.verb == verb for state in self._states.values()) >= most:
            raise Busy(f"{most} {what} already; at most so many may")

    def begin(
        self,
        job: str,
        verb: str,
        stage: str,
        work: Coroutine[None, None, Result],
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        """Begin ``work``. on_end: called once it has ended, but not where this process leaves it unfinished."""
        self._states[job] = JobState(job=job, verb=verb, fraction=0.0, stage=stage)
        task = self._tasks[job] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._ended(job, done, on_end))

    def progress(self, job: str, fraction: float, stage: str, *news: Event) -> None:
        """Tell how far a job is, behind its ``news``."""
        state = self._states[job] = JobState(job=job, verb=self._states[job].verb, fraction=fraction, stage=stage)
        self._tell((*news, JobProgressed(job=job, verb=state.verb, fraction=fraction, stage=stage)))

    def cancel(self, job: str) -> bool:
        """Stop a job; False: there is none of that name."""
        task = self._tasks.get(job)
        if task is not None:
            task.cancel()
        return task is not None

    def jobs(self) -> tuple[JobState, ...]:
        """Return what goes on."""
        return tuple(self._states.values())

    async def close(self) -> None:
        """Stop everything."""
        self._closing = True
        for task in tuple(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _ended(self, job: str, task: asyncio.Task[Result], on_end: Callable[[], object]) -> None:
        verb = self._states.pop(job).verb
        del self._tasks[job]
        if self._closing:
            return
        on_end()
        self._tell((_end(job, verb, task),))


def _end(job: str, verb: str, task: asyncio.Task[Result]) -> Event:
    if task.cancelled():
        return JobFailed(job=job, verb=verb, code="cancelled", text="cancelled")
    error = task.exception()
    if error is None:
        result, seconds = task.result()
        return JobDone(job=job, verb=verb, result=result, seconds=seconds)
    if not isinstance(error, EngineError):
        log.error("job %s (%s) failed", job, verb, exc_info=error)
    code = error.code if isinstance(error, EngineError) else EngineError.code
    return JobFailed(job=job, verb=verb, code=code, text=str(error))
