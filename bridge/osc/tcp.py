"""OSC over TCP: SLIP, length prefix or lines, told apart by how a connection begins."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import cast

from bridge.clients import Client
from bridge.errors import AddressTaken, BadPacket
from bridge.hub import Hub
from bridge.message import Message
from bridge.osc.framing import Framing, Lines, framing_of
from bridge.osc.inbox import Inbox
from bridge.places import HostPort

MAX_CONNECTIONS = 64
MAX_UNSENT_BYTES = 1 << 18
"""A client with so much on its way takes nothing: nothing more is read for it, or from it."""

PATIENCE_SECONDS = 30.0
"""A client that takes nothing for so long is gone."""

KEEPALIVE_SECONDS = 15
LINGER_SECONDS = 1.0
"""A client that says no more may hear for so long: answers of `nc -N` in a shell."""

_log = logging.getLogger(__name__)


class TcpServer:
    """Listens for connections on one address."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> HostPort:
        """Listen; return the address. Raises AddressTaken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), host, port)
        except OSError as error:
            raise AddressTaken(f"can't listen for OSC over TCP on {host}:{port}: {error}") from error
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address: HostPort = (host, port)
        return self.address

    def close(self) -> None:
        """End all connections and listen no more."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client. It answers on the connection, in the framing that it was spoken to."""

    def __init__(self, server: TcpServer) -> None:
        self._server = server
        self._framing: Framing | None = None
        self._start = b""
        self._full = self._clogged = False
        self._impatient: asyncio.TimerHandle | None = None
        self._client: Client | None = None

    @property
    def connected(self) -> bool:
        """Whether a client has a connection: this one."""
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a client in, if there is room."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no such class
        self.source: HostPort = transport.get_extra_info("peername")[:2]
        self.address: HostPort = transport.get_extra_info("sockname")[:2]
        if len(self._server.connections) >= MAX_CONNECTIONS:
            _log.warning("%s:%s was turned away: %d connections are open", *self.source, MAX_CONNECTIONS)
            self._transport.abort()
            return
        self._server.connections.add(self)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        _keep_alive(transport.get_extra_info("socket"))
        self._inbox = Inbox(self._server.hub, self._who, self._pause_for_inbox)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        if self not in self._server.connections:
            return
        self._server.connections.discard(self)
        self._inbox.clear()
        if self._impatient is not None:
            self._impatient.cancel()
        if self._client is not None:
            self._server.hub.leave(self._client)

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        if self._framing is None:
            self._start += data
            self._framing = framing_of(self._start)
            if self._framing is None:
                return
            data, self._start = self._start, b""
        try:
            self._inbox.put(self._framing.feed(data))
        except BadPacket as error:
            self._server.hub.counters.bad_packets += 1
            self._who().refuse("", 0, error)
            self._transport.close()

    def eof_received(self) -> bool:
        """Handle a last line without its end; what is still to be answered is."""
        if self._framing is None and self._start:
            self._framing = Lines()
            self._inbox.put(self._framing.feed(self._start + b"\n"))
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)
        return True

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Send messages."""
        del to
        if self._framing is not None and not self._transport.is_closing():
            self._transport.write(self._framing.wrap(messages))

    def congested(self, to: HostPort) -> bool:  # noqa: ARG002 - one peer
        """Tell whether the client reads too slowly."""
        return self._clogged

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not read, and lose patience with it in the end."""
        self._clogged = True
        self._impatient = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.abort)
        self._throttle()

    def resume_writing(self) -> None:
        """Go on."""
        self._clogged = False
        if self._impatient is not None:
            self._impatient.cancel()
        self._throttle()

    def _pause_for_inbox(self, full: bool) -> None:
        self._full = full
        self._throttle()

    def _throttle(self) -> None:
        if self._transport.is_closing():
            return
        if self._full or self._clogged:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _who(self) -> Client:
        self._client = self._server.hub.client(self.source, self)
        return self._client


def _keep_alive(wire: socket.socket) -> None:
    """Notice a peer that is gone without a word, and send small messages at once."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_SECONDS // 3)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
