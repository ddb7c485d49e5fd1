"""OSC that cues send to others: UDP, to hosts by number or name, at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from bridge.message import Message
from bridge.osc import codec
from engine.story.messages import SendOsc, split_place

Address = tuple[int, Any]
Ready = Callable[[Callable[[], None]], None]
"""Takes what sends the message, which raises OSError, as soon as it is known where to."""


class OscOut:
    """Sends messages of cues. Event loop only, but for what it hands to ``ready``, which any thread may call.

    The name of a host is looked up beside the event loop, once.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._known: dict[str, Address] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._looking: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """Have nothing sent that waits for its host to be known."""
        for task in self._looking:
            task.cancel()

    def close(self) -> None:
        """Give the sockets back."""
        self.forget()
        for each in self._sockets.values():
            each.close()

    def prepare(self, message: SendOsc, ready: Ready, failed: Callable[[str], None]) -> None:
        """Have a message ready to be sent; failed: takes why its host is not known."""
        packet = codec.encode(Message(message.address, message.args))
        known = self._known.get(message.to)
        if known is not None:
            ready(lambda: self._send(packet, known))
            return
        task = self._loop.create_task(self._look_up(message.to, packet, ready, failed))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look_up(self, to: str, packet: bytes, ready: Ready, failed: Callable[[str], None]) -> None:
        place = split_place(to)
        if place is None:
            failed(f"{to!r} is no host:port")
            return
        try:
            found = await self._loop.getaddrinfo(*place, type=socket.SOCK_DGRAM)
        except OSError as error:
            failed(f"there is no host {place[0]!r}: {error}")
            return
        family, _, _, _, address = found[0]
        self._known[to] = known = (family, address)
        ready(lambda: self._send(packet, known))

    def _send(self, packet: bytes, to: Address) -> None:
        family, address = to
        if family not in self._sockets:
            self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
            self._sockets[family].setblocking(False)
            with contextlib.suppress(OSError):
                self._sockets[family].setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._sockets[family].sendto(packet, address)
