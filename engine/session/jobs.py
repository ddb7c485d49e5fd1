"""Jobs: work with progress. Lines that wait to be spoken, takes that are made, exports; listed and cancelled alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from engine.commands import Export, MakeTake, PullModel, Render, Transcribe
from engine.errors import Busy, EngineError, UnknownThing
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.params import SEED
from engine.session.context import Context
from engine.session.library import Source, describe
from engine.session.speech import VERB as SAY
from engine.session.speech import Speech
from engine.story.model import Line, Story
from engine.story.properties import spoken_line

RENDER, EXPORT, TAKES, TRANSCRIBE, PULL = "render", "export", "takes", "transcribe", "models"
MAX_RENDERS = 8
"""How many may wait at once for the story's takes; more are refused as busy."""


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job that goes on. fraction: 0 to 1 of ``stage``."""

    job: str
    verb: str
    fraction: float
    stage: str


class Workshop(Protocol):
    """Exports, makes takes, listens and gets models beside a running session. The control process has the real one."""

    def check(self) -> object:
        """Raise EngineError where nothing new may be made."""
        ...

    def export(self, job: str, command: Export, story: Story) -> None:
        """Begin; JobProgressed, then JobDone or JobFailed follow. Raises EngineError where it can't begin."""
        ...

    def make_take(self, job: str, line: Line, seed: int | None) -> None:
        """Begin; JobDone or JobFailed follows. Raises EngineError where it can't begin."""
        ...

    def transcribe(self, job: str, command: Transcribe) -> None:
        """Begin; PassageHeard, WordHeard and JobProgressed, then JobDone or JobFailed follow. Raises EngineError."""
        ...

    def pull(self, job: str, command: PullModel) -> None:
        """Begin; JobProgressed, then JobDone or JobFailed follow. Raises EngineError where it can't begin."""
        ...

    def cancel(self, job: str) -> bool:
        """Stop a job, whose JobFailed follows; False: it is none of these."""
        ...

    def jobs(self) -> tuple[JobState, ...]:
        """Return what goes on or waits, the oldest first."""
        ...


class NoWorkshop:
    """For sessions without a disk."""

    def check(self) -> None:
        """Allow everything."""

    def export(self, job: str, command: Export, story: Story) -> None:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to export to")

    def make_take(self, job: str, line: Line, seed: int | None) -> None:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to keep takes")

    def transcribe(self, job: str, command: Transcribe) -> None:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nothing to listen with")

    def pull(self, job: str, command: PullModel) -> None:  # noqa: ARG002
        """Refuse."""
        raise EngineError("this session has nowhere to keep models")

    def cancel(self, job: str) -> bool:  # noqa: ARG002
        """Know none."""
        return False

    def jobs(self) -> tuple[JobState, ...]:
        """Know none."""
        return ()


class _Rendering(msgspec.Struct, kw_only=True):
    """Somebody waits for takes. left: those that are still to come, None: not looked yet."""

    job: str
    left: set[Source] | None = None
    wanted: int = 0
    failures: list[str] = []


class Jobs:
    """All jobs of a session, whoever does their work."""

    def __init__(self, context: Context, speech: Speech, workshop: Workshop) -> None:
        self._context, self._speech, self._workshop = context, speech, workshop
        self._renderings: list[_Rendering] = []
        self._count = 0
        self.begun: Callable[[str, str, str, str], object] = lambda *_: None
        """Hears of each job that has begun, but for spoken lines: its name, verb, what it is of, and who wants it."""

    @property
    def renders(self) -> tuple[str, ...]:
        """The jobs that wait for the story's takes."""
        return tuple(each.job for each in self._renderings)

    @property
    def unsettled(self) -> bool:
        """Whether a job has not looked yet for what it waits for."""
        return any(each.left is None for each in self._renderings)

    def check(self) -> None:
        """Raise EngineError where nothing new may be made: the disk is full."""
        self._workshop.check()

    def recall(self, renders: Iterable[str]) -> None:
        """Let jobs wait that a session which is gone has left."""
        self._renderings = [_Rendering(job=job) for job in renders]

    def render(self, command: Render) -> tuple[Event, ...]:
        """Wait for the story's takes, which are asked for. Raises Busy."""
        if len(self._renderings) >= MAX_RENDERS:
            raise Busy(f"{MAX_RENDERS} jobs wait for the story's takes already; at most so many may")
        self._count += 1
        job = command.job or f"{RENDER}-{self._count}"
        self._renderings.append(_Rendering(job=job))
        self.begun(job, RENDER, "", self._context.client)
        return self.settle()

    def export(self, command: Export) -> tuple[Event, ...]:
        """Begin an export. Raises EngineError."""
        self._count += 1
        job = command.job or f"{EXPORT}-{self._count}"
        self._workshop.export(job, command, self._context.story)
        self.begun(job, EXPORT, f"to {command.folder}", self._context.client)
        return (JobProgressed(job=job, verb=EXPORT, fraction=0.0, stage="waiting"),)

    def make_take(self, command: MakeTake) -> tuple[Event, ...]:
        """Begin to make one more take of a clip's line. Raises EngineError."""
        self._count += 1
        job = command.job or f"{TAKES}-{self._count}"
        seed = None if command.seed is None else round(SEED.check(command.seed, "seed"))
        self._workshop.make_take(job, spoken_line(self._context.story, command.clip), seed)
        self.begun(job, TAKES, command.clip, self._context.client)
        return (JobProgressed(job=job, verb=TAKES, fraction=0.0, stage="speak"),)

    def transcribe(self, command: Transcribe) -> tuple[Event, ...]:
        """Begin to listen to a recording. Raises EngineError."""
        self._count += 1
        job = command.job or f"{TRANSCRIBE}-{self._count}"
        self._workshop.transcribe(job, command)
        self.begun(job, TRANSCRIBE, command.file, self._context.client)
        return (JobProgressed(job=job, verb=TRANSCRIBE, fraction=0.0, stage="waiting"),)

    def pull(self, command: PullModel) -> tuple[Event, ...]:
        """Begin to get a model from the hub. Raises EngineError."""
        self._count += 1
        job = command.job or f"{PULL}-{self._count}"
        self._workshop.pull(job, command)
        self.begun(job, PULL, command.model, self._context.client)
        return (JobProgressed(job=job, verb=PULL, fraction=0.0, stage="waiting"),)

    def cancel(self, job: str) -> tuple[Event, ...]:
        """Stop a job. Raises UnknownThing naming those there are."""
        if self._workshop.cancel(job):
            return ()
        if job in self.renders:
            self._renderings = [each for each in self._renderings if each.job != job]
            return (JobFailed(job=job, verb=RENDER, code="cancelled", text="cancelled"),)
        try:
            return self._speech.cancel(job)
        except UnknownThing:
            raise UnknownThing("job", job, [state.job for state in self.all()]) from None

    def all(self) -> tuple[JobState, ...]:
        """Return every job that goes on."""
        spoken = (
            JobState(job=w.job, verb=SAY, fraction=0.0, stage="speaking" if w.begun else "rendering")
            for w in self._speech.waiting
        )
        made = (JobState(job=each.job, verb=RENDER, fraction=_done(each), stage="speak") for each in self._renderings)
        return (*spoken, *made, *self._workshop.jobs())

    def settle(self) -> tuple[Event, ...]:
        """Have those look that have not yet, for what they wait for."""
        missing = set(self._context.library.missing())
        for each in self._renderings:
            if each.left is None:
                each.left, each.wanted = set(missing), max(1, self._context.library.counts()[1])
        return self._tell(each for each in self._renderings if each.left is not None)

    def came(self, source: Source, error: EngineError | None = None) -> tuple[Event, ...]:
        """Hear that a take is there, or, with an error, that it can't be."""
        heard = [each for each in self._renderings if each.left and source in each.left]
        for each in heard:
            (each.left or set()).discard(source)
            if error is not None:
                each.failures.append(f"{describe(source)}: {error}")
        return self._tell(heard)

    def _tell(self, renderings: Iterable[_Rendering]) -> tuple[Event, ...]:
        events: list[Event] = []
        for each in tuple(renderings):
            if each.left:
                events.append(JobProgressed(job=each.job, verb=RENDER, fraction=_done(each), stage="speak"))
                continue
            self._renderings.remove(each)
            if each.failures:
                text = "\n".join(each.failures)
                events.append(JobFailed(job=each.job, verb=RENDER, code="voice_failed", text=text))
            else:
                events.append(JobDone(job=each.job, verb=RENDER, result=f"{each.wanted} takes", seconds=0.0))
        return tuple(events)


def _done(rendering: _Rendering) -> float:
    return 0.0 if rendering.left is None else max(0.0, 1.0 - len(rendering.left) / rendering.wanted)
