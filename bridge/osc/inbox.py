"""The inbox of one connection: frames wait here and are handled in slices, so that no sender holds the others up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from bridge.clients import Client
from bridge.errors import BadPacket
from bridge.hub import Hub
from bridge.message import IMMEDIATELY, Bundle
from bridge.osc import codec
from bridge.osc.framing import Frame
from bridge.osc.waiting import Waiting
from bridge.text import message

SLICE_SECONDS = 0.0005
"""After this much work at a stretch the event loop has its turn."""

HIGH, LOW = 1024, 128
"""With so many frames waiting no more are asked for; with so few they are again."""


class Inbox:
    """Frames of one client on their way to the hub. Event loop of the control process only.

    full: hears True when too much waits, False when there is room again.
    """

    def __init__(self, hub: Hub, client: Callable[[], Client], full: Callable[[bool], None]) -> None:
        self._hub, self._client, self._full = hub, client, full
        self._loop = asyncio.get_running_loop()
        self._frames: Waiting[Frame] = Waiting(hub.moves, lambda: hub.singly(client()))
        self._scheduled = self._is_full = False

    def put(self, frames: Iterable[Frame]) -> None:
        """Take frames in, handling what fits the slice at once."""
        now = time.time()
        for frame in frames:
            self._frames.put(frame, now)
        if not self._is_full and len(self._frames) > HIGH:
            self._is_full = True
            self._full(True)
        if not self._scheduled:
            self._drain()

    def clear(self) -> None:
        """Forget what waits."""
        self._frames.clear()

    def _drain(self) -> None:
        self._scheduled = False
        until = time.perf_counter() + SLICE_SECONDS
        try:
            while self._frames and time.perf_counter() < until:
                frame, arrived_at = self._frames.take()
                client = self._client()
                client.heard_at = arrived_at
                handle(self._hub, client, frame)
        finally:
            if self._frames and not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._drain)
        if self._is_full and len(self._frames) < LOW:
            self._is_full = False
            self._full(False)


def handle(hub: Hub, client: Client, frame: Frame) -> None:
    """Have the hub do what a packet or a line asks for; what can't be read is answered and counted."""
    try:
        bundles = _line(frame) if isinstance(frame, str) else codec.parse(frame)
    except BadPacket as error:
        hub.counters.bad_packets += 1
        client.refuse("", 0, error)
        return
    for bundle in bundles:
        hub.receive(bundle, client)


def _line(text: str) -> tuple[Bundle, ...]:
    return (Bundle(tag=IMMEDIATELY, messages=(message(text),)),)
