"""The job ledger: writes down in the library which jobs a running engine has, how far they are and how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Collection
from itertools import islice

import msgspec
from msgspec.structs import replace

from engine.errors import EngineError
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.questions import JobNews, NoteJobs
from engine.realtime.notes import Notes

log = logging.getLogger(__name__)

NOTE = "jobs/"
PACE_SECONDS = 2.0
"""How often progress is written down at most; that a job begins or ends is written at once."""
PATIENCE_SECONDS = 30.0
"""After so long it is tried again, where the library takes nothing."""
MOST_UNTOLD = 256
"""Of what can't be written down the newest is kept."""
CLOSE_SECONDS = 5.0
INTERRUPTED = "the engine ended before it was done"


class JobLedger:
    """Hears of jobs and their events. A control process that follows goes on with its ledger.

    ask: asks the store. story: how the story's file is called now. Event loop of the control process only.
    """

    def __init__(
        self, ask: Callable[[NoteJobs], Awaitable[object]], notes: Notes, story: Callable[[], str] = lambda: ""
    ) -> None:
        self._ask, self._notes, self._story = ask, notes, story
        self._running = {
            job: msgspec.msgpack.decode(note, type=JobNews) for job, note in notes.all(NOTE).items()
        }  # of a process that is gone, if there was one
        self._untold: dict[str, JobNews] = {}
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._closing = self._fails = False

    def begun(self, job: str, verb: str, what: str, client: str) -> None:
        """Take note of a new job. what: of the story; client: who wants it."""
        self._end(job, "interrupted", "another job of its name began")
        about = " ".join(filter(None, (self._story(), what)))
        self._running[job] = news = JobNews(
            key=secrets.token_hex(8), name=job, verb=verb, what=about, client=client
        )  # fmt: skip
        self._notes.set(f"{NOTE}{job}", msgspec.msgpack.encode(news))
        self._write(news, soon=True)

    def hear(self, events: tuple[Event, ...]) -> None:
        """Take note of how jobs fare."""
        for event in events:
            match event:
                case JobProgressed(job=job, fraction=fraction, stage=stage) if job in self._running:
                    news = self._running[job] = replace(self._running[job], fraction=fraction, stage=stage)
                    self._write(news)
                case JobDone(job=job, result=result):
                    self._end(job, "done", result)
                case JobFailed(job=job, code=code, text=text):
                    self._end(job, "cancelled" if code == "cancelled" else "failed", text)

    def settle(self, going: Collection[str]) -> None:
        """Hear which jobs go on that a process which is gone has left: they are ours now, the others have ended."""
        for job, news in tuple(self._running.items()):
            if job in going:
                self._write(news, soon=True)
            else:
                self._end(job, "interrupted", INTERRUPTED)

    async def close(self) -> None:
        """Write down what is known, as far as that can be done soon; what goes on is interrupted."""
        for job in tuple(self._running):
            self._end(job, "interrupted", INTERRUPTED)
        self._closing = True
        self._hurry.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _end(self, job: str, state: str, result: str) -> None:
        news = self._running.pop(job, None)
        if news is not None:
            self._notes.forget(f"{NOTE}{job}")
            fraction = 1.0 if state == "done" else news.fraction
            self._write(replace(news, state=state, fraction=fraction, stage="", result=result), soon=True)

    def _write(self, news: JobNews, *, soon: bool = False) -> None:
        self._untold[news.key] = news
        if soon and not self._fails:
            self._hurry.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Write down what is new, as long as there is something."""
        while self._untold:
            self._hurry.clear()
            batch, self._untold = self._untold, {}
            try:
                await self._ask(NoteJobs(jobs=tuple(batch.values()), pid=os.getpid()))
                self._fails = False
            except EngineError as error:
                if not self._fails:
                    log.error("jobs can't be written down in the library: %s", error)
                self._fails = True
                kept = {**batch, **self._untold}
                self._untold = dict(islice(kept.items(), max(0, len(kept) - MOST_UNTOLD), None))
                if self._closing:
                    return
            if self._closing:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS if self._fails else PACE_SECONDS):
                    await self._hurry.wait()
