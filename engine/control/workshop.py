"""The workshop: exports of the running story, one at a time, each in its own process; takes, transcripts, models."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol, get_args

import msgspec

from engine.child import Child
from engine.commands import Export, PullModel, Transcribe
from engine.control.clerk import Clerk
from engine.control.job_tasks import JobTasks
from engine.control.puller import Puller
from engine.control.quota import Quota
from engine.control.take_maker import TakeMaker
from engine.control.transcriber import Transcriber
from engine.errors import BadRange, Busy, EngineError, ExportError, UnknownThing
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.export.export_process import ExportOrder, ExportTold, Failed, Finished, Progressed
from engine.realtime.notes import Notes
from engine.render.plan import plan
from engine.render.renderer import render_lines
from engine.session.jobs import EXPORT, JobState
from engine.story.model import ExportFormat, Line, Story
from engine.voices.models.place import models_root
from engine.voices.pool import VoicePool

log = logging.getLogger(__name__)

MODULE = "engine.export.export_process"
NOTE = "export/"
MAX_EXPORTS = 8
"""Exports that may go on or wait at once; more are refused as busy."""
STOP_SECONDS = 5.0
EXPORTS = "exports"
"""The folder beside the story in which every export has a folder."""
FALLBACK: tuple[ExportFormat, ...] = ("stems", "reaper")
"""What is written where neither the order nor the story names anything."""
MAX_DEPTH = 4
"""Of folders within each other that an export may name."""
_PART = re.compile(r"\w[\w .+-]{0,62}")

Tell = Callable[[tuple[Event, ...]], object]


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What exports are made with. base_folder: where audio paths start; out_folder: where exports have theirs."""

    base_folder: Path
    out_folder: Path
    takes_folder: str
    voice_folders: tuple[str, ...]
    speak_with: str


class Beside(Protocol):
    """Who else has jobs."""

    def jobs(self) -> tuple[JobState, ...]:
        """Return what goes on."""
        ...

    def cancel(self, job: str) -> bool:
        """Stop a job; False: there is none of that name."""
        ...


class Workshop:
    """Fits the session's ``Workshop``. Takes are made by the engine's own voices, the mix by a process at its lowest
    priority. An export outlives this process: its successor begins it anew, and it goes on with what was finished.

    ``tell`` takes events; set it before anything is exported. Event loop of the control process only.
    """

    def __init__(self, pool: VoicePool, bench: Bench, notes: Notes, quota: Quota, clerk: Clerk) -> None:
        self._pool, self._bench, self._notes, self._quota = pool, bench, notes, quota
        self._states: dict[str, JobState] = {}
        self._tasks: dict[str, asyncio.Task[Finished]] = {}
        self._turn = asyncio.Lock()
        self._closing = False
        self.tell: Tell = lambda _: None
        self._others = JobTasks(lambda events: self.tell(events))
        self._maker = TakeMaker(pool, clerk, self._others, notes)
        self.transcriber = Transcriber(pool, bench.base_folder, notes, self._others)
        self._puller = Puller(models_root(), notes, self._others)
        self.check: Callable[[], object] = lambda: None
        """Raises EngineError where nothing new may be made."""
        self.beside: Beside | None = None
        """Who else has jobs, listed and cancelled alike."""

    def export(self, job: str, command: Export, story: Story) -> None:
        """Begin. Raises BadRange for a folder outside the project's, UnknownThing, Busy, OverQuota."""
        folder = self._folder(command.folder)
        for name in command.formats:
            if name not in get_args(ExportFormat):
                raise UnknownThing("export format", name, get_args(ExportFormat))
        if len(self._tasks) >= MAX_EXPORTS:
            raise Busy(f"{MAX_EXPORTS} exports go on or wait already; at most so many may")
        self._quota.check()
        self.check()
        self._notes.set(f"{NOTE}{job}", msgspec.msgpack.encode(command))
        self._states[job] = JobState(job=job, verb=EXPORT, fraction=0.0, stage="waiting")
        task = self._tasks[job] = asyncio.create_task(self._work(job, folder, command, story))
        task.add_done_callback(lambda done: self._ended(job, folder, done))

    def cancel(self, job: str) -> bool:
        """Stop a job; False: there is none of that name."""
        task = self._tasks.get(job)
        if task is not None:
            task.cancel()
        beside = self.beside
        return task is not None or self._others.cancel(job) or (beside is not None and beside.cancel(job))

    def make_take(self, job: str, line: Line, seed: int | None) -> None:
        """Begin to make a take. Raises UnknownThing, Busy."""
        self.check()
        self._maker.make(job, line, seed)

    def transcribe(self, job: str, command: Transcribe) -> None:
        """Begin to listen to a recording. Raises BadRange, ModelMissing, Busy."""
        self.transcriber.begin(job, command)

    def pull(self, job: str, command: PullModel) -> None:
        """Begin to get a model. Raises BadRange, ModelMissing, Busy."""
        self._puller.begin(job, command)

    def jobs(self) -> tuple[JobState, ...]:
        """Return what goes on or waits."""
        beside = self.beside.jobs() if self.beside is not None else ()
        return (*self._states.values(), *self._others.jobs(), *beside)

    def recall(self, story: Story) -> None:
        """Begin anew what a control process that is gone has left."""
        for job, note in self._notes.all(NOTE).items():
            self._notes.forget(f"{NOTE}{job}")
            try:
                self.export(job, msgspec.msgpack.decode(note, type=Export), story)
            except EngineError as error:
                self.tell((JobFailed(job=job, verb=EXPORT, code=error.code, text=str(error)),))
        self.tell((*self._maker.recall(), *self.transcriber.recall(), *self._puller.recall()))

    async def close(self) -> None:
        """Stop everything; what this process does not finish, nobody does."""
        self._closing = True
        await self._others.close()
        for task in tuple(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _work(self, job: str, folder: Path, command: Export, story: Story) -> Finished:
        async with self._turn:
            return await self._export(job, folder, command, story)

    def _ended(self, job: str, folder: Path, task: asyncio.Task[Finished]) -> None:
        del self._states[job], self._tasks[job]
        if self._closing and task.cancelled():
            return
        self._notes.forget(f"{NOTE}{job}")
        event: Event
        if task.cancelled():
            event = JobFailed(job=job, verb=EXPORT, code="cancelled", text="cancelled")
        elif (error := task.exception()) is not None:
            log.error("export to %s failed: %s", folder, error, exc_info=None if _is_told(error) else error)
            code = error.code if isinstance(error, EngineError) else EngineError.code
            event = JobFailed(job=job, verb=EXPORT, code=code, text=str(error))
        else:
            for warning in task.result().warnings:
                log.warning("export to %s: %s", folder, warning)
            event = JobDone(job=job, verb=EXPORT, result=str(folder), seconds=task.result().seconds)
        self.tell((event,))

    async def _export(self, job: str, folder: Path, command: Export, story: Story) -> Finished:
        def spoken(_: Line, done: int, total: int) -> None:
            self._progress(job, done / total, "speak")

        await render_lines(self._pool, plan(story), spoken)
        order = ExportOrder(
            story=story,
            base_folder=str(self._bench.base_folder),
            out_folder=str(folder),
            takes_folder=self._bench.takes_folder,
            voice_folders=self._bench.voice_folders,
            speak_with=self._bench.speak_with,
            formats=_formats(command, story),
        )
        child = await Child.start(MODULE, ())
        try:
            child.send(msgspec.to_builtins(order))
            return await self._follow(job, child)
        finally:
            await child.stop(STOP_SECONDS)

    async def _follow(self, job: str, child: Child) -> Finished:
        while (message := await child.receive()) is not None:
            told: ExportTold = msgspec.convert(message, ExportTold)
            match told:
                case Progressed(fraction=fraction, stage=stage):
                    self._progress(job, fraction, stage)
                case Finished():
                    return told
                case Failed(code=code, text=text):
                    raise ExportError.relayed(code, text)
        raise ExportError(f"the export process ended before it was done (exit code {child.returncode})")

    def _progress(self, job: str, fraction: float, stage: str) -> None:
        self._states[job] = JobState(job=job, verb=EXPORT, fraction=fraction, stage=stage)
        self.tell((JobProgressed(job=job, verb=EXPORT, fraction=fraction, stage=stage),))

    def _folder(self, name: str) -> Path:
        """Return a folder among the exports; links that lead out of there do not."""
        parts = PurePosixPath(name).parts
        if not parts or not all(_PART.fullmatch(part) and not part.endswith((".", " ")) for part in parts):
            raise BadRange(
                f"export folder {name[:100]!r}: a name, as in friday or mixes/friday, of letters, digits, spaces and "
                f". + - _, up to 63 in each part; it lies in the folder {EXPORTS} beside the story"
            )
        base = self._bench.out_folder.resolve()
        folder = base.joinpath(*parts)
        if len(parts) > MAX_DEPTH or not folder.resolve().is_relative_to(base):
            raise BadRange(f"export folder {name!r} leads out of {EXPORTS}, or more than {MAX_DEPTH} folders deep")
        return folder


def _is_told(error: BaseException) -> bool:
    return isinstance(error, EngineError)


def _formats(command: Export, story: Story) -> tuple[ExportFormat, ...]:
    """Return what is written: what was asked for, or the stems and what the story names."""
    if command.formats:
        return msgspec.convert(command.formats, tuple[ExportFormat, ...])
    return tuple(dict.fromkeys(("stems", *(story.export or FALLBACK))))
