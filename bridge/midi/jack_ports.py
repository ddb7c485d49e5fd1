"""JACK's MIDI ports through JACK-Client, in a process of their own: events know their frame."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection

from bridge.midi.jack_process import HEARD, LATE, LOST, SENT
from bridge.midi.port import NAME, Heard, MidiInput, MidiOutput, PortError, Stamp

ANSWER_SECONDS = 5.0
LEAD_SECONDS = 0.02
"""A message that is to leave at its frame is handed over so long before: more than two of JACK's usual periods."""

PACKET_BYTES = 1 << 20


def has_jack_client() -> bool:
    """Return whether JACK-Client is installed, and can be used so (not on Windows)."""
    return sys.platform != "win32" and importlib.util.find_spec("jack") is not None


class JackSystem:
    """Ports of the default JACK server. Raises PortError without a server or JACK-Client.

    Ports may be listed on any thread. What was heard comes on a thread of this system's.
    """

    is_ours = False

    def __init__(self, name: str = NAME) -> None:
        self._numbers = itertools.count(1)
        self._hearers: dict[int, Heard] = {}
        self._asking = threading.Lock()
        self.lost = 0
        """Events that came while nobody took them for too long, and cycles that JACK ran without us."""
        self.late, self.latest_seconds = 0, 0.0
        """How many messages left more than 2 ms after their time, and by how much the last of them did, at most."""
        self._connection, theirs = _pipe()
        self._events, their_events = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        command = [sys.executable, "-m", "bridge.midi.jack_process", str(theirs), str(their_events.fileno()), name]
        self._process = subprocess.Popen(command, pass_fds=(theirs, their_events.fileno()), stdin=subprocess.DEVNULL)
        socket.socket(fileno=theirs).close()
        their_events.close()
        try:
            self._result()
        except PortError:
            self._process.wait()
            raise
        self._thread = threading.Thread(target=self._listen, name="midi-jack", daemon=True)
        self._thread.start()

    def inputs(self) -> Sequence[str]:
        """Return the names of what can be heard now."""
        return self._names("inputs")

    def outputs(self) -> Sequence[str]:
        """Return the names of what can be sent to now."""
        return self._names("outputs")

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear a port, everything that it sends."""
        number = next(self._numbers)
        self._hearers[number] = heard
        try:
            self._ask("open_input", number, name, virtual)
        except PortError as error:
            del self._hearers[number]
            raise PortError(f"can't open the MIDI port {name!r}: {error}") from error
        return _Input(self, number)

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:
        """Open a port to send to."""
        number = next(self._numbers)
        try:
            self._ask("open_output", number, name, virtual)
        except PortError as error:
            raise PortError(f"can't open the MIDI port {name!r}: {error}") from error
        return _Output(self, number, name)

    def close(self) -> None:
        """Leave JACK."""
        self._connection.close()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._events.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._events.close()

    def shut(self, number: int) -> None:
        """Give a port back."""
        self._hearers.pop(number, None)
        with contextlib.suppress(PortError):
            self._ask("shut", number)

    def send(self, number: int, message: bytes, at: float | None) -> None:
        """Have a message sent. Raises PortError."""
        with self._asking:
            try:
                self._connection.send_bytes(b"\0" + SENT.pack(number, at or 0.0) + message)
            except (OSError, ValueError) as error:
                raise PortError("JACK is gone") from error

    def _names(self, verb: str) -> Sequence[str]:
        names = self._ask(verb)
        return tuple(map(str, names)) if isinstance(names, list) else ()

    def _ask(self, *request: object) -> object:
        with self._asking:
            try:
                self._connection.send_bytes(pickle.dumps(request))
            except (OSError, ValueError) as error:
                raise PortError("JACK is gone") from error
            return self._result()

    def _result(self) -> object:
        try:
            if not self._connection.poll(ANSWER_SECONDS):
                raise PortError("JACK does not answer")
            word, value = self._connection.recv()
        except (EOFError, OSError, ValueError) as error:
            raise PortError("JACK is gone") from error
        if word == "error":
            raise PortError(str(value))
        return value

    def _listen(self) -> None:
        while packet := self._packet():
            place = 0
            while place < len(packet):
                number, size, frame, unix_seconds = HEARD.unpack_from(packet, place)
                place += HEARD.size
                if number == LOST:
                    self.lost += size
                    continue
                if number == LATE:
                    self.late += size
                    self.latest_seconds = unix_seconds
                    continue
                heard = self._hearers.get(number)
                if heard is not None:
                    heard(Stamp(unix_seconds, frame), packet[place : place + size])
                place += size

    def _packet(self) -> bytes:
        try:
            return self._events.recv(PACKET_BYTES)
        except OSError:
            return b""


class _Input:
    def __init__(self, system: JackSystem, number: int) -> None:
        self._system, self._number = system, number
        self._open = True

    def close(self) -> None:
        if self._open:
            self._open = False
            self._system.shut(self._number)


class _Output:
    def __init__(self, system: JackSystem, number: int, name: str) -> None:
        self._system, self._number, self._name = system, number, name
        self._open = True
        self.lead_seconds = LEAD_SECONDS

    def send(self, message: bytes, at: float | None = None) -> None:
        if not self._open:
            raise PortError(f"the MIDI port {self._name!r} is closed")
        self._system.send(self._number, message, at)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._system.shut(self._number)


def _pipe() -> tuple[Connection, int]:
    """Return our end of a connection, and the descriptor of the other end."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), theirs.detach()
