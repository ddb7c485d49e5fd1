"""The clerk, as control asks it: questions to the database, answered by a process of their own while there are any."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec

from engine.child import Child
from engine.errors import BadRange, Busy, EngineError
from engine.questions import Outcome, Question, Refused, Row, Shelves

MODULE = "engine.store.clerk_process"
IDLE_SECONDS = 60.0
"""Without a question for so long the process is let go."""
STOP_SECONDS = 5.0
MAX_WAITING = 32
"""Questions that may wait at once; more are refused as busy."""


class ClerkError(EngineError):
    """The store gives no answer: says why."""

    code = "store_failed"


class Clerk:
    """Asks one question after the other. Event loop of the control process only."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._idle: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> tuple[Row, ...]:
        """Return the rows of the answer. Raises EngineError with the store's own words, Busy, ClerkError."""
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} questions to the store wait already; ask again later")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._answer(question)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Let the process go."""
        if self._idle is not None:
            self._idle.cancel()
        child, self._child = self._child, None
        if child is not None:
            await child.stop(STOP_SECONDS)
        if self._leaving is not None:
            await self._leaving

    async def _answer(self, question: Question) -> tuple[Row, ...]:
        if self._idle is not None:
            self._idle.cancel()
        child = await self._present()
        child.send(msgspec.to_builtins(question))
        try:
            message = await child.receive()
        except asyncio.CancelledError:
            child.kill()  # else its answer would be taken for that of the next question
            self._child = None
            raise
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._leave)
        if message is None:
            raise ClerkError(f"the process that asks the database ended (exit code {child.returncode})")
        outcome: Outcome = msgspec.convert(message, Outcome)
        if isinstance(outcome, Refused):
            raise EngineError.relayed(outcome.code, outcome.text)
        return outcome.rows

    async def _present(self) -> Child:
        if self._child is None or self._child.returncode is not None:
            self._child = await Child.start(MODULE, ())
            self._child.send(msgspec.to_builtins(self._shelves))
        return self._child

    def _leave(self) -> None:
        if self._waiting == 0 and self._child is not None:
            child, self._child = self._child, None
            self._leaving = asyncio.get_running_loop().create_task(child.stop(STOP_SECONDS))


def project_file(folder: Path, name: str) -> str:
    """Return the path of a file in a project's folder. Raises BadRange for one that is elsewhere."""
    ways = (PurePosixPath(name), PureWindowsPath(name))
    inside = bool(name) and not any(way.anchor or ".." in way.parts for way in ways)
    if not inside or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise BadRange(f"{name[:100]!r} is no file of the story's folder, as in samples/anna.wav")
    return str(folder / name)
