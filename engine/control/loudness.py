"""The loudness meter: an io process that listens to the master, started when somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys

import msgspec

from engine.io.loudness import IoConfig, Loudness
from engine.platform import spawn_options
from engine.realtime.memory import Segment

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0
_DECODER = msgspec.json.Decoder(Loudness)


class LoudnessMeter:
    """Keeps the newest reading. Event loop of the control process only."""

    def __init__(self, tap: Segment, sample_rate: int) -> None:
        self._tap, self._sample_rate = tap, sample_rate
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading = Loudness()

    def read(self) -> Loudness:
        """Return the newest reading; the first call has the measurement begin, a dead process is started anew."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return self._reading

    def reset(self) -> None:
        """Measure from now on."""
        self._reading = Loudness()
        if self._process is not None and self._process.stdin is not None and self._process.returncode is None:
            self._process.stdin.write(b'{"reset": true}\n')

    async def close(self) -> None:
        """End the process."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        config = IoConfig(tap=(self._tap.handle, self._tap.size_bytes), sample_rate=self._sample_rate)
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine.io.io_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "CUEVOX_PARENT_PID": str(os.getpid())},
            **spawn_options((self._tap.handle,)),
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a child with pipes has pipes")
        try:
            process.stdin.write(msgspec.json.encode(config) + b"\n")
            while line := await process.stdout.readline():
                self._reading = _DECODER.decode(line)
            log.warning("the io process ended (exit code %s)", await process.wait())
        finally:
            process.stdin.close()
            await self._end(process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
