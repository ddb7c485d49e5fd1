"""The WebSocket: binary frames are OSC packets both ways, text frames OSCQuery's commands, or lines of text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from starlette.websockets import WebSocket

from bridge.clients import Client
from bridge.errors import BadPacket
from bridge.hub import Hub
from bridge.message import Message
from bridge.osc import codec
from bridge.osc.inbox import Inbox
from bridge.places import HostPort

MAX_SOCKETS = 64
MAX_WAITING = 256
"""Packets on their way to one client: with so many it takes nothing."""

MAX_UNSENT = 4096
"""With so many its connection is ended: it does not read its answers."""

LEASE_SECONDS = 86_400.0


class Order(msgspec.Struct):
    """A text frame of OSCQuery."""

    COMMAND: str
    DATA: str = ""


class Sockets:
    """All WebSockets of one engine."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.open: set[SocketWire] = set()

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one client until it leaves."""
        if len(self.open) >= MAX_SOCKETS:
            await socket.close(1013, "too many connections")
            return
        await socket.accept()
        wire = SocketWire(self.hub, socket)
        self.open.add(wire)
        try:
            await wire.serve()
        finally:
            self.open.discard(wire)
            self.hub.leave(wire.client)

    def paths(
        self,
        added: Sequence[str],
        removed: Sequence[str],
        renamed: Sequence[tuple[str, str]] = (),
        changed: Sequence[str] = (),
    ) -> None:
        """Tell everybody which addresses came and went, which nodes are called otherwise, and which are other ones."""
        for wire in self.open:
            for old, new in renamed:
                data = {"OLD": old, "NEW": new}
                wire.tell(msgspec.json.encode({"COMMAND": "PATH_RENAMED", "DATA": data}).decode())
            for command, addresses in (("PATH_ADDED", added), ("PATH_REMOVED", removed), ("PATH_CHANGED", changed)):
                for address in addresses:
                    wire.tell(msgspec.json.encode({"COMMAND": command, "DATA": address}).decode())


class SocketWire:
    """One WebSocket."""

    def __init__(self, hub: Hub, socket: WebSocket) -> None:
        self._hub, self._socket = hub, socket
        peer = socket.client
        self.source: HostPort = (peer.host, peer.port) if peer else ("", 0)
        self.address: HostPort = ("websocket", 0)
        self._unsent: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._overrun = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._inbox = Inbox(hub, self._who, self._pause)
        self.client = self._who()
        self.client.right = socket.state.right

    @property
    def connected(self) -> bool:
        """Whether a client has a connection: this one."""
        return True

    async def serve(self) -> None:
        """Take in and send until the client leaves."""
        tasks = [asyncio.ensure_future(work) for work in (self._send_all(), self._hear_all(), self._overrun.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._inbox.clear()

    def send(self, to: HostPort, messages: Sequence[Message]) -> None:
        """Send messages in as few frames as they fit."""
        del to
        for packet in codec.pack(messages):
            self.tell(packet)

    def congested(self, to: HostPort) -> bool:  # noqa: ARG002 - one peer
        """Tell whether the client reads too slowly."""
        return self._unsent.qsize() >= MAX_WAITING

    def tell(self, frame: bytes | str) -> None:
        """Send a frame; one too many ends the connection."""
        if self._unsent.qsize() < MAX_UNSENT:
            self._unsent.put_nowait(frame)
        else:
            self._overrun.set()

    async def _send_all(self) -> None:
        while True:
            frame = await self._unsent.get()
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_text(frame)

    async def _hear_all(self) -> None:
        while True:
            await self._room.wait()
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                return
            packet, text = event.get("bytes"), event.get("text")
            if packet is not None:
                self._inbox.put([packet])
            elif text is not None:
                self._read(text)

    def _read(self, text: str) -> None:
        if not text.lstrip().startswith("{"):
            self._inbox.put([text])
            return
        try:
            order = msgspec.json.decode(text, type=Order)
        except msgspec.DecodeError as error:
            self.client.refuse("", 0, BadPacket(f"a text frame that is no command: {error}"))
            return
        if order.COMMAND == "LISTEN":
            self._inbox.put([codec.encode(Message("/subscribe", (order.DATA[:256], 0, LEASE_SECONDS)))])
        elif order.COMMAND == "IGNORE":
            self._inbox.put([codec.encode(Message("/unsubscribe", (order.DATA[:256],)))])
        else:
            self.client.refuse("", 0, BadPacket(f"{order.COMMAND[:40]!r} is no command; there is: LISTEN, IGNORE"))

    def _pause(self, full: bool) -> None:
        if full:
            self._room.clear()
        else:
            self._room.set()

    def _who(self) -> Client:
        return self._hub.client(self.source, self)
