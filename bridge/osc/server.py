"""The OSC server: one UDP socket in the control process's event loop, fair to all who send to it."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address

from bridge.errors import AddressTaken, BadPacket, Busy
from bridge.hub import Hub
from bridge.message import Message
from bridge.osc import codec
from bridge.osc.inbox import handle
from bridge.osc.waiting import Waiting
from bridge.places import HostPort
from bridge.text import MAX_LINE_BYTES, line

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7400

RECEIVE_BYTES = 1 << 20
"""Asked of the system for what arrives while the loop is busy."""

MAX_WAITING = 4096
MAX_WAITING_PER_SENDER = 1024
"""How many packets wait; a sender that floods loses its own only."""

BURST = 24
"""Packets taken from the socket at a stretch."""

SLICE_SECONDS = 0.0005
"""After this much work at a stretch the event loop has its turn."""


MAX_DATAGRAM_BYTES = 60_000

KNOWN_BYTES, KNOWN_PACKETS = 64, 256
"""Short packets that came before are not read again: a pad says the same thing every time."""

_known = lru_cache(maxsize=KNOWN_PACKETS)(codec.parse)


class OscServer(asyncio.DatagramProtocol):
    """Hears OSC over UDP and answers from the same socket.

    Packets wait in a queue per sender, served in turn in slices of half a millisecond. While they wait, a newer move of
    a fader takes the place of an older one; full queues drop the newest packet and answer ``busy``. Whatever a packet
    holds, the engine goes on.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiting: OrderedDict[HostPort, Waiting[bytes]] = OrderedDict()
        self._count = 0
        self._scheduled = False
        self._congested = False
        self._transport: asyncio.DatagramTransport | None = None
        self._socket: socket.socket | None = None
        self.text = TextWire(self)

    async def start(self, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> HostPort:
        """Listen; port 0 takes any. Return the address. Raises AddressTaken."""
        self._socket = _listen(host, port)
        host, port = self._socket.getsockname()[:2]
        self.address: HostPort = (host, port)
        self._loop = loop = asyncio.get_running_loop()
        self._bursts = sys.platform != "win32"  # there the loop has asked the socket for the next one already
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._socket)
        return self.address

    def close(self) -> None:
        """Stop listening and forget what waits."""
        if self._transport is None:
            return
        self._waiting.clear()
        self._transport.close()

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Send messages from the listening socket, in as few datagrams as they fit."""
        if to == self.address:
            return
        for datagram in codec.pack(messages):
            self.send_datagram(datagram, to)

    def send_datagram(self, datagram: bytes, to: HostPort) -> None:
        """Send bytes as they are; they are dropped and counted while the network takes none."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._congested:
            self._hub.counters.dropped_packets += 1
        else:
            self._transport.sendto(datagram, to)

    @property
    def connected(self) -> bool:
        """Whether a client has a connection: anybody can write anything as source of a datagram."""
        return False

    def congested(self, to: HostPort) -> bool:  # noqa: ARG002 - one socket for all
        """Tell whether the network takes nothing at the moment."""
        return self._congested

    def datagram_received(self, data: bytes, addr: HostPort) -> None:
        """Handle what the event loop read, at once if nothing waits, then queue what else has arrived by now."""
        source = addr[:2]
        if self._waiting or self._scheduled:
            self._queue(data, source)
        elif self._welcomes(source):
            self._handle(data, source, time.time())
        if self._bursts and self._socket is not None:
            self._read_on(self._socket)
            self._go_on()

    def pause_writing(self) -> None:
        """Drop and count answers while the network takes none: what waits is bounded."""
        self._congested = True

    def resume_writing(self) -> None:
        """Send again."""
        self._congested = False

    def error_received(self, exc: Exception) -> None:
        """Count a datagram that the network refused."""
        del exc
        self._hub.counters.dropped_packets += 1

    def _read_on(self, listening: socket.socket) -> None:
        """Empty the system's buffer, in which a flood would drown everybody."""
        for _ in range(BURST):
            try:
                data, addr = listening.recvfrom(65_536)
            except OSError:
                return  # nothing there, or an earlier answer came back refused
            self._queue(data, addr[:2])

    def _welcomes(self, source: HostPort) -> bool:
        """Tell whether a source is one to listen to; what it sent is counted as dropped otherwise."""
        welcome = source != self.address and _speakable(*source)
        self._hub.counters.dropped_packets += not welcome
        return welcome

    def _queue(self, packet: bytes, source: HostPort) -> None:
        if not self._welcomes(source):
            return
        waiting = self._waiting.get(source)
        if waiting is None:
            waiting = self._waiting[source] = Waiting(self._hub.moves, lambda: self._singly(source))
        before = len(waiting)
        if waiting.put(packet, time.time(), room=self._count < MAX_WAITING and before < MAX_WAITING_PER_SENDER):
            self._count += len(waiting) - before
        else:
            self._drop(source, waiting)

    def _singly(self, source: HostPort) -> bool:
        return self._hub.singly(self._hub.client(source, self))

    def _drop(self, source: HostPort, waiting: Waiting[bytes]) -> None:
        self._hub.counters.dropped_packets += 1
        if not waiting:
            del self._waiting[source]
        self._hub.client(source, self).refuse("", 0, Busy("too many packets wait; this one was dropped"))

    def _drain(self) -> None:
        """Handle packets, one of each sender in turn, as many as fit the slice."""
        self._scheduled = False
        until = time.perf_counter() + SLICE_SECONDS
        try:
            while self._waiting and time.perf_counter() < until:
                source, waiting = self._waiting.popitem(last=False)
                packet, arrived_at = waiting.take()
                self._count -= 1
                if waiting:
                    self._waiting[source] = waiting
                self._handle(packet, source, arrived_at)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """Have what waits handled in the event loop's next round."""
        if self._waiting and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def _handle(self, packet: bytes, source: HostPort, arrived_at: float) -> None:
        if b"\0" not in packet:
            self._read_lines(packet, source, arrived_at)
            return
        client = self._hub.client(source, self)
        client.heard_at = arrived_at
        try:
            bundles = _known(packet) if len(packet) <= KNOWN_BYTES else codec.parse(packet)
        except BadPacket as error:
            self._hub.counters.bad_packets += 1
            client.refuse("", 0, error)
            return
        for bundle in bundles:
            self._hub.receive(bundle, client)

    def _read_lines(self, packet: bytes, source: HostPort, arrived_at: float) -> None:
        """Read text: every OSC packet has a NUL in it."""
        client = self._hub.client(source, self.text)
        client.heard_at = arrived_at
        for text in packet[:MAX_LINE_BYTES].decode("utf-8", "replace").splitlines() or [""]:
            handle(self._hub, client, text)


class TextWire:
    """The same socket, for senders who write lines of text: they are answered so."""

    def __init__(self, server: OscServer) -> None:
        self._server = server

    @property
    def address(self) -> HostPort:
        """Return where it sends from."""
        return self._server.address

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Send messages as lines, one datagram each."""
        for message in messages:
            self._server.send_datagram(f"{line(message)}\n".encode("utf-8", "replace")[:MAX_DATAGRAM_BYTES], to)

    @property
    def connected(self) -> bool:
        """Whether a client has a connection."""
        return False

    def congested(self, to: HostPort) -> bool:
        """Tell whether the network takes nothing at the moment."""
        return self._server.congested(to)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressTaken(f"can't listen for OSC on {host}: {error}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        listening.setblocking(False)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(where)
    except OSError as error:
        listening.close()
        raise AddressTaken(f"can't listen for OSC on {host}:{port}: {error}; choose another with --osc-port") from error
    return listening


@lru_cache(maxsize=1024)
def _speakable(host: str, port: int) -> bool:
    """Tell whether a source is one that may be answered: neither everybody nor nobody."""
    address = ip_address(host.partition("%")[0])
    nobody = address.is_multicast or address.is_unspecified or host == "255.255.255.255"
    return port != 0 and not nobody
