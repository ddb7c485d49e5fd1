"""JACK's transport as a clock to follow, through JACK-Client."""

from __future__ import annotations

import time

from bridge.midi.chaser import Followed
from bridge.midi.port import PortError


class JackTransport:
    """Where JACK's transport rolls. Raises PortError without JACK-Client or a running server."""

    def __init__(self, server: str | None = None) -> None:
        try:
            import jack
        except (ImportError, OSError) as error:
            raise PortError("JACK's transport needs JACK-Client: pip install 'cuevox[sync]'") from error
        self._rolling = jack.ROLLING
        try:
            self._client = jack.Client("cuevox-sync", no_start_server=True, servername=server)
            self._client.activate()
        except jack.JackError as error:
            raise PortError(f"JACK's transport can't be followed: {error}") from error

    def followed(self, at: float) -> Followed:
        """Return where the transport is at a Unix time."""
        state, position = self._client.transport_query()
        age = at - time.time() + (self._client.transport_frame - position["frame"]) / position["frame_rate"]
        seconds = position["frame"] / position["frame_rate"] + age
        running = state == self._rolling
        return Followed(state="locked" if running else "stopped", seconds=seconds, running=running)

    def close(self) -> None:
        """Be no client of JACK's any more."""
        self._client.deactivate()
        self._client.close()
