"""JACK's MIDI ports through JACK-Client, in a process of their own: events know their frame."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import logging
import sys
import threading
from collections.abc import Sequence
from typing import NamedTuple

from bridge.midi.jack_child import GONE, JackChild
from bridge.midi.jack_packets import LATE, LOST, MISSED, NO_FRAME, TRANSPORT
from bridge.midi.port import NAME, Heard, MidiInput, MidiOutput, PortError, Stamp

log = logging.getLogger(__name__)

LEAD_SECONDS = 0.04
"""A message that is to leave at its frame is handed over so long before: several of JACK's usual periods, and more than
a busy machine stalls for."""

AGAIN_SECONDS = 0.25
MOST_SECONDS = 30.0
"""A process that ends is followed by another one after so long, twice as long each time that it can't even begin."""


class Rolling(NamedTuple):
    """JACK's transport as it was told last. state: as JACK numbers it; seconds: its place at a Unix time."""

    state: int
    seconds: float
    unix_seconds: float


def has_jack_client() -> bool:
    """Return whether JACK-Client is installed, and can be used so (not on Windows)."""
    return sys.platform != "win32" and importlib.util.find_spec("jack") is not None


class JackSystem:
    """Ports of the default JACK server. Raises PortError without a server, or JACK-Client.

    waits: no server is no error: its ports are there as soon as it is. When the server ends its ports are gone, and
    when it is back they can be opened anew: ``epoch`` tells. Ports may be listed on any thread. What was heard comes on
    a thread of this system's.
    """

    is_ours = False

    def __init__(self, name: str = NAME, *, waits: bool = False) -> None:
        self._name = name
        self._numbers = itertools.count(1)
        self._hearers: dict[int, Heard] = {}
        self.lost = self.missed = 0
        self.late, self.latest_seconds = 0, 0.0
        """How many messages left more than 2 ms after their time, and by how much the last of them did, at most."""
        self.epoch = 0
        self.rolling: Rolling | None = None
        """JACK's transport, once it is watched; None: no server is there."""
        self._watches = False
        self._arrived = threading.Event()
        self._closing = threading.Event()
        self._child: JackChild | None = None
        self._next = JackChild(name, self._take, waits=waits)
        if not waits:
            self._begin(self._next)
        self._living = threading.Thread(target=self._live, name="midi-jack-life", daemon=True)
        self._living.start()

    def inputs(self) -> Sequence[str]:
        """Return the names of what can be heard now."""
        return self._names("inputs")

    def outputs(self) -> Sequence[str]:
        """Return the names of what can be sent to now."""
        return self._names("outputs")

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear a port, everything that it sends."""
        child, number = self._there(), next(self._numbers)
        self._hearers[number] = heard
        try:
            child.ask("open_input", number, name, virtual)
        except PortError as error:
            self._hearers.pop(number, None)
            raise PortError(f"can't open the MIDI port {name!r}: {error}") from error
        return _Input(self, child, number)

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:
        """Open a port to send to."""
        child, number = self._there(), next(self._numbers)
        try:
            child.ask("open_output", number, name, virtual)
        except PortError as error:
            raise PortError(f"can't open the MIDI port {name!r}: {error}") from error
        return _Output(child, number, name)

    def wait_there(self, most_seconds: float) -> bool:
        """Wait until a server is there, but not for long; return whether one is."""
        return self._arrived.wait(most_seconds)

    def watch(self) -> None:
        """Keep ``rolling`` up to date from now on, and with every server that comes."""
        self._watches = True
        if (child := self._child) is not None:
            self._have_watched(child)

    def close(self) -> None:
        """Leave JACK."""
        self._closing.set()
        self._next.end()
        self._living.join()
        self._next.close()

    def deafen(self, number: int) -> None:
        """Hear a port no more."""
        self._hearers.pop(number, None)

    def _names(self, verb: str) -> Sequence[str]:
        names = self._there().ask(verb)
        return tuple(map(str, names)) if isinstance(names, list) else ()

    def _there(self) -> JackChild:
        if self._child is None:
            raise PortError(GONE if self.epoch else "no JACK server is running; its MIDI ports come with it")
        return self._child

    def _begin(self, child: JackChild) -> None:
        """Have a process be the client from now on."""
        child.begin()
        self._child = child
        if self._watches:  # in this order: who asks for it just now has set it by now, or finds the process there
            self._have_watched(child)
        self._arrived.set()

    def _have_watched(self, child: JackChild) -> None:
        with contextlib.suppress(PortError):  # it is gone: the one after it will
            child.ask("watch")

    def _live(self) -> None:
        """See to it that there is always a process: one that ends is followed by another, which waits for a server."""
        pause_seconds = AGAIN_SECONDS
        while not self._closing.is_set():
            try:
                if self._child is None:
                    self._begin(self._next)
                pause_seconds = AGAIN_SECONDS
                self._next.wait()
                self._lose()
            except PortError as error:
                pause_seconds = min(MOST_SECONDS, 2.0 * pause_seconds)
                if not self._closing.is_set():
                    log.warning("no MIDI on JACK: %s", error)
            if not self._closing.wait(pause_seconds):
                self._replace()

    def _lose(self) -> None:
        """Know that every port is gone."""
        self._arrived.clear()
        self._child, self.rolling = None, None
        self._hearers.clear()
        self.epoch += 1

    def _replace(self) -> None:
        """Start another process, unless everything ends."""
        self._next.end()
        self._next.close()
        self._next = JackChild(self._name, self._take, waits=True)
        if self._closing.is_set():
            self._next.end()

    def _take(self, number: int, size: int, frame: int, unix_seconds: float, event: bytes) -> None:
        if number == LOST:
            self.lost += size
        elif number == MISSED:
            self.missed += size
        elif number == LATE:
            if size:
                self.late, self.latest_seconds = self.late + size, unix_seconds
        elif number == TRANSPORT:
            self.rolling = Rolling(size, frame / self._next.rate, unix_seconds)
        elif (heard := self._hearers.get(number)) is not None:
            heard(Stamp(unix_seconds, frame), event)


class _Input:
    def __init__(self, system: JackSystem, child: JackChild, number: int) -> None:
        self._system, self._child, self._number = system, child, number
        self._open = True

    def close(self) -> None:
        if self._open:
            self._open = False
            self._system.deafen(self._number)
            _shut(self._child, self._number)


class _Output:
    def __init__(self, child: JackChild, number: int, name: str) -> None:
        self._child, self._number, self._name = child, number, name
        self._open = True
        self.lead_seconds = LEAD_SECONDS

    def send(self, message: bytes, at: float | None = None) -> None:
        if not self._open:
            raise PortError(f"the MIDI port {self._name!r} is closed")
        frame = at.frame if isinstance(at, Stamp) else NO_FRAME
        self._child.send(self._number, at or 0.0, frame, message)

    def close(self) -> None:
        if self._open:
            self._open = False
            _shut(self._child, self._number)


def _shut(child: JackChild, number: int) -> None:
    """Give a port back, unless all are gone."""
    with contextlib.suppress(PortError):
        child.ask("shut", number)
