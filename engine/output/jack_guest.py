"""A JACK client without ports, never activated: it takes no part in the graph, but may ask the server."""

from __future__ import annotations

import ctypes
import sys

from engine.errors import DeviceError

_NO_START_SERVER = 1
_LIBRARY = {"darwin": "libjack.0.dylib", "win32": "libjack64.dll"}.get(sys.platform, "libjack.so.0")


class JackGuest:
    """A guest of the default JACK server (``JACK_DEFAULT_SERVER``). Raises DeviceError without one.

    ``server`` and ``jack`` are the C library: the first gives the GIL away, since the server may wait for our own
    callback; the second keeps it, for calls that only read shared memory.
    """

    def __init__(self, name: bytes) -> None:
        try:
            self.server = ctypes.CDLL(_LIBRARY)
            self.jack = ctypes.PyDLL(_LIBRARY)
        except OSError as error:
            raise DeviceError(f"no JACK library: {error}") from error
        self.server.jack_client_open.restype = ctypes.c_void_p
        client = self.server.jack_client_open(name, _NO_START_SERVER, None)
        if not client:
            raise DeviceError("no JACK server is running")
        self.client = ctypes.c_void_p(client)

    def close(self) -> None:
        """Leave the server. Nobody may use this any more."""
        self.server.jack_client_close(self.client)
