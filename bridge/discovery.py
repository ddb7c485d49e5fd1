"""Being found, and finding: mDNS adverts of OSCQuery and OSC. The only home of zeroconf."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from types import TracebackType

import msgspec
from zeroconf import Error as MdnsError
from zeroconf import IPVersion, NonUniqueNameException, ServiceInfo, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from bridge.places import is_loopback

OSCQUERY, OSC_UDP, OSC_TCP = "_oscjson._tcp.local.", "_osc._udp.local.", "_osc._tcp.local."
FACTS = {"txtvers": "1", "version": "1.1", "types": "ifsbhdtTFN", "app": "cuevox"}

_log = logging.getLogger(__name__)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An engine on the network. http_port: 0: it serves none."""

    name: str
    host: str
    osc_port: int
    http_port: int = 0


class Adverts:
    """Tells the network, or only this machine when OSC is heard on it alone, where an engine is."""

    def __init__(self, host: str, *, osc_port: int, http_port: int, name: str = "") -> None:
        self._host = host
        self._name = name or f"Cuevox on {socket.gethostname().partition('.')[0]}"
        self._ports = {OSC_UDP: osc_port, OSC_TCP: osc_port} | ({OSCQUERY: http_port} if http_port > 0 else {})
        self._zeroconf: AsyncZeroconf | None = None

    async def __aenter__(self) -> Adverts:
        """Begin; a network that takes none is logged and no error."""
        alone = is_loopback(self._host)
        try:
            self._zeroconf = AsyncZeroconf(
                interfaces=[self._host] if alone else _addresses(self._host), ip_version=IPVersion.V4Only
            )
            await asyncio.gather(*(self._tell(k, p, self._host if alone else "") for k, p in self._ports.items()))
        except (OSError, MdnsError) as error:
            _log.info("going on without mDNS: %s", error)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say that the engine is gone."""
        if self._zeroconf is not None:
            with contextlib.suppress(OSError, MdnsError):
                await self._zeroconf.async_close()

    async def _tell(self, kind: str, port: int, host: str) -> None:
        assert self._zeroconf is not None
        addresses = [host] if host else _addresses(self._host)
        facts: Mapping[str, str] = FACTS | ({"framing": "slip"} if kind == OSC_TCP else {})
        for number in ("", *(f" {n}" for n in range(2, 20))):
            info = ServiceInfo(
                kind, f"{self._name}{number}.{kind}", port=port, properties=dict(facts),
                server=f"cuevox-{socket.gethostname().partition('.')[0]}.local.",
                addresses=[socket.inet_aton(address) for address in addresses],
            )  # fmt: skip
            with contextlib.suppress(NonUniqueNameException):
                await self._zeroconf.async_register_service(info)
                return


async def discover(seconds: float = 1.5, *, loopback: bool = True) -> list[Found]:
    """Return the engines that say they are there within ``seconds``, on the network and on this machine."""
    found: dict[str, Found] = {}
    async with contextlib.AsyncExitStack() as stack:
        for interfaces in [_addresses("")] + ([["127.0.0.1"]] if loopback else []):
            try:
                zeroconf = AsyncZeroconf(interfaces=interfaces, ip_version=IPVersion.V4Only)
            except OSError as error:
                _log.info("no mDNS on %s: %s", interfaces, error)
                continue
            stack.push_async_callback(zeroconf.async_close)
            names: set[tuple[str, str]] = set()
            browser = AsyncServiceBrowser(zeroconf.zeroconf, [OSC_UDP, OSCQUERY], handlers=[_noter(names)])
            stack.push_async_callback(browser.async_cancel)
            await asyncio.sleep(seconds)
            await _resolve(zeroconf, names, found)
    return sorted(found.values(), key=lambda engine: engine.name)


def _noter(names: set[tuple[str, str]]):  # type: ignore[no-untyped-def]
    def note(zeroconf: Zeroconf, service_type: str, name: str, state_change: object) -> None:
        del zeroconf, state_change
        names.add((service_type, name))

    return note


async def _resolve(zeroconf: AsyncZeroconf, names: set[tuple[str, str]], found: dict[str, Found]) -> None:
    for kind, full_name in sorted(names):
        info = AsyncServiceInfo(kind, full_name)
        if not await info.async_request(zeroconf.zeroconf, 1000):
            continue
        if info.decoded_properties.get("app") != "cuevox" or info.port is None or not info.parsed_addresses():
            continue
        name = full_name.removesuffix(f".{kind}")
        known = found.get(name) or Found(name=name, host=info.parsed_addresses()[0], osc_port=0)
        port = {"osc_port": info.port} if kind == OSC_UDP else {"http_port": info.port}
        found[name] = msgspec.structs.replace(known, **port)


def _addresses(host: str) -> list[str]:
    """Return the IPv4 addresses under which this machine can be reached from outside."""
    if host and host not in ("0.0.0.0", "::"):
        return [host]
    import ifaddr

    every = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    return [ip for ip in every if not is_loopback(ip)] or ["127.0.0.1"]
