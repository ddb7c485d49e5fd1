"""Lines spoken on demand: ``/say`` jobs, from the wish to the sound."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec.structs import replace

from engine.commands import PrepareLine, Say
from engine.errors import BadRange, Busy, EngineError, NotReady, UnknownThing
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.params import SEED, SEMITONES, SPEED, TEMPERATURE
from engine.session.context import DECLICK_SECONDS, Context
from engine.session.library import Source
from engine.session.players import JobOwner, Sound
from engine.speech.markup import read_markup
from engine.story.model import Delivery, Line
from engine.units import frames_to_seconds

VERB = "say"
MAX_WAITING = 64
"""Lines that may wait for their take at once; more are refused as busy."""
MAX_TEXT_CHARACTERS = 5000


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A line whose take is being made. begun: it is handed to the mixer already, which plays it meanwhile.

    held: everything is paused; it is spoken when everything goes on.
    """

    job: str
    track: str
    source: Source
    at_frame: int | None
    begun: bool = False
    held: bool = False


class Speech:
    """Speaks lines as soon as there is enough of them: while their takes are made, where that can be."""

    def __init__(self, context: Context, voices: Collection[str] | None) -> None:
        self._context = context
        self._voices = voices
        self._waiting: list[Waiting] = []
        self._count = 0
        self._prepared: list[Line] = []

    def prepare(self, command: PrepareLine) -> None:
        """Have a take made that is to be spoken later. Raises Busy when as many are being made as may be."""
        line, library = self._check(command), self._context.library
        self._track(command)
        self._prepared = [each for each in self._prepared if library.shelf(each).state in ("queued", "rendering")]
        if line not in self._prepared and len(self._prepared) >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} lines are being prepared already; say it again later")
        if library.ask(line, urgent=False).loaded is None and line not in self._prepared:
            self._prepared.append(line)

    def say(self, command: Say, at_frame: int | None) -> tuple[Event, ...]:
        """Speak now if the take is there, else as soon as it is."""
        line = self._check(command)
        self._count += 1
        job = command.job or f"{VERB}-{self._count}"
        waiting = Waiting(job=job, track=self._track(command), source=line, at_frame=at_frame)
        if self._context.library.shelf(line).loaded is not None:
            return self._speak(waiting)
        if len(self._waiting) >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} lines wait for their takes already; say it again later")
        self._waiting.append(replace(waiting, begun=self._begin(waiting)))
        return (JobProgressed(job=job, verb=VERB, fraction=0.0, stage="rendering"),)

    def started(self, job: str) -> tuple[Event, ...]:
        """Tell that a line sounds whose take is not whole yet."""
        if job not in self.jobs():
            return ()
        return (JobProgressed(job=job, verb=VERB, fraction=0.0, stage="speaking"),)

    def ready(self, source: Source) -> tuple[Event, ...]:
        """Speak every line that waited for ``source``."""
        events: list[Event] = []
        for waiting in self._take(source):
            events.extend(self._done(waiting) if waiting.begun else self._speak(waiting))
        return tuple(events)

    def hold(self) -> None:
        """Let nothing that waits begin to sound."""
        self._waiting = [replace(waiting, held=not waiting.begun) for waiting in self._waiting]

    def go_on(self) -> tuple[Event, ...]:
        """Speak what has come in since ``hold``, and the rest when it does."""
        waiting, self._waiting = self._waiting, []
        events: list[Event] = []
        for line in waiting:
            if line.held and self._context.library.shelf(line.source).loaded is not None:
                events.extend(self._speak(line))
            else:
                self._waiting.append(replace(line, held=False))
        return tuple(events)

    def failed(self, source: Source, error: EngineError) -> tuple[Event, ...]:
        """Tell every job that waited for ``source`` that it failed."""
        return tuple(
            JobFailed(job=w.job, verb=VERB, code=error.code, text=str(error)) for w in self._take(source, failed=True)
        )

    def cancel(self, job: str) -> tuple[Event, ...]:
        """Stop a job's rendering, or its sound."""
        mine = [w for w in self._waiting if w.job == job]
        players = self._context.players.of(JobOwner(job=job))
        if not mine and not players:
            raise UnknownThing("job", job, self.jobs())
        self._context.stop(players, DECLICK_SECONDS, None)
        self._waiting = [w for w in self._waiting if w.job != job]
        for waiting in mine:
            others = set(self._context.players.of_source(waiting.source)) - set(players)
            if not others and not any(w.source == waiting.source for w in self._waiting):
                self._context.library.drop(waiting.source)
        return (JobFailed(job=job, verb=VERB, code="cancelled", text="cancelled"),)

    def cancel_all(self) -> tuple[Event, ...]:
        """Stop every job that has not begun to sound."""
        return tuple(event for job in {w.job for w in self._waiting} for event in self.cancel(job))

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """The lines that wait for their takes."""
        return tuple(self._waiting)

    def recall(self, waiting: Iterable[Waiting]) -> None:
        """Let lines wait that a session which is gone has left; their takes are asked for again."""
        for line in waiting:
            self._waiting.append(line)
            self._context.library.ask(line.source, urgent=True)
        self._count += len(self._waiting)

    def jobs(self) -> tuple[str, ...]:
        """Return the jobs that wait for their takes."""
        return tuple(w.job for w in self._waiting)

    def _speak(self, waiting: Waiting) -> tuple[Event, ...]:
        context = self._context
        try:
            strip = context.strip(waiting.track)
            sound = Sound(source=waiting.source, loaded=context.library.use(waiting.source), strip=strip)
            context.play(JobOwner(job=waiting.job), sound, waiting.at_frame, 0.0)
        except EngineError as error:
            return (JobFailed(job=waiting.job, verb=VERB, code=error.code, text=str(error)),)
        return self._done(waiting)

    def _begin(self, waiting: Waiting) -> bool:
        """Have a line played while it is made; False: it is spoken once it is whole."""
        context = self._context
        try:
            loaded = context.library.begin(waiting.source)
            sound = Sound(source=waiting.source, loaded=loaded, strip=context.strip(waiting.track))
            context.play(JobOwner(job=waiting.job), sound, waiting.at_frame, 0.0)
        except (NotReady, Busy):
            return False
        return True

    def _done(self, waiting: Waiting) -> tuple[Event, ...]:
        loaded = self._context.library.use(waiting.source)
        seconds = frames_to_seconds(loaded.frames, self._context.story.sample_rate)
        return (JobDone(job=waiting.job, verb=VERB, result=loaded.digest, seconds=seconds),)

    def _take(self, source: Source, *, failed: bool = False) -> list[Waiting]:
        mine = [w for w in self._waiting if w.source == source and (failed or not w.held)]
        self._waiting = [w for w in self._waiting if w not in mine]
        return mine

    def _check(self, command: Say | PrepareLine) -> Line:
        if self._voices is not None and command.voice not in self._voices:
            raise UnknownThing("voice", command.voice, self._voices)
        if not command.text.strip():
            raise BadRange("say: there is no text to speak")
        if len(command.text) > MAX_TEXT_CHARACTERS:
            raise BadRange(f"say: {len(command.text)} characters; at most {MAX_TEXT_CHARACTERS} at once")
        read_markup(command.text)
        delivery = Delivery(
            speed=SPEED.check(command.speed, "speed"),
            pitch_semitones=SEMITONES.check(command.pitch_semitones, "pitch"),
            seed=round(SEED.check(command.seed, "seed")),
            temperature=command.temperature and TEMPERATURE.check(command.temperature, "temperature"),
            instruct=command.instruct,
        )
        return self._context.story.line(command.text, command.voice, delivery)

    def _track(self, command: Say | PrepareLine) -> str:
        tracks = self._context.story.tracks
        if command.track:
            if command.track not in {t.id for t in tracks}:
                raise UnknownThing("track", command.track, [t.id for t in tracks])
            return command.track
        if not tracks:
            raise NotReady("the story has no track to speak on; give it one")
        return next((t.id for t in tracks if t.voice == command.voice), tracks[0].id)
