"""All that hears OSC: UDP and TCP, IPv4 and IPv6, on one port number."""

from __future__ import annotations

import errno
import logging

from bridge.clients import Transport
from bridge.errors import AddressTaken
from bridge.hub import Hub
from bridge.osc.server import DEFAULT_HOST, DEFAULT_PORT, OscServer
from bridge.osc.tcp import TcpServer
from bridge.places import HostPort

TRIES = 20
"""How many free UDP ports are tried until one is free for TCP and IPv6 too."""

COMPANIONS = {"127.0.0.1": "::1", "0.0.0.0": "::"}
"""What is heard as well: the same in IPv6."""

_log = logging.getLogger(__name__)


class OscPorts:
    """The listening sockets of one engine."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._udp: list[OscServer] = []
        self._tcp: list[TcpServer] = []

    async def start(self, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> HostPort:
        """Listen; port 0 takes any that is free for all. Return the address. Raises AddressTaken."""
        for left in reversed(range(1 if port else TRIES)):
            try:
                address = await self._open(host, port)
            except AddressTaken:
                if port:
                    raise
                continue
            if host in COMPANIONS:
                try:
                    await self._open(COMPANIONS[host], address[1])
                except AddressTaken as error:
                    if left and _is_in_use(error):
                        self._udp.pop().close()
                        self._tcp.pop().close()
                        continue
                    _log.info("going on without IPv6: %s", error)
            return address
        raise AddressTaken(f"no port of {host} is free for UDP and TCP")

    @property
    def wires(self) -> tuple[Transport, ...]:
        """Return the UDP sockets: their clients have no connection that ends with a process."""
        return tuple(self._udp)

    def close(self) -> None:
        """Listen no more."""
        for udp in self._udp:
            udp.close()
        for tcp in self._tcp:
            tcp.close()

    async def _open(self, host: str, port: int) -> HostPort:
        udp, tcp = OscServer(self._hub), TcpServer(self._hub)
        address = await udp.start(host, port)
        try:
            await tcp.start(host, address[1])
        except AddressTaken:
            udp.close()
            raise
        self._udp.append(udp)
        self._tcp.append(tcp)
        return address


def _is_in_use(error: AddressTaken) -> bool:
    """Tell whether somebody else has the port; else there is no IPv6 here at all."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
