"""The inbox: from the ports' own threads into the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bridge.midi.port import Heard

MAX_WAITING = 16_384
"""Chunks that wait for the event loop: many seconds of everything; more are dropped and counted."""

Take = Callable[[str, float, bytes], None]
"""Takes a port's name, the Unix time of arrival and what came."""


class Inbox:
    """Queues what ports hear and hands it over in the event loop, in order. Ports call ``hearer``'s function."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Take) -> None:
        self._loop, self._take = loop, take
        self._waiting: deque[tuple[str, float, bytes]] = deque()
        self._closed = self._woken = False
        self.dropped = 0

    def hearer(self, port: str) -> Heard:
        """Return what a port calls from its own thread: it stamps nothing, decides nothing, waits for nobody."""

        def heard(at: float, data: bytes) -> None:
            if len(self._waiting) >= MAX_WAITING or self._closed:
                self.dropped += 1
                return
            self._waiting.append((port, at, data))
            if not self._woken:
                self._woken = True
                self._wake()

        return heard

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True
        self._waiting.clear()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            self._closed = True  # the event loop has ended: we are going down

    def _drain(self) -> None:
        """Hand over what waits; what comes in the meantime has the next turn."""
        self._woken = False
        for _ in range(len(self._waiting)):
            if self._waiting:
                self._take(*self._waiting.popleft())
