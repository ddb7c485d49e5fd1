"""Listening: what a running engine captures, has trimmed and written down, and has voices say again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.capture.by_hand import trimmed, untrimmed
from engine.capture.kept import CAPTURES, Kept, checked, free_name, names, read_kept, whole_file
from engine.capture.placing import clip_of
from engine.commands import (
    CloseInput,
    Listening,
    OpenInput,
    SayAgain,
    StartCapture,
    StopCapture,
    TakeFile,
    TrimCapture,
    UntrimCapture,
)
from engine.control.capture_bench import CaptureBench
from engine.control.clerk import project_file
from engine.control.io_link import IoLink
from engine.control.quota import Quota
from engine.edits import AddAudio, AddCapture
from engine.errors import BadRange, Busy, EngineError, NotReady
from engine.events import (
    CaptureEnded,
    CaptureReady,
    CaptureSpoken,
    CaptureStarted,
    Event,
    InputChanged,
    JobDone,
    JobFailed,
)
from engine.io.messages import Capture, Captured, Capturing, EndCapture, Listen
from engine.io.messages import Listening as Heard
from engine.realtime.notes import Notes
from engine.session.captures import CaptureStatus
from engine.session.jobs import JobState
from engine.units import frames_to_seconds, gain_to_db
from engine.voices.pool import VoicePool

log = logging.getLogger(__name__)

FILE = "file:"
VERB = NOTE = "capture"
MAX_JOBS = 8
MOST_PRE_SECONDS = 60.0


class InputConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is listened to unless said otherwise. channels: from 1. pre_seconds: kept of what was just heard.

    listener: what hears the words of a capture without a text: a model's name; empty: nothing does.
    """

    device: str = ""
    channels: tuple[int, ...] = (1,)
    pre_seconds: float = 2.0
    listener: str = ""


class Now(msgspec.Struct, kw_only=True):
    """The capture under way. sent: the io process knows of it; before that the input is opened."""

    kept: Kept
    ask: Capture
    sent: bool = False
    ending: EndCapture | None = None
    frames: int = 0
    peak: float = 0.0


class LiveCaptures:
    """Fits the session's ``Captures``, beside one story. Event loop of the control process only.

    folder: of the project. notes: for a successor of this process. wall: the wall time at which an engine frame leaves,
    None: now. ``tell`` takes events.
    """

    def __init__(
        self, io: IoLink, pool: VoicePool, folder: Path, config: InputConfig, wall: Callable[[int | None], float],
        notes: Notes, quota: Quota | None = None,
    ) -> None:  # fmt: skip
        self._io, self._pool, self._project, self._config = io, pool, folder, config
        self._folder, self._wall, self._quota = folder / CAPTURES, wall, quota
        self._notes = notes
        self._device = ""
        self._listens: Listen | None = None
        self._now: Now | None = None
        self._owed: dict[str, Kept] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._bench = CaptureBench(pool, folder / CAPTURES, config.listener)
        self._closing = False
        self._unfinished: dict[str, str] = {}
        self.tell: Callable[[tuple[Event, ...]], object] = lambda _: None
        self.timeline: Callable[[int | None], int | None] = lambda _: None
        """Returns which frame of the timeline is heard as an engine frame leaves (None: now); None: it rests."""
        self.clips_of: Callable[[str], Sequence[str]] = lambda _: ()
        """Returns the clips that play a file of the story's folder."""
        io.on_listening, io.on_capturing, io.on_captured = self._heard, self._capturing, self._captured

    def apply(self, command: Listening, at_frame: int | None) -> tuple[Event, ...]:
        """Do it. Raises BadRange, Busy, NotReady, OverQuota."""
        match command:
            case OpenInput():
                self._open(command)
            case CloseInput():
                self._close()
            case StartCapture(toggle=True) if self._now is not None:
                self._stop(StopCapture(), at_frame)
            case StartCapture():
                return self._start(command, at_frame)
            case StopCapture():
                self._stop(command, at_frame)
            case TakeFile():
                self._take_file(command)
            case TrimCapture(start_frame=start, end_frame=end):
                kept = self._idle(command.capture)
                per_frame = kept.sample_rate / self._pool.sample_rate
                kept = trimmed(kept, round(start * per_frame), round(end * per_frame))
                self._begin(command.job or kept.name, self._cut(kept), kept.name)
            case UntrimCapture():
                kept = untrimmed(self._idle(command.capture))
                self._begin(command.job or kept.name, self._cut(kept), kept.name)
            case SayAgain():
                self._pool.catalog.get(command.voice)
                own = checked(f"{checked(command.capture)} {command.voice}")
                name = self._new_name(command.name) if command.name else free_name(self._folder, own)
                self._begin(command.job or name, self._say(command, name), name)
        return ()

    def status(self) -> CaptureStatus:
        """Return how it goes."""
        now = self._now
        if now is None:
            return CaptureStatus(state="listening" if self._device else "off", device=self._device)
        return CaptureStatus(
            state="ending" if now.ending else "capturing",
            device=self._device,
            name=now.kept.name,
            seconds=frames_to_seconds(now.frames, self._pool.sample_rate),
            peak_db=gain_to_db(now.peak),
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of all captures."""
        return names(self._folder)

    def clip_of(self, edit: AddCapture) -> AddAudio:
        """Return the edit that puts a capture on a track. Raises UnknownThing, NotReady."""
        self._check_there(edit.capture)
        return clip_of(self._project, edit, self._pool.sample_rate)

    def _check_there(self, capture: str) -> None:
        """Raise NotReady where a capture is not whole yet."""
        if self._now is not None and self._now.kept.name == capture:
            raise NotReady(f"{capture!r} is being captured; /capture/stop ends it")
        if capture in self._unfinished.values():
            raise NotReady(f"{capture!r} is being written down; /event/capture/ready tells when it is there")

    def _idle(self, capture: str) -> Kept:
        """Return what is known of a capture that nothing plays. Raises UnknownThing, NotReady, Busy."""
        self._check_there(capture)
        kept = read_kept(self._folder, capture)
        clips = self.clips_of(f"{CAPTURES}/{kept.name}.wav")
        if clips:
            raise Busy(
                f"{capture!r} is on the timeline ({', '.join(clips[:5])}): trim the clip, or take it out first and "
                "place it again"
            )
        return kept

    def jobs(self) -> tuple[JobState, ...]:
        """Return what goes on."""
        return tuple(JobState(job=job, verb=VERB, fraction=0.0, stage="work") for job in self._tasks)

    def cancel(self, job: str) -> bool:
        """Stop a job; False: there is none of that name."""
        task = self._tasks.get(job)
        return task is not None and task.cancel()

    def lost(self) -> None:
        """Hear that the io process has died, and what it was capturing with it."""
        if self._now is not None and self._now.sent:
            frames = self._now.frames
            self._captured(Captured(take=self._now.ask.take, frames=frames, text="the io process died"))

    def recall(self) -> None:
        """Go on listening, and with captures that are not written down yet, for a control process that is gone.

        The io process has gone on with its capture.
        """
        note = self._notes.get(NOTE)
        if note is not None:
            noted = msgspec.msgpack.decode(note, type=tuple[Listen | None, Now | None, dict[str, Kept]])
            self._listens, self._now, self._owed = noted
            if self._listens is not None:
                self._io.listen(self._listens)
            for kept in tuple(self._owed.values()):
                self._write_down(kept)

    async def close(self) -> None:
        """Stop all work."""
        self._closing = True
        for task in tuple(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _open(self, command: OpenInput) -> None:
        device = command.device or self._config.device
        if device.startswith(FILE):
            device = FILE + project_file(self._project, device.removeprefix(FILE))
        named = tuple(channel for channel in (command.channel, command.right) if channel)
        channels = named or self._config.channels
        if not all(1 <= channel <= 64 for channel in channels) or len(channels) > 2:
            raise BadRange("channels: one or two, each from 1 to 64")
        if self._now is not None:
            raise Busy(f"{self._now.kept.name!r} is being captured; /capture/stop ends it")
        self._device = ""
        self._listen(Listen(device=device, channels=channels, keep_seconds=MOST_PRE_SECONDS))

    def _listen(self, ask: Listen) -> None:
        self._listens = ask if ask.on else None
        self._note()
        self._io.listen(ask)

    def _note(self) -> None:
        """Note what goes on, for a process that goes on after this one."""
        if self._listens is None and self._now is None and not self._owed:
            self._notes.forget(NOTE)
        else:
            self._notes.set(NOTE, msgspec.msgpack.encode((self._listens, self._now, self._owed)))

    def _close(self) -> None:
        if self._now is not None:
            raise Busy(f"{self._now.kept.name!r} is being captured; /capture/stop ends it")
        self._listen(Listen(on=False))

    def _start(self, command: StartCapture, at_frame: int | None) -> tuple[Event, ...]:
        if self._now is not None:
            raise Busy(f"{self._now.kept.name!r} is being captured already; /capture/stop ends it")
        pre = self._config.pre_seconds if command.pre_seconds is None else command.pre_seconds
        if not 0.0 <= pre <= MOST_PRE_SECONDS:
            raise BadRange(f"pre_seconds: {pre:g}; 0 to {MOST_PRE_SECONDS:g} are allowed")
        if self._quota is not None:
            self._quota.check()
        name = self._new_name(command.name)
        if self._listens is None:
            self._open(OpenInput())
        number = time.time_ns() // 1_000_000
        path = str(whole_file(self._folder, name))
        ask = Capture(take=number, path=path, since=self._wall(at_frame), pre_seconds=pre)
        rate = self._pool.sample_rate
        kept = Kept(
            name=name, sample_rate=rate, frames=0, timeline=self.timeline(at_frame), text=command.text,
            language=command.language,
        )  # fmt: skip
        self._now = Now(kept=kept, ask=ask)
        self._note()
        if self._device:
            self._send(self._now)
        return (CaptureStarted(name=name),)

    def _stop(self, command: StopCapture, at_frame: int | None) -> None:
        now = self._now
        if now is None or now.ending is not None:
            raise NotReady("nothing is being captured; /capture/start captures")
        now.ending = EndCapture(take=now.ask.take, until=self._wall(at_frame), kept=command.kept)
        self._note()
        if now.sent:
            self._io.capture(now.ending)

    def _send(self, now: Now) -> None:
        now.sent = True
        self._note()
        self._io.capture(now.ask)
        if now.ending is not None:
            self._io.capture(now.ending)

    def _heard(self, told: Heard) -> None:
        """Hear whether an input is listened to."""
        changed, self._device = told.device != self._device, told.device
        if changed or told.text:
            self.tell((InputChanged(device=told.device, text=told.text),))
        if not told.device:
            self._listens = None
            self._note()
        if (now := self._now) is not None and not now.sent:
            if told.device:
                self._send(now)
            elif told.text:
                self._captured(Captured(take=now.ask.take, text=told.text))

    def _capturing(self, told: Capturing) -> None:
        if self._now is not None and self._now.ask.take == told.take:
            self._now.frames, self._now.peak = told.frames, told.peak

    def _captured(self, told: Captured) -> None:
        """Hear that a capture is on the disk, and have it trimmed and written down."""
        now = self._now
        if now is None or now.ask.take != told.take:
            return
        kept = replace(now.kept, pressed=told.pressed, lost_frames=told.lost, began=told.began)
        self._now, wanted = None, told.kept and told.frames > 0
        if wanted:
            self._owed[kept.name] = kept
        self._note()
        rate = self._pool.sample_rate
        name, seconds = now.kept.name, frames_to_seconds(told.frames, rate)
        lost = frames_to_seconds(told.lost, rate)
        self.tell((CaptureEnded(name=name, seconds=seconds, lost_seconds=lost, kept=told.kept, text=told.text),))
        if wanted:
            self._write_down(kept)

    def _write_down(self, kept: Kept) -> None:
        """Have a capture trimmed and written down, however many are: what was said is not to be said again."""
        job = kept.name if kept.name not in self._tasks else f"{kept.name} {kept.began:.3f}"
        self._start_work(job, self._work_on(kept, ""), kept.name)

    def _take_file(self, command: TakeFile) -> None:
        file = project_file(self._project, command.file)
        if self._quota is not None:
            self._quota.check()
        name = self._new_name(command.name or Path(file).stem)
        rate = self._pool.sample_rate
        kept = Kept(name=name, sample_rate=rate, frames=0, text=command.text, language=command.language)
        self._begin(command.job or name, self._work_on(kept, file), name)

    def _new_name(self, name: str) -> str:
        found = free_name(self._folder, checked(name or time.strftime("%Y-%m-%d %H.%M.%S")))
        if name and (found != name or name in self._unfinished.values()):
            raise BadRange(f"there is a capture named {name!r} already, in {self._folder}")
        return found

    def _begin(self, job: str, work: Coroutine[Any, Any, str], name: str) -> None:
        """Begin work that was asked for, of which a capture of that name will come. Raises Busy."""
        if len(self._tasks) >= MAX_JOBS:
            work.close()
            raise Busy(f"{MAX_JOBS} captures are being worked on already; at most so many may")
        if job in self._tasks:
            work.close()
            raise Busy(f"{job!r} is being worked on already")
        self._start_work(job, work, name)

    def _start_work(self, job: str, work: Coroutine[Any, Any, str], name: str) -> None:
        task = self._tasks[job] = asyncio.create_task(self._run(job, work))
        self._unfinished[job] = name
        task.add_done_callback(lambda _: self._ended(job))

    def _ended(self, job: str) -> None:
        self._tasks.pop(job, None)
        name = self._unfinished.pop(job, "")
        if not self._closing and self._owed.pop(name, None) is not None:
            self._note()

    async def _run(self, job: str, work: Coroutine[Any, Any, str]) -> None:
        began = time.monotonic()
        try:
            result = await work
        except asyncio.CancelledError:
            if not self._closing:
                self.tell((JobFailed(job=job, verb=VERB, code="cancelled", text="cancelled"),))
            raise
        except EngineError as error:
            log.error("capture %s: %s", job, error)
            self.tell((JobFailed(job=job, verb=VERB, code=error.code, text=str(error)),))
        else:
            self.tell((JobDone(job=job, verb=VERB, result=result, seconds=time.monotonic() - began),))

    async def _work_on(self, kept: Kept, file: str) -> str:
        """Trim a capture, find its words, and tell of it."""
        return self._ready(await self._bench.written_down(kept, file))

    async def _cut(self, kept: Kept) -> str:
        """Trim a capture by hand, and tell of it."""
        return self._ready(await self._bench.cut(kept))

    def _ready(self, kept: Kept) -> str:
        path, seconds = f"{CAPTURES}/{kept.name}.wav", frames_to_seconds(kept.frames, kept.sample_rate)
        words, note = len(kept.words), kept.note
        first = frames_to_seconds(kept.first, kept.sample_rate)
        self.tell(
            (
                CaptureReady(
                    name=kept.name, file=path, seconds=seconds, text=kept.text, words=words, note=note,
                    start_seconds=first, end_seconds=first + seconds,
                ),
            )
        )  # fmt: skip
        return path

    async def _say(self, command: SayAgain, name: str) -> str:
        """Have a voice say a capture again, and tell how well it keeps the timing."""
        off, path = await self._bench.said_again(command.capture, command.voice, name), f"{CAPTURES}/{name}.wav"
        facts = msgspec.structs.asdict(off)
        self.tell((CaptureSpoken(name=command.capture, voice=command.voice, file=path, **facts),))
        return path
