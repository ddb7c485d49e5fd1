"""MIDI from DAWs: what their tracks send to Cuevox Return MIDI, as a port, each message at the frame of its block."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Protocol

from bridge.midi.heard_port import HeardPort
from bridge.midi.port import Exact

NAME = "Cuevox Return MIDI"
LOOK_SECONDS = 0.25
"""How often the thread looks whether it is to end."""


class DawNotes(Protocol):
    """Where notes come from (``engine.daw.notes``). One thread."""

    def wait(self, seconds: float) -> None:
        """Sleep until there are some, or for ``seconds``; may return early."""
        ...

    def read(self) -> list[tuple[int, bytes]]:
        """Return those that are to be seen to: engine frame and message; no message: so many were lost."""
        ...

    def done(self, count: int) -> None:
        """Say that so many have been seen to."""
        ...


class DawSystem(HeardPort):
    """One port that can be heard: all instances of the plug-in, of whatever DAW.

    The mixer waits for what comes of a note: so this tells it when ``loop`` has had its turn with what was heard.
    begin: called first by its thread.
    """

    def __init__(
        self, notes: DawNotes, loop: asyncio.AbstractEventLoop, begin: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(NAME, "a DAW's plug-in")
        self._notes, self._loop, self._begin = notes, loop, begin
        self._told = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="midi-daw", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nothing more."""
        self._closing = True
        self._told.set()
        self._thread.join()

    def _run(self) -> None:
        self._begin()
        while not self._closing:
            self._notes.wait(LOOK_SECONDS)
            notes, hearers, now = self._notes.read(), self._hearers, time.time()
            for frame, message in notes:
                if not message:
                    self.lost += frame
                for heard in hearers if message else ():
                    heard(Exact(now, frame), message)
            if notes:
                self._wait_for_loop()
                self._notes.done(len(notes))

    def _wait_for_loop(self) -> None:
        """Wait until the event loop has had its turn with all that was queued for it."""
        self._told.clear()
        try:
            self._loop.call_soon_threadsafe(self._told.set)
        except RuntimeError:
            self._closing = True  # the event loop has ended: we are going down
            return
        while not self._closing and not self._told.wait(LOOK_SECONDS):
            pass
