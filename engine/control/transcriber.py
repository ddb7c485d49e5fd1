"""The transcriber: recordings beside the story written down by the engine's own ears, part by part, each as a job."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.commands import Transcribe
from engine.control.clerk import project_file
from engine.control.job_tasks import JobTasks, Result
from engine.errors import BadRange, EngineError
from engine.events import Event, JobFailed, PassageHeard, WordHeard
from engine.realtime.notes import Notes
from engine.session.jobs import TRANSCRIBE
from engine.speech.transcript import Passage
from engine.voices.models.place import is_folder, repo_of
from engine.voices.pool import VoicePool

NOTE = "transcribe/"
MAX_HEARD = 8
"""Recordings that may wait or be listened to at once; more are refused as busy."""


class Transcriber:
    """Listens with a model that stays warm among the voices'. folder: of the project, where recordings lie.

    A job outlives this process: its successor begins it anew. Event loop of the control process only.
    """

    def __init__(self, pool: VoicePool, folder: Path, notes: Notes, tasks: JobTasks) -> None:
        self._pool, self._folder, self._notes, self._tasks = pool, folder, notes, tasks

    def begin(self, job: str, command: Transcribe) -> None:
        """Begin to listen. Raises BadRange for a file elsewhere, ModelMissing for no model's name, Busy."""
        path = project_file(self._folder, command.file)
        _ears(command.model)
        self._tasks.check(TRANSCRIBE, MAX_HEARD, "recordings are being written down")
        note = f"{NOTE}{job}"
        self._notes.set(note, msgspec.msgpack.encode(command))
        work = self._listen(job, Path(path), command.language, command.model)
        self._tasks.begin(job, TRANSCRIBE, "waiting", work, lambda: self._notes.forget(note))

    def recall(self) -> tuple[Event, ...]:
        """Begin anew what a control process that is gone has left; return what can't be."""
        failed: list[Event] = []
        for job, note in self._notes.all(NOTE).items():
            try:
                self.begin(job, msgspec.msgpack.decode(note, type=Transcribe))
            except EngineError as error:
                self._notes.forget(f"{NOTE}{job}")
                failed.append(JobFailed(job=job, verb=TRANSCRIBE, code=error.code, text=str(error)))
        return tuple(failed)

    async def text_of(self, file: str, language: str, model: str) -> str:
        """Return what is said in a file. Raises EngineError."""
        return (await self._pool.transcribe(Path(file), language=language, settings=_ears(model))).text

    async def _listen(self, job: str, path: Path, language: str, model: str) -> Result:
        start = 0.0

        def hear(passage: Passage) -> None:
            nonlocal start
            fraction = min(1.0, passage.heard_seconds / (passage.total_seconds or 1.0))
            self._tasks.progress(job, fraction, "listen", *_news(job, passage, start))
            start = passage.heard_seconds

        heard = await self._pool.transcribe(path, language=language, settings=_ears(model), on_passage=hear)
        return heard.language, heard.seconds


def _ears(model: str) -> dict[str, object]:
    """Return the settings of what listens. Raises BadRange, ModelMissing."""
    if not model:
        return {}
    if is_folder(model):
        raise BadRange(f"model {model!r}: a short name or a hub id; folders are for `cuevox transcribe`")
    repo_of(model)
    return {"model": model}


def _news(job: str, passage: Passage, start_seconds: float) -> tuple[Event, ...]:
    if not passage.text:
        return ()
    words = (
        WordHeard(
            job=job,
            text=word.text,
            start_seconds=word.start_seconds,
            end_seconds=word.end_seconds,
            source=word.source,
            confidence=word.confidence,
        )
        for word in passage.words
    )
    part = PassageHeard(
        job=job,
        text=passage.text,
        language=passage.language,
        start_seconds=start_seconds,
        end_seconds=passage.heard_seconds,
    )
    return part, *words
