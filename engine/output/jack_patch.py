"""What our ports are connected to in a JACK graph: looked at now and then, and made so again after a take-over."""

from __future__ import annotations

import ctypes
import errno
import logging
import threading
from collections.abc import Iterable, Mapping

from engine.errors import DeviceError
from engine.output.jack_guest import JackGuest

log = logging.getLogger(__name__)

Patch = Mapping[str, tuple[str, ...]]
"""By the short name of a port of ours (``voice_1``): the whole names of the ports that hear it."""

Pair = tuple[str, str]

_AUDIO = b"32 bit float mono audio"
_IS_OUTPUT = 2


class JackPatch(JackGuest):
    """The connections of a client's outputs. One thread, not the callback's: the server may take milliseconds.

    client: its name in the graph. wanted: how its ports are to be connected, and not otherwise; what is not there
    yet is connected once it is. None: they stay as they are. changed: set by whoever hears of connections that were
    made or cut, so that nothing is looked at in vain; None: nobody hears of them.
    """

    def __init__(self, client: str, wanted: Patch | None, changed: threading.Event | None = None) -> None:
        super().__init__(b"cuevox-patch")
        self._changed = changed
        self._look_again = True
        self._heard_in: int | None = None
        """The frame at which that cycle of the server's began in which it last told of a change."""
        self.server.jack_get_ports.restype = ctypes.POINTER(ctypes.c_char_p)
        self.server.jack_port_get_all_connections.restype = ctypes.POINTER(ctypes.c_char_p)
        self.server.jack_port_by_name.restype = ctypes.c_void_p
        self._ours = f"{client}:"
        self._owed: set[Pair] = set()
        self._told: Patch | None = None
        if wanted is not None:
            self._owed = set(_pairs(wanted))
            for port, heard_by in set(_pairs(self._connected() or {})) - self._owed:
                self.server.jack_disconnect(self.client, f"{self._ours}{port}".encode(), heard_by.encode())
            self._connect_owed()

    def news(self) -> Patch | None:
        """Connect what has come that was to be connected; return the connections if they are not those told before.

        Looked at again until a cycle has begun since a change: the server tells of it before it shows it, with its next
        one, however late that is.
        """
        heard = self._changed is None or self._changed.is_set()
        if self._owed:
            self._connect_owed()
        elif not heard and not self._look_again:
            return None
        if self._changed is not None:
            self._changed.clear()  # before the look: what comes meanwhile is seen at the next one
        cycle: int = self.server.jack_last_frame_time(self.client)
        if heard:
            self._heard_in = cycle
        there = self._connected()
        self._look_again = cycle == self._heard_in or there is None
        if there is None:
            return None
        patch = _patch([*_pairs(there), *self._owed])
        if patch == self._told:
            return None
        self._told = patch
        return patch

    def _connect_owed(self) -> None:
        for port, heard_by in sorted(self._owed, key=lambda pair: (not pair[0].startswith("master_"), pair)):
            ends = f"{self._ours}{port}".encode(), heard_by.encode()
            if not all(self.server.jack_port_by_name(self.client, end) for end in ends):
                continue
            if self.server.jack_connect(self.client, *ends) in (0, errno.EEXIST):  # else its client is just coming
                self._owed.discard((port, heard_by))

    def _connected(self) -> Patch | None:
        """Return what is connected now; None: we have no ports, or the server is gone."""
        names = self._names(self.server.jack_get_ports(self.client, None, _AUDIO, ctypes.c_ulong(_IS_OUTPUT)))
        ours = [name for name in names if name.startswith(self._ours)]
        return {name.removeprefix(self._ours): tuple(self._heard_by(name)) for name in ours} if ours else None

    def _heard_by(self, port: str) -> list[str]:
        handle = self.server.jack_port_by_name(self.client, port.encode())
        if not handle:
            return []
        return self._names(self.server.jack_port_get_all_connections(self.client, ctypes.c_void_p(handle)))

    def _names(self, listed: ctypes._Pointer[ctypes.c_char_p]) -> list[str]:
        """Return the names of a list that JACK has allocated, which ends with a null pointer, and free it."""
        if not listed:
            return []
        names: list[str] = []
        while (name := listed[len(names)]) is not None:
            names.append(name.decode("utf-8", "surrogateescape"))
        self.server.jack_free(listed)
        return names


def open_patch(client: str, wanted: Patch | None, changed: threading.Event | None = None) -> JackPatch | None:
    """Return the connections of ``client``; None, and a warning, where the server takes no further guest."""
    try:
        return JackPatch(client, wanted, changed)
    except DeviceError as error:
        log.warning("what is connected on JACK can't be looked at, nor made again after a take-over: %s", error)
        return None


def _pairs(patch: Patch) -> Iterable[Pair]:
    return ((port, each) for port, heard_by in patch.items() for each in heard_by)


def _patch(pairs: Iterable[Pair]) -> Patch:
    patch: dict[str, tuple[str, ...]] = {}
    for port, heard_by in sorted(set(pairs)):
        patch[port] = (*patch.get(port, ()), heard_by)
    return patch
