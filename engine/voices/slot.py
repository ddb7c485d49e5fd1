"""A slot: the place of one worker, which starts when it is needed and loads its model; failures back off."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path

from engine.errors import EngineError, VoiceError
from engine.events import VoiceState
from engine.realtime.memory import Segment
from engine.voices import wire
from engine.voices.jobs import Job
from engine.voices.model_state import ModelState
from engine.voices.preset import Preset
from engine.voices.worker_process import WorkerDied, WorkerProcess

log = logging.getLogger(__name__)

CLOSING = "the voices are shutting down"
LOAD_SECONDS = 600.0
"""How long a model may take to load: large ones come from slow disks."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 60.0
"""How long nothing is tried after a failure: doubled each time."""


class Wish(IntEnum):
    """READY: the worker can be asked. LOADED: the preset's voice is open. WARM: and it spoke once."""

    READY = 0
    LOADED = 1
    WARM = 2


class Slot:
    """One worker's place. jobs: what it does now. used: when it last did something, by ``time.monotonic``.

    threads: the worker's. on_state: hears how its model is. on_note, on_end: see ``WorkerProcess.start``, with this
    slot before them.
    """

    def __init__(
        self,
        number: int,
        model: str,
        *,
        folder: Path,
        arena: Segment | None,
        threads: int,
        on_state: Callable[[ModelState], None],
        on_note: Callable[[Slot, wire.Answer], None],
        on_end: Callable[[Slot, bool], None],
    ) -> None:
        self.number, self.model = number, model
        self.worker: WorkerProcess | None = None
        self.jobs: list[Job] = []
        self.state = ModelState(model=model)
        self.used, self.cancelled_at = time.monotonic(), 0.0
        self._cancelled: set[int] = set()
        self.leaving = False
        self._folder, self._arena, self._threads = folder, arena, threads
        self._on_state, self._on_note, self._on_end = on_state, on_note, on_end
        self._starting = asyncio.Lock()
        self._closing = False
        self._failures = 0
        self._not_before = 0.0
        self._failure: EngineError | None = None

    @property
    def alive(self) -> bool:
        """Whether its worker runs."""
        return self.worker is not None and self.worker.alive

    @property
    def idle(self) -> bool:
        """Whether it could do something else at once."""
        return not self.jobs and not self._starting.locked()

    @property
    def bytes(self) -> dict[str, int]:
        """What its model takes in memory, by device."""
        return self.state.bytes if self.alive else {}

    async def ready(self, preset: Preset | None, wish: Wish = Wish.READY) -> WorkerProcess:
        """Return the worker, a fresh one if need be, with the model of ``preset`` loaded, and what ``wish`` says.

        Raises VoiceError; for a while after a failure at once and with the same text. Raises WorkerDied when the
        worker died over the load.
        """
        async with self._starting:
            if self.worker is not None and self.worker.alive and wish is Wish.READY:
                return self.worker
            await self._back_off()
            try:
                return await self._start(preset, wish)
            except EngineError as error:
                self.failed(error)
                raise
            except WorkerDied:
                self.failed(VoiceError("the worker died over the load; was there enough memory?"), fatal=False)
                raise

    def forgive(self) -> None:
        """Try again at once whatever failed before: somebody asks for it by name."""
        self._failures, self._not_before, self._failure = 0, 0.0, None

    def succeeded(self) -> None:
        """Note that it does what it should."""
        self._failures, self._failure = 0, None

    def failed(self, error: EngineError, *, fatal: bool = True) -> None:
        """Note a failure: nothing is tried for a while, longer each time. fatal: trying again at once is no use."""
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self._failures)
        self._failures += 1
        self._not_before = time.monotonic() + pause
        self._failure = error if fatal else None
        self.tell("failed", reason=str(error))

    def tell(self, state: VoiceState, *, fraction: float = 0.0, stage: str = "", reason: str = "") -> None:
        """Tell how the model is, if that is news."""
        size = self.state.bytes if state in ("warm", "speaking") else {}
        self._set(ModelState(model=self.model, state=state, fraction=fraction, stage=stage, reason=reason, bytes=size))

    def take(self, jobs: list[Job]) -> None:
        """Have these in work from now on, none of them cancelled."""
        self.jobs, self.cancelled_at = jobs, 0.0
        self._cancelled.clear()

    def cancel(self, jobs: Iterable[Job]) -> None:
        """Have the worker stop these jobs: when all in work are to stop. One that does not is ended by the watchdog."""
        if self.worker is not None:
            for job in jobs:
                self.worker.cancel(job.number)
                self._cancelled.add(job.number)
            if self._cancelled.issuperset(job.number for job in self.jobs):
                self.cancelled_at = self.cancelled_at or time.monotonic()

    async def unload(self) -> None:
        """End the worker, whereby all that the model took is free."""
        async with self._starting:
            if self.worker is not None:
                await self.worker.stop()
            self.leaving = False
            self.tell("cold")

    async def close(self) -> None:
        """End the worker for good."""
        self._closing = True
        if self.worker is not None:
            await self.worker.stop()

    async def _back_off(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > 0.0:
            if self._failure is not None:
                raise self._failure
            await asyncio.sleep(wait)
        if self._closing:
            raise VoiceError(CLOSING)

    async def _start(self, preset: Preset | None, wish: Wish) -> WorkerProcess:
        worker = self.worker
        if worker is None or not worker.alive:
            self.tell("loading", stage="starting the worker")
            worker = self.worker = await WorkerProcess.start(
                self._folder,
                self._arena,
                model=self.model,
                threads=self._threads,
                on_note=lambda note: self._on_note(self, note),
                on_end=lambda served: self._on_end(self, served),
            )
            wish = max(wish, Wish.LOADED) if self.model else wish
        if self._closing:
            await worker.stop()
            raise VoiceError(CLOSING)
        if preset is not None and wish is not Wish.READY:
            await self._load(worker, preset, warm=wish is Wish.WARM)
        elif not self.model:
            self.tell("warm")
        return worker

    async def _load(self, worker: WorkerProcess, preset: Preset, *, warm: bool) -> None:
        try:
            request = wire.Load(job=0, preset=preset, warm=warm)
            async with asyncio.timeout(LOAD_SECONDS):
                answer = await worker.ask(request)
        except TimeoutError as error:
            worker.kill()
            raise VoiceError(f"the model {self.model} was not loaded in {LOAD_SECONDS:g} s") from error
        if isinstance(answer, wire.Failed):
            if self.model:
                await worker.stop()
            raise wire.error_from(answer)
        if isinstance(answer, wire.Loaded):
            self.succeeded()
            self._set(ModelState(model=self.model, state="warm", bytes=answer.bytes))

    def _set(self, state: ModelState) -> None:
        if state != self.state:
            self.state = state
            if self.model:  # what every worker speaks is no news
                self._on_state(state)
