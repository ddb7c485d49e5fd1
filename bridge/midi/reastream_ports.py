"""MIDI as Cockos' ReaStream sends it over UDP: a DAW's track plays Cuevox without a MIDI cable or a virtual one."""

from __future__ import annotations

import logging
import socket
import threading
import time

from bridge.errors import AddressTaken
from bridge.midi.heard_port import HeardPort
from bridge.places import reached_at
from engine.errors import PacketError
from engine.io.network.reastream import Notes, unpack

log = logging.getLogger(__name__)

NAME = "reastream"
RECEIVE_BYTES = 65536


class ReaStreamSystem(HeardPort):
    """One port that can be heard, named ``reastream``: whatever identifier a sender has.

    The messages of a packet lie as far apart as their sender's frames say. Sound that comes along is left alone.
    """

    def __init__(self, host: str, port: int, sample_rate: int) -> None:
        super().__init__(NAME, "ReaStream")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise AddressTaken(f"can't listen for ReaStream on {host}:{port}: {error}") from error
        self.host, self.port = self._socket.getsockname()[:2]
        self._rate = sample_rate
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="midi-reastream", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closing.set()
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"", (reached_at(self.host), self.port))
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            data = self._socket.recv(RECEIVE_BYTES)
            if self._closing.is_set():
                return
            now = time.time()
            try:
                packet = unpack(data)
            except PacketError as error:
                log.debug("a packet on the port of ReaStream: %s", error)
                continue
            if isinstance(packet, Notes):
                self._tell(packet, now)

    def _tell(self, packet: Notes, now: float) -> None:
        hearers = self._hearers
        for note in packet.notes:
            message = note.data[: length(note.data[0])]
            if any(byte >= 0x80 for byte in message[1:]):
                continue  # no MIDI
            for heard in hearers:
                heard(now + note.delta_frames / self._rate, message)


def length(status: int) -> int:
    """Return how many bytes a message has that begins with ``status``; ReaStream always sends three."""
    if status >= 0xF0:
        return {0xF1: 2, 0xF2: 3, 0xF3: 2}.get(status, 1)
    return 2 if status & 0xE0 == 0xC0 else 3
