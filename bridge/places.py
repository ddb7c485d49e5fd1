"""Places on a network: which are this machine, and how a sender writes where it wants to be answered."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from bridge.errors import BadValue

HostPort = tuple[str, int]

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def reached_at(host: str) -> str:
    """Return where a program on this machine reaches what hears on ``host``, which may stand for every address."""
    return _EVERYWHERE.get(host, host)


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Tell whether a numeric address is this machine's own loopback, also as IPv6 writes IPv4's."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_local(host: str) -> bool:
    """Tell whether a source is on this machine: its loopback, or a wire that is no network at all."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return is_loopback(host)


def destination(url: str) -> HostPort:
    """Return host and port of ``osc.udp://host:port/``. Raises BadValue."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        ip_address(host or "")
    except ValueError:
        host, port = None, None
    if host is None or not port or parts.scheme != "osc.udp":
        raise BadValue(f"expected osc.udp://host:port/ with a numeric address, got {url[:80]!r}")
    return host, port
