"""The memory budget: so many bytes of models per device; what was used longest ago makes room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec

from engine.errors import VoiceError
from engine.voices.slot import Slot
from engine.voices.worker_process import WorkerProcess

log = logging.getLogger(__name__)

Empty = Callable[[Slot], Awaitable[None]]
Start = Callable[[], Awaitable[WorkerProcess]]


class NoRoom(Exception):
    """One more worker for a model finds no memory, as things are."""


class Budget:
    """Keeps models within ``most_bytes`` on each device (None: no limit).

    remembered: a file of what each model took when it was last loaded, so that room is made before and not after.
    idle: set whenever a worker has nothing to do any more.
    """

    def __init__(self, most_bytes: int | None = None, remembered: Path | None = None) -> None:
        self.most_bytes = most_bytes
        self.idle = asyncio.Event()
        self._file = remembered
        self._measured: dict[str, dict[str, int]] = _read(remembered)
        self._loading = asyncio.Lock()

    async def load(self, slot: Slot, slots: Iterable[Slot], empty: Empty, start: Start) -> WorkerProcess:
        """Return what ``start`` returns: the worker of ``slot`` with its model loaded; others make room for it.

        Raises VoiceError if it can't fit even alone. One model is loaded at a time.
        """
        if self.most_bytes is None:
            worker = await start()
            self._remember(slot)
            return worker
        async with self._loading:
            await self._make_room(slot, tuple(slots), self._measured.get(slot.model, {}), empty)
            worker = await start()
            self._remember(slot)
            try:
                await self._make_room(slot, tuple(slots), slot.bytes, empty)
            except VoiceError as error:
                await worker.stop()
                slot.failed(error)
                raise
            return worker

    async def load_beside(self, slot: Slot, slots: Iterable[Slot], start: Start) -> WorkerProcess:
        """Return what ``start`` returns: one more worker for a model. Nobody makes room for it: raises NoRoom."""
        async with self._loading:
            beside = tuple(slots)
            if self._too_many(slot, beside, self._measured.get(slot.model, {})):
                raise NoRoom
            worker = await start()
            if self._too_many(slot, beside, slot.bytes):
                slot.leaving = True
                await worker.stop()
                raise NoRoom
            return worker

    def _remember(self, slot: Slot) -> None:
        if slot.bytes and self._measured.get(slot.model) != slot.bytes:
            self._measured[slot.model] = slot.bytes
            _write(self._file, self._measured)

    async def _make_room(self, slot: Slot, slots: tuple[Slot, ...], wanted: dict[str, int], empty: Empty) -> None:
        self._check(slot.model, wanted)
        while others := self._too_many(slot, slots, wanted):
            oldest = min(others, key=lambda other: (not other.idle, other.used))
            log.info("unloading %s to make room for %s", oldest.model, slot.model)
            await empty(oldest)

    def _too_many(self, slot: Slot, slots: tuple[Slot, ...], wanted: dict[str, int]) -> list[Slot]:
        """Return the others that take memory where there is not enough of it."""
        if self.most_bytes is None:
            return []
        others = [other for other in slots if other is not slot and other.bytes]
        full = {
            device
            for device, size in wanted.items()
            if size and size + sum(other.bytes.get(device, 0) for other in others) > self.most_bytes
        }
        return [other for other in others if full & other.bytes.keys()]

    def _check(self, model: str, wanted: dict[str, int]) -> None:
        for device, size in wanted.items():
            if self.most_bytes is not None and size > self.most_bytes:
                raise VoiceError(
                    f"the model {model} takes {size / 1e6:,.0f} MB on {device};"
                    f" model_memory_mb allows {self.most_bytes / 1e6:,.0f} MB"
                )


def _read(path: Path | None) -> dict[str, dict[str, int]]:
    if path is None:
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, int]])
    except (OSError, msgspec.MsgspecError):
        return {}


def _write(path: Path | None, measured: dict[str, dict[str, int]]) -> None:
    if path is None:
        return
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.encode(measured))
        temporary.replace(path)
    except OSError as error:
        log.warning("what models take can't be remembered in %s: %s", path, error.strerror)
