"""A DAW's plug-in as the driver of the mixer: while it asks for blocks, they are all the time there is."""

from __future__ import annotations

import threading
import time

from engine.daw.desk import Desk
from engine.daw.link import DawLink
from engine.daw.notes import NoteSender
from engine.daw.server import Server
from engine.errors import DeviceError
from engine.output.base import Ready, Render, nothing_to_do
from engine.output.null import Pace
from engine.realtime.memory import Segment

PATIENCE_SECONDS = 1.0
"""A DAW that asks for nothing for so long has paused its sound: the engine goes on by itself."""
OFFLINE_PATIENCE_SECONDS = 2.5
"""A bounce may pause for longer; not so long that nobody knows whether the engine still lives."""
LOOK_SECONDS = 0.02
"""The longest sleep: the link's sign of life is given so often."""
LOOK_OFTEN_SECONDS = 0.0005
"""The longest while plug-ins ask that wake nobody."""


class DawOutput:
    """Plays into the buses of a DAW; without one, at the pace of a device and for nobody.

    name: what plug-ins look for. desk: the mixer that ``start``'s render fills blocks of. notes: where those go that
    plug-ins send.
    """

    def __init__(self, name: str, sample_rate: int, block_frames: int, desk: Desk, notes: Segment) -> None:
        self.name = "daw"
        self.sample_rate = sample_rate
        self.block_frames = block_frames
        self.latency_frames = 0
        self.steady = False
        self.patch = None
        self._link_name, self._desk, self._notes = name, desk, NoteSender(notes)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._link: DawLink | None = None

    def start(self, render: Render, ready: Ready = nothing_to_do) -> None:
        """Serve plug-ins in a thread of its own. Raises DeviceError when another engine does, MemoryShort."""
        if self._thread is not None:
            raise DeviceError("the DAW is served already")
        self._stopping.clear()
        self._link = DawLink(self._link_name, self.sample_rate)
        server = Server(self._link, self._desk, render, self.sample_rate, self._notes)
        self._thread = threading.Thread(target=self._run, args=(self._link, server), name="daw output", daemon=True)
        ready()
        self._thread.start()

    def stop(self) -> None:
        """End the thread, then the link."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._link is not None:
            self._link.close()
            self._link = None

    def answers(self) -> bool:
        """Return whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, link: DawLink, server: Server) -> None:
        server.idle(self.block_frames, time.time())  # whoever started this wants to see it work
        link.serve()
        pace: Pace | None = None
        due = 0.0
        while not self._stopping.is_set():
            link.beat()
            self._desk.live()
            heard, now = link.bell(), time.monotonic()
            if server.serve(now):
                pace = None
                continue
            if server.mix_ahead():
                continue
            patience = OFFLINE_PATIENCE_SECONDS if server.offline else PATIENCE_SECONDS
            if server.waits_seconds or now - server.asked_at < patience:
                link.sleep(heard, server.waits_seconds or (LOOK_OFTEN_SECONDS if server.looks else LOOK_SECONDS))
                continue
            if pace is None:
                server.rest()
                pace = Pace(self.sample_rate, self.block_frames, now)
                due = pace.next(now)[0]
            if due > now:
                link.sleep(heard, min(due - now, LOOK_SECONDS))
                continue
            server.idle(self.block_frames, due + time.time() - time.monotonic())
            due = pace.next(time.monotonic())[0]
