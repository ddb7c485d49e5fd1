"""JSON lines between the supervisor and the control process: its standard input and output."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import Any, BinaryIO

Message = dict[str, Any]


class SupervisorLines:
    """The supervisor, as the control process sees it. A thread reads, so that it works on every system."""

    def __init__(self, source: BinaryIO | None = None, target: BinaryIO | None = None) -> None:
        self._source = source or sys.stdin.buffer
        self._target = target or sys.stdout.buffer
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, name="supervisor-lines", daemon=True).start()

    async def receive(self) -> Message | None:
        """Return the supervisor's next message; None when it wants us to stop, or is gone."""
        return await self._messages.get()

    def send(self, message: Message) -> None:
        """Tell the supervisor something; it is no error if it is gone, the next ``receive`` says so."""
        try:
            self._target.write(json.dumps(message).encode() + b"\n")
            self._target.flush()
        except BrokenPipeError:
            return

    def _read(self) -> None:
        try:
            for line in self._source:
                self._loop.call_soon_threadsafe(self._messages.put_nowait, json.loads(line))
            self._loop.call_soon_threadsafe(self._messages.put_nowait, None)
        except RuntimeError:
            return  # the event loop has ended: nobody receives any more
