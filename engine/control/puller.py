"""The puller: speech models got from the hub beside a running engine, each as a job in a process of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.child import Child
from engine.commands import PullModel
from engine.control.job_tasks import JobTasks, Result
from engine.errors import BadRange, EngineError, ModelError
from engine.events import Event, JobFailed
from engine.realtime.notes import Notes
from engine.session.jobs import PULL
from engine.voices.models.place import is_folder, repo_of
from engine.voices.models.pull_process import Failed, Finished, Progressed, PullOrder, PullTold

MODULE = "engine.voices.models.pull_process"
NOTE = "pull/"
MAX_PULLED = 4
"""Models that may come at once; more are refused as busy."""
STOP_SECONDS = 2.0


class Puller:
    """root: the folder of models. A job outlives this process: its successor goes on with what came.

    Event loop of the control process only.
    """

    def __init__(self, root: Path, notes: Notes, tasks: JobTasks) -> None:
        self._root, self._notes, self._tasks = root, notes, tasks

    def begin(self, job: str, command: PullModel) -> None:
        """Begin. Raises BadRange for a folder, ModelMissing for what is neither a short name nor a hub id, Busy."""
        if is_folder(command.model):
            raise BadRange(f"model {command.model!r}: a short name or a hub id; a folder is on this machine already")
        repo_of(command.model)
        self._tasks.check(PULL, MAX_PULLED, "models are being pulled")
        note = f"{NOTE}{job}"
        self._notes.set(note, msgspec.msgpack.encode(command))
        self._tasks.begin(job, PULL, "waiting", self._pull(job, command), lambda: self._notes.forget(note))

    def recall(self) -> tuple[Event, ...]:
        """Go on with what a control process that is gone has left; return what can't be."""
        failed: list[Event] = []
        for job, note in self._notes.all(NOTE).items():
            try:
                self.begin(job, msgspec.msgpack.decode(note, type=PullModel))
            except EngineError as error:
                self._notes.forget(f"{NOTE}{job}")
                failed.append(JobFailed(job=job, verb=PULL, code=error.code, text=str(error)))
        return tuple(failed)

    async def _pull(self, job: str, command: PullModel) -> Result:
        child = await Child.start(MODULE, ())
        try:
            order = PullOrder(model=command.model, revision=command.revision, root=str(self._root))
            child.send(msgspec.to_builtins(order))
            return await self._follow(job, child), 0.0
        finally:
            await child.stop(STOP_SECONDS)

    async def _follow(self, job: str, child: Child) -> str:
        while (message := await child.receive()) is not None:
            told: PullTold = msgspec.convert(message, PullTold)
            match told:
                case Progressed(fraction=fraction, file=file):
                    self._tasks.progress(job, fraction, file)
                case Finished(licence=licence):
                    return licence
                case Failed(code=code, text=text):
                    raise ModelError.relayed(code, text)
        raise ModelError(f"the pull process ended before it was done (exit code {child.returncode}); pull again")
