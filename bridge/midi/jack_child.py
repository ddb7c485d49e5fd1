"""Control's side of the process that is our JACK client."""

from __future__ import annotations

import contextlib
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from bridge.midi.jack_packets import FIRST_WORD, HEARD, SENT
from bridge.midi.port import PortError

START_SECONDS = 60.0
"""How long the process may take to begin, on a machine that is busy: a server that is not there is told at once."""
ANSWER_SECONDS = 5.0
PACKET_BYTES = 1 << 20

GONE = "the JACK server is gone; its MIDI ports come back with it"

Take = Callable[[int, int, int, float, bytes], None]
"""Takes what stands in ``HEARD``, and the event."""


class JackChild:
    """One such process. waits: it looks for a server until there is one. take: called on a thread of this one's.

    Any thread may ask and send, once ``begin`` has returned.
    """

    def __init__(self, name: str, take: Take, *, waits: bool) -> None:
        self._take, self._waits = take, waits
        self.rate = 0
        """JACK's sample rate in Hz."""
        self._asking, self._ending = threading.Lock(), threading.Lock()
        """Held while something is asked, and while the connection is shut: nothing is written to one that was given
        back, since its number may be another's by then."""
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        self._events, their_events = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        command = [sys.executable, "-m", "bridge.midi.jack_process", str(theirs.fileno()), str(their_events.fileno())]
        command += [name, "wait" if waits else "now"]
        with theirs, their_events:
            self._process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(), their_events.fileno()), stdin=subprocess.DEVNULL
            )
        self._listening = threading.Thread(target=self._listen, name="midi-jack", daemon=True)

    def begin(self) -> None:
        """Wait until it is a client of JACK's. Raises PortError: it can't be, or has been ended."""
        try:
            self.rate = int(str(self._result(None if self._waits else START_SECONDS)))
        except PortError:
            self.end()
            raise
        self._listening.start()

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._process.wait()
        with contextlib.suppress(OSError):
            self._events.shutdown(socket.SHUT_RDWR)
        if self._listening.ident is not None:
            self._listening.join()

    def end(self) -> None:
        """Have the process leave JACK and end; whoever waits in ``begin`` is told."""
        with self._ending, contextlib.suppress(OSError), socket.socket(fileno=self._connection.fileno()) as ours:
            ours.shutdown(socket.SHUT_RDWR)
            ours.detach()
        self.wait()

    def close(self) -> None:
        """Give back what the connections took, once the process has ended, and whoever asks has been told."""
        with self._asking, self._ending:
            self._connection.close()
            self._events.close()

    def ask(self, *request: object) -> object:
        """Return its answer. Raises PortError; one that does not answer is ended, since its answer would come later."""
        with self._asking:
            try:
                self._connection.send_bytes(pickle.dumps(request))
            except (OSError, ValueError) as error:
                raise PortError(GONE) from error
            return self._result(ANSWER_SECONDS)

    def send(self, number: int, at: float, engine_frame: int, message: bytes) -> None:
        """Have a message sent. Raises PortError."""
        with self._asking:
            try:
                self._connection.send_bytes(b"\0" + SENT.pack(number, at, engine_frame) + message)
            except (OSError, ValueError) as error:
                raise PortError(GONE) from error

    def _result(self, patience_seconds: float | None) -> object:
        try:
            if not self._connection.poll(patience_seconds):
                self._process.kill()
                raise PortError("JACK does not answer")
            word, value = self._connection.recv()
        except (EOFError, OSError, ValueError) as error:
            raise PortError(GONE) from error
        if word == "error":
            raise PortError(str(value))
        return value

    def _listen(self) -> None:
        while packet := self._packet():
            place = 0
            while place < len(packet):
                number, size, frame, unix_seconds = HEARD.unpack_from(packet, place)
                place += HEARD.size
                length = size if number < FIRST_WORD else 0
                self._take(number, size, frame, unix_seconds, packet[place : place + length])
                place += length

    def _packet(self) -> bytes:
        try:
            return self._events.recv(PACKET_BYTES)
        except OSError:
            return b""
