"""MIDI from DAWs: what their tracks send to Cuevox Return MIDI, as a port, each message at the frame of its block."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from bridge.midi.port import Exact, Heard, MidiInput, MidiOutput, PortError

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


class DawSystem:
    """One port that can be heard: all instances of the plug-in, of whatever DAW.

    The mixer waits for what comes of a note: so this tells it when ``loop`` has had its turn with what was heard.
    """

    is_ours = True
    missed = late = epoch = 0
    latest_seconds = 0.0

    def __init__(self, notes: DawNotes, loop: asyncio.AbstractEventLoop) -> None:
        self.lost = 0
        self._notes, self._loop = notes, loop
        self._hearers: tuple[Heard, ...] = ()
        self._told = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="midi-daw", daemon=True)
        self._thread.start()

    def inputs(self) -> Sequence[str]:
        """Return the one port's name."""
        return (NAME,)

    def outputs(self) -> Sequence[str]:
        """Return nothing: it is only heard."""
        return ()

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear what the DAW's tracks send."""
        if virtual or name != NAME:
            raise PortError(f"no MIDI port named {name!r} here; there is: {NAME}")
        self._hearers = (*self._hearers, heard)
        return _Input(self, heard)

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:  # noqa: ARG002 - the protocol's
        """Refuse."""
        raise PortError(f"no MIDI port named {name!r} can be sent to: a DAW's plug-in is only heard")

    def close(self) -> None:
        """Hear nothing more."""
        self._closing = True
        self._told.set()
        self._thread.join()

    def ignore(self, heard: Heard) -> None:
        """Tell ``heard`` no more."""
        self._hearers = tuple(other for other in self._hearers if other is not heard)

    def _run(self) -> None:
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


class _Input:
    def __init__(self, system: DawSystem, heard: Heard) -> None:
        self._system, self._heard = system, heard

    def close(self) -> None:
        self._system.ignore(self._heard)
