"""The voice worker: a process that speaks. ``python -m engine.voices.worker``, requests on stdin, answers on stdout.

It does one job at a time, at the lowest priority, and dies with its parent. Cancelling is heard while it speaks.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.errors import EngineError, MediaError, MemoryShort
from engine.platform import die_with_parent, lower_priority
from engine.realtime.memory import Segment
from engine.render.cache import TakeCache
from engine.voices import wire
from engine.voices.ears import Ears
from engine.voices.kept import keep_in
from engine.voices.media import Facts, Stopped, load, probe
from engine.voices.preset import Preset
from engine.voices.recording import Recording, record
from engine.voices.registry import BACKENDS, LISTENERS, backend
from engine.voices.speaker import Speaker, place_in, script_for
from engine.voices.stretch import stretch
from engine.voices.take import Take

log = logging.getLogger(__name__)

Audio = NDArray[np.float32]

PARENT_VARIABLE = "CUEVOX_PARENT_PID"
REMEMBERED_BYTES = 64 * 1024 * 1024
FITTED_SECONDS = 0.05
ALIVE_SECONDS = 1.0
"""How often work that takes long shows that it goes on."""


class Memory:
    """The takes made last, so that what was just rendered is loaded without touching the disk."""

    def __init__(self, most_bytes: int = REMEMBERED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._audio: OrderedDict[str, Audio] = OrderedDict()
        self._bytes = 0

    def keep(self, digest: str, audio: Audio) -> None:
        """Remember ``audio``, forgetting the oldest; one that is larger than all of the memory stays alone."""
        self._bytes += audio.nbytes - (self._audio[digest].nbytes if digest in self._audio else 0)
        self._audio[digest] = audio
        self._audio.move_to_end(digest)
        while self._bytes > self._most_bytes and len(self._audio) > 1:
            self._bytes -= self._audio.popitem(last=False)[1].nbytes

    def get(self, digest: str) -> Audio | None:
        """Return the audio if it is still known."""
        return self._audio.get(digest)


class Worker:
    """Does the jobs. ``send`` takes answers, from two threads; arena: the clip arena as floats, None without one."""

    def __init__(self, send: Callable[[wire.Answer], None], cache: TakeCache, arena: Audio | None) -> None:
        self._send, self._cache, self._arena = send, cache, arena
        self._memory = Memory()
        self._speaker, self._ears = Speaker(send, arena), Ears(send)
        self._requests: SimpleQueue[wire.Request | None] = SimpleQueue()
        self._stores: SimpleQueue[tuple[int, Take, Audio] | None] = SimpleQueue()
        self._cancelled: set[int] = set()
        self._ending = False

    def ask(self, request: wire.Request) -> None:
        """Take a request in; called by whoever reads the pipe. The pool sends one job at a time."""
        if isinstance(request, wire.Cancel):
            self._cancelled.add(request.job)
        else:
            numbers = [r.job for r in request.renders] if isinstance(request, wire.RenderAll) else [request.job]
            self._cancelled.difference_update(numbers)  # a job that gave way comes again under its number
            self._requests.put(request)

    def end(self) -> None:
        """Stop after what is in work, which is called off."""
        self._ending = True
        self._requests.put(None)

    def run(self) -> None:
        """Do jobs until ``end``; what was made is in the cache when this returns."""
        storing = threading.Thread(target=self._store_all, name="store", daemon=True)
        storing.start()
        while (request := self._requests.get()) is not None:
            self._do(request)
        self._stores.put(None)
        storing.join()

    def _do(self, request: wire.Request) -> None:
        jobs = [r.job for r in request.renders] if isinstance(request, wire.RenderAll) else [request.job]
        try:
            self._work(request, self._stopper(jobs))
        except Stopped:
            for job in jobs:
                self._send(wire.Cancelled(job=job))
        except EngineError as error:
            for job in jobs:
                self._fail(job, error)
        except MemoryError:
            for job in jobs:
                self._fail(job, MemoryShort("the voice worker ran out of memory"))

    def _work(self, request: wire.Request, stopped: Callable[[], bool]) -> None:
        match request:
            case wire.Load():
                serves = self._ears if request.preset.backend in LISTENERS else self._speaker
                self._send(wire.Loaded(job=request.job, bytes=serves.load(request, stopped)))
            case wire.Listen():
                self._ears.listen(request, stopped)
                self._send(wire.Listened(job=request.job))
            case wire.Render():
                self._made(request, self._speaker.record(request, stopped))
            case wire.RenderAll():
                self._render_all(request, stopped)
            case wire.LoadTake():
                self._load_take(request)
            case wire.LoadFile():
                into = place_in(self._arena, request.offset, request.max_floats)
                self._send(wire.Done(job=request.job, facts=_load_file(request, into, stopped)))
            case wire.Probe():
                self._send(wire.Done(job=request.job, facts=probe(Path(request.path), request.sample_rate, said=True)))

    def _render_all(self, request: wire.RenderAll, stopped: Callable[[], bool]) -> None:
        """Speak lines together; where that fails, one by one, so that a bad one takes no other with it."""
        told = set()
        try:
            for render, made in self._speaker.record_all(request, stopped):
                self._answer(render, made)
                told.add(render.job)
        except EngineError as error:
            log.info("lines are spoken one by one, since together: %s", error)
            for render in (render for render in request.renders if render.job not in told):
                self._answer(render, self._alone(render, stopped))

    def _alone(self, render: wire.Render, stopped: Callable[[], bool]) -> Recording | EngineError:
        try:
            return self._speaker.record(render, stopped)
        except EngineError as error:
            return error

    def _answer(self, render: wire.Render, made: Recording | EngineError) -> None:
        if isinstance(made, EngineError):
            self._fail(render.job, made)
        else:
            self._made(render, made)

    def _fail(self, job: int, error: EngineError) -> None:
        self._send(wire.Failed(job=job, code=error.code, text=str(error)))

    def _stopper(self, jobs: Sequence[int]) -> Callable[[], bool]:
        """Return what the work asks whether to stop; asking is the sign of life that the pool's watchdog wants."""
        told = time.monotonic()

        def stopped() -> bool:
            nonlocal told
            now = time.monotonic()
            if now - told >= ALIVE_SECONDS:
                told = now
                self._send(wire.Alive(job=jobs[0]))
            return self._ending or self._cancelled.issuperset(jobs)

        return stopped

    def _made(self, request: wire.Render, recording: Recording) -> None:
        made = recording.take(request.digest, request.text, request.preset.id, request.sample_rate, request.seed)
        notes = tuple(dict.fromkeys((*request.notes, *script_for(request).notes)))
        take = replace(made, delivery=request.delivery, pronounce=request.pronounce, notes=notes)
        self._memory.keep(take.digest, recording.audio)
        self._send(wire.Rendered(job=request.job, take=take))
        self._stores.put((request.job, take, recording.audio))

    def _load_take(self, request: wire.LoadTake) -> None:
        take = request.take
        audio = self._memory.get(take.digest)
        if audio is None:
            if self._cache.get(take.digest) is None:
                self._send(wire.NoTake(job=request.job))
                return
            audio = self._cache.audio(take)
        heard = stretch(_fitted(audio, take), request.speed, take.sample_rate)
        place = place_in(self._arena, request.offset, heard.size)
        place[:] = heard.reshape(-1)
        self._send(wire.Done(job=request.job, facts=Facts(frames=len(heard), channels=take.channels)))

    def _store_all(self) -> None:
        """Write takes into the cache, beside the work: who waits for the sound does not wait for the disk."""
        while (item := self._stores.get()) is not None:
            job, take, audio = item
            try:
                self._cache.put(take, audio)
            except MediaError as error:
                self._send(wire.NotStored(job=job, text=str(error)))
            else:
                self._send(wire.Stored(job=job))


def _load_file(request: wire.LoadFile, into: Audio, stopped: Callable[[], bool]) -> Facts:
    """Read a file into the arena; one that is stretched is read as a whole first."""
    path = Path(request.path)
    if request.speed == 1.0:
        return load(path, request.sample_rate, into, stopped)
    facts = probe(path, request.sample_rate)
    whole = np.zeros(facts.frames * facts.channels, np.float32)
    load(path, request.sample_rate, whole, stopped)
    heard = stretch(whole.reshape(-1, facts.channels), request.speed, request.sample_rate)
    into[: heard.size] = heard.reshape(-1)
    return Facts(frames=len(heard), channels=facts.channels)


def _fitted(audio: Audio, take: Take) -> Audio:
    """Return ``audio`` as long as ``take``: one that was spoken again may differ by a moment of its silent end."""
    frames, channels = audio.shape
    if channels != take.channels or abs(frames - take.frames) > FITTED_SECONDS * take.sample_rate:
        raise MediaError(f"the take {take.digest} is another now: {audio.shape}, not {(take.frames, take.channels)}")
    missing = np.zeros((max(0, take.frames - frames), channels), np.float32)
    return np.concatenate([audio[: take.frames], missing]) if frames != take.frames else audio


def warm_up(embedded: bool = True) -> dict[str, str]:
    """Make the first line as fast as any later one; return the backends and their versions.

    embedded: with the embedded voice, which a worker that keeps one model does not need.
    """
    import_module("engine.mixer.running")  # Pedalboard; only processes that speak load it
    versions = {name: backend(name).version() for name in BACKENDS}
    if embedded:
        espeak = backend("espeak")
        settings = {name: spec.default for name, spec in espeak.settings.items()}
        preset = Preset(id="warm", name="", backend="espeak", settings=dict(settings))
        record(espeak.open(preset.settings), preset, "a", 48000)
    return versions


def _read_all(source: BinaryIO, worker: Worker) -> None:
    try:
        while (request := wire.read_request(source)) is not None:
            worker.ask(request)
    except wire.BadMessage:
        log.exception("the pool sent nonsense")
    worker.end()


def _own_pipe() -> BinaryIO:
    """Return the pipe to the pool; what libraries print goes to the log from now on."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


def _sender(pipe: BinaryIO) -> Callable[[wire.Answer], None]:
    lock = threading.Lock()

    def send(answer: wire.Answer) -> None:
        rest = memoryview(wire.encode(answer))
        try:
            with lock:
                while rest:
                    rest = rest[pipe.write(rest) :]
        except BrokenPipeError:
            log.debug("the pool is gone; its end of the other pipe says so too")

    return send


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine.voices.worker", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder of takes")
    parser.add_argument("--model", default="", help="the model that this worker keeps; empty: none")
    parser.add_argument("--arena", type=int, nargs=2, metavar=("HANDLE", "BYTES"), help="clip arena to load into")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a worker until its parent closes the pipe or ends."""
    arguments = _arguments(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format=f"voice worker {os.getpid()}: %(levelname)s: %(message)s", stream=sys.stderr)
    die_with_parent(int(os.environ.get(PARENT_VARIABLE, os.getppid())), at_once=True)
    send = _sender(_own_pipe())
    arena = Segment.attach(*arguments.arena).view(np.float32) if arguments.arena else None
    keep_in(arguments.cache / "voices")
    worker = Worker(send, TakeCache(arguments.cache), arena)
    signal.signal(signal.SIGTERM, lambda *_: worker.end())
    versions = warm_up(embedded=not arguments.model)
    lower_priority()
    threading.Thread(target=_read_all, args=(sys.stdin.buffer, worker), name="requests", daemon=True).start()
    send(wire.Hello(job=0, backends=versions, pid=os.getpid()))
    worker.run()


if __name__ == "__main__":
    main()
