"""A child process that talks in JSON lines: commands on its standard input, answers on its standard output."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.errors import EngineError
from engine.platform import spawn_options
from engine.watchdog import Watchdog

log = logging.getLogger(__name__)

LINE_LIMIT_BYTES = 64 * 1024 * 1024
"""The longest line that is read: a graph of thousands of strips stays far below."""
START_SECONDS = 300.0
"""How long a child may take to start: the first start on a machine compiles the kernels."""


class StartFailed(EngineError):
    """A process could not start; the text is its own."""

    code = "start_failed"


class Child:
    """One child. It logs to our standard error; the end of its standard input tells it to stop."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self.module = module
        self.name = module.rpartition(".")[2].replace("_", " ")
        self._process = process

    @classmethod
    async def start(cls, module: str, handles: Iterable[int]) -> Child:
        """Start ``python -m module`` with shared memory ``handles`` passed on.

        Call it from the main thread: on Linux the child dies with the thread that started it.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
            env={**os.environ, "CUEVOX_PARENT_PID": str(os.getpid())},
            **spawn_options(handles),
        )
        return cls(module, process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    def send(self, message: dict[str, Any]) -> None:
        """Hand over one message; a child that is gone does not hear it, ``receive`` tells."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        """Return the child's next message, or None when it has ended."""
        if self._process.stdout is None:
            return None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            await self._process.wait()
            return None
        message = json.loads(line)
        return message if isinstance(message, dict) else {"error": f"{self.name} said {message!r}"}

    async def ended(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()

    async def stop(self, patience_seconds: float, beats: Callable[[], int] = lambda: 0) -> None:
        """Close its input, wait, and kill what does not end by itself. Safe to call twice.

        beats: counts signs of life: what gives some while it ends is waited for.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        ended = asyncio.ensure_future(self._process.wait())
        hangs = asyncio.ensure_future(Watchdog(beats, patience_seconds).wait())
        try:
            await asyncio.wait({ended, hangs}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                log.warning("%s did not stop in %g s; killing it", self.name, patience_seconds)
                self.kill()
            await ended
        finally:
            ended.cancel()
            hangs.cancel()


async def answer(
    child: Child, key: str, skip: Iterable[str] = (), aside: Mapping[str, Callable[[Any], object]] | None = None
) -> Any:
    """Return what ``child`` says under ``key``; StartFailed with its own words when it says something else.

    skip: keys of late answers to what was asked before. aside: who hears what is said meanwhile, by its key.
    """
    skipped = set(skip)
    while True:
        try:
            async with asyncio.timeout(START_SECONDS):  # wait_for goes on if it is cancelled just as a line comes
                message = await child.receive()
        except TimeoutError as error:
            raise StartFailed(f"the {child.name} was not ready in {START_SECONDS:g} s") from error
        if message is None:
            raise StartFailed(f"the {child.name} ended before it was ready (exit code {child.returncode})")
        if key in message:
            return message[key]
        asides = message.keys() & (aside or {}).keys()
        for name in asides:
            (aside or {})[name](message[name])
        if not asides and not skipped & message.keys():
            failed = StartFailed(str(message.get("error") or f"the {child.name} said {json.dumps(message)}"))
            failed.code = str(message.get("code", failed.code))
            raise failed
