"""MIDI over TCP, as ``mido.sockets`` speaks it: for machines that have no MIDI of their own, and between machines."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from bridge.errors import AddressTaken
from bridge.midi.port import Heard, MidiInput, MidiOutput, PortError
from bridge.midi.stream import MidiStream

MAX_PEERS = 16
SEND_SECONDS = 0.05
"""A peer that takes nothing for so long is hung up on: nobody waits for it."""

RECEIVE_BYTES = 4096


class SocketSystem:
    """One port, named ``socket``: all who connect to our TCP port are heard on it, and hear what is sent to it."""

    is_ours = True
    lost = missed = late = epoch = 0
    latest_seconds = 0.0

    def __init__(self, host: str, port: int) -> None:
        try:
            self._listening = socket.create_server((host, port))
        except OSError as error:
            raise AddressTaken(f"can't listen for MIDI on {host}:{port}: {error}") from error
        self._listening.setblocking(False)
        self.host, self.port = self._listening.getsockname()[:2]
        self.name = "socket"
        self._peers: dict[socket.socket, MidiStream] = {}
        self._hearers: list[Heard] = []
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="midi-socket", daemon=True)
        self._thread.start()

    def inputs(self) -> Sequence[str]:
        """Return the one port's name."""
        return (self.name,)

    def outputs(self) -> Sequence[str]:
        """Return the one port's name."""
        return (self.name,)

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear all peers."""
        self._check(name, virtual)
        with self._lock:
            self._hearers.append(heard)
        return _Input(self, heard)

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:
        """Send to all peers."""
        self._check(name, virtual)
        return _Output(self)

    def close(self) -> None:
        """Hang up and listen no more."""
        self._wake.send(b"\0")
        self._thread.join()
        for peer in tuple(self._peers):
            self._hang_up(peer)
        self._selector.close()
        for end in (self._listening, self._wake, self._woken):
            end.close()

    def broadcast(self, message: bytes) -> None:
        """Send a message to every peer; one that takes nothing is hung up on."""
        with self._lock:
            peers = tuple(self._peers)
        for peer in peers:
            try:
                peer.sendall(message)
            except OSError:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)  # the thread notices and takes it off the list

    def ignore(self, heard: Heard) -> None:
        """Tell ``heard`` no more."""
        with self._lock:
            self._hearers.remove(heard)

    def _check(self, name: str, virtual: bool) -> None:
        if virtual or name != self.name:
            raise PortError(f"no MIDI port named {name!r} here; there is: {self.name}")

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                ready: Any = key.fileobj
                if ready is self._woken:
                    return
                if ready is self._listening:
                    self._accept()
                else:
                    self._read(ready)

    def _accept(self) -> None:
        try:
            peer, _ = self._listening.accept()
        except OSError:
            return
        if len(self._peers) >= MAX_PEERS:
            peer.close()
            return
        peer.settimeout(SEND_SECONDS)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._peers[peer] = MidiStream()
        self._selector.register(peer, selectors.EVENT_READ)

    def _read(self, peer: socket.socket) -> None:
        try:
            data = peer.recv(RECEIVE_BYTES)
        except OSError:
            data = b""
        now = time.time()
        if not data:
            self._hang_up(peer)
            return
        with self._lock:
            hearers = tuple(self._hearers)
        for message in self._peers[peer].feed(data):
            for heard in hearers:
                heard(now, message)

    def _hang_up(self, peer: socket.socket) -> None:
        with self._lock:
            self._peers.pop(peer, None)
        self._selector.unregister(peer)
        peer.close()


class _Input:
    def __init__(self, system: SocketSystem, heard: Heard) -> None:
        self._system, self._heard = system, heard
        self._open = True

    def close(self) -> None:
        if self._open:
            self._open = False
            self._system.ignore(self._heard)


class _Output:
    def __init__(self, system: SocketSystem) -> None:
        self._system = system
        self._open = True
        self.lead_seconds = 0.0

    def send(self, message: bytes, at: float | None = None) -> None:  # noqa: ARG002 - it can't wait
        if not self._open:
            raise PortError("the MIDI socket is closed")
        self._system.broadcast(message)

    def close(self) -> None:
        self._open = False
