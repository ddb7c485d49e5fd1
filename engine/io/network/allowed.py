"""Whose packets are heard: this machine's, unless others are named."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from engine.errors import BadRange

ANYBODY = "any"


class Allowed:
    """senders: nothing for this machine alone, ``any``, an address, or a network as 192.168.1.0/24. Raises BadRange."""

    def __init__(self, senders: str) -> None:
        self._network: IPv4Network | IPv6Network
        if senders in ("", ANYBODY):
            self._network = ip_network("0.0.0.0/0" if senders else "127.0.0.0/8")
        else:
            try:
                self._network = ip_network(senders, strict=False)
            except ValueError as error:
                raise BadRange(
                    f"senders {senders!r}: an address, a network as 192.168.1.0/24, {ANYBODY}, or nothing for this"
                    " machine alone"
                ) from error
        self.on_ipv6 = self._network.version == 6
        self.beyond = not self._network.is_loopback
        """Whether other machines are among them."""

    def has(self, address: str) -> bool:
        """Return whether ``address`` may send."""
        try:
            return ip_address(address.partition("%")[0]) in self._network
        except ValueError:
            return False
