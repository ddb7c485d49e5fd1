"""A child process that talks in JSON lines: commands on its standard input, answers on its standard output."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

from engine.platform import spawn_options

log = logging.getLogger(__name__)

LINE_LIMIT_BYTES = 64 * 1024 * 1024
"""The longest line that is read: a graph of thousands of strips stays far below."""


class Child:
    """One child. It logs to our standard error; the end of its standard input tells it to stop."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
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

    async def stop(self, patience_seconds: float) -> None:
        """Close its input, wait, and kill what does not end by itself. Safe to call twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), patience_seconds)
        except TimeoutError:
            log.warning("%s did not stop in %g s; killing it", self.name, patience_seconds)
            self._process.kill()
            await self._process.wait()
