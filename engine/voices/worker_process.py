"""A voice worker as the pool sees it: questions and answers over its pipes, and its death noticed."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import engine
from engine.errors import VoiceError
from engine.platform import spawn_options
from engine.realtime.memory import Segment
from engine.voices import wire

log = logging.getLogger(__name__)

MODULE = "engine.voices.worker"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PIPE_BYTES = 1 << 20
START_SECONDS = 30.0
STOP_SECONDS = 3.0


class WorkerDied(Exception):
    """The worker is gone; what it was asked has no answer."""


class WorkerProcess:
    """One worker. A job's answer comes through its future, notes through the callback.

    last_sign: when it last said anything, by ``time.monotonic``. death: why it is killed, nothing before.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        on_note: Callable[[wire.Answer], None],
        on_end: Callable[[bool], None],
    ) -> None:
        self._process = process
        self._on_note, self._on_end = on_note, on_end
        self._served = self._ended = False
        self._waiting: dict[int, asyncio.Future[wire.Answer]] = {}
        self._hello: asyncio.Future[wire.Hello] = asyncio.get_running_loop().create_future()
        self.last_sign = time.monotonic()
        self.death = ""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        cache_folder: Path,
        arena: Segment | None,
        *,
        model: str = "",
        threads: int = 1,
        on_note: Callable[[wire.Answer], None],
        on_end: Callable[[bool], None],
    ) -> WorkerProcess:
        """Start a worker and wait until it is warm. Raises VoiceError if it does not come up.

        model: what it is to keep in memory. threads: for its arithmetic. on_note: hears what comes beside answers.
        on_end: hears its end, and whether it ever answered a job. Call it from the main thread: on Linux the
        worker dies with the thread that started it.
        """
        place = () if arena is None else ("--arena", str(arena.handle), str(arena.size_bytes))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, "--cache", str(cache_folder), "--model", model, *place,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=PIPE_BYTES,
            env=_environment(threads),
            **spawn_options(() if arena is None else (arena.handle,)),
        )  # fmt: skip
        worker = cls(process, on_note, on_end)
        try:
            async with asyncio.timeout(START_SECONDS):
                hello = await asyncio.shield(worker._hello)
        except (WorkerDied, TimeoutError) as error:
            await worker.stop(0.0)
            raise VoiceError(
                f"the voice worker does not start (exit {process.returncode}); the log says why"
            ) from error
        except BaseException:
            await asyncio.shield(worker.stop(0.0))
            raise
        log.debug("voice worker %d speaks with %s", hello.pid, hello.backends)
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._ended

    async def ask(self, request: wire.Request) -> wire.Answer:
        """Send a request and return its answer: never a note. Raises WorkerDied.

        Cancelling this coroutine does not cancel the job; ``cancel`` does.
        """
        return await self.ask_all(request, (request.job,))[0]

    def ask_all(self, request: wire.Request, jobs: Sequence[int]) -> tuple[Awaitable[wire.Answer], ...]:
        """Send a request that several jobs share; return what to await for the answer of each. Raises WorkerDied."""
        if not self.alive:
            raise WorkerDied
        for job in jobs:
            self._waiting[job] = asyncio.get_running_loop().create_future()
        self.last_sign = time.monotonic()
        self._send(request)
        return tuple(self._answer(job) for job in jobs)

    async def _answer(self, job: int) -> wire.Answer:
        try:
            return await self._waiting[job]
        finally:
            self._waiting.pop(job, None)

    def kill(self, why: str = "") -> None:
        """End it at once; whatever it was asked gets WorkerDied."""
        self.death = self.death or why
        if self._process.returncode is None:
            self._process.kill()

    def cancel(self, job: int) -> None:
        """Have the worker stop a job; ``ask`` then returns Cancelled, or what the job had come to."""
        self._send(wire.Cancel(job=job))

    async def stop(self, patience_seconds: float = STOP_SECONDS) -> None:
        """Close its pipe, wait for it, kill it if it takes longer. Safe to call twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(patience_seconds):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await asyncio.wait([self._reading])

    def _send(self, request: wire.Request) -> None:
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(wire.encode(request))

    async def _read(self) -> None:
        try:
            while (answer := await self._next()) is not None:
                self._take(answer)
        finally:
            self._ended = True
            code = await self._process.wait()  # only now does nobody write into the arena any more
            self.death = self.death or f"it died (exit code {code})"
            waiting = [future for future in self._waiting.values() if not future.done()]
            for future in waiting:
                future.set_exception(WorkerDied())
                future.exception()  # noted, even if nobody awaits it any more
            if not self._hello.done():
                self._hello.set_exception(WorkerDied())
                self._hello.exception()  # noted, even if nobody waits
            self._on_end(self._served)

    async def _next(self) -> wire.Answer | None:
        if self._process.stdout is None:
            return None
        try:
            return await wire.read_answer(self._process.stdout)
        except wire.BadMessage:
            log.exception("voice worker %d spoke nonsense and is ended", self.pid)
            self._process.kill()
            return None

    def _take(self, answer: wire.Answer) -> None:
        self.last_sign = time.monotonic()
        if isinstance(answer, wire.Hello):
            self._hello.set_result(answer)
        elif isinstance(answer, wire.Note):
            self._on_note(answer)
        elif (future := self._waiting.get(answer.job)) is not None and not future.done():
            self._served = True
            future.set_result(answer)


def _environment(threads: int) -> dict[str, str]:
    """Return our environment, in which the child finds this very engine, knows its parent, and keeps off the network.

    threads: for its arithmetic, unless the user says otherwise. Models are pulled by ``cuevox models``, never here.
    """
    root = str(Path(engine.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    limits = {name: str(threads) for name in THREAD_VARIABLES} | {"HF_HUB_OFFLINE": "1"}
    return {**limits, **os.environ, "PYTHONPATH": os.pathsep.join(paths), "CUEVOX_PARENT_PID": str(os.getpid())}
