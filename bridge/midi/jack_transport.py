"""JACK's transport as a clock to follow: what the process that is our JACK client tells of it."""

from __future__ import annotations

from typing import Literal

from bridge.midi.chaser import Followed
from bridge.midi.jack_ports import JackSystem

STOPPED, ROLLING = 0, 1
"""JACK's numbers; others mean that it is about to roll, and waits for slow clients."""

LATE_SECONDS, FREEWHEEL_SECONDS = 0.15, 0.5
"""A transport that rolls is told many times a second: what stays away so long freewheels, and after that stands."""


class JackTransport:
    """Where JACK's transport rolls. system: its own if ``owned``, else that of the MIDI ports."""

    def __init__(self, system: JackSystem, *, owned: bool) -> None:
        self._system, self._owned = system, owned
        system.watch()

    def followed(self, at: float) -> Followed:
        """Return where the transport is at a Unix time; it stands where no server is."""
        told = self._system.rolling
        if told is None:
            return Followed(state="stopped")
        silent = at - told.unix_seconds
        if told.state == STOPPED or (told.state == ROLLING and silent > FREEWHEEL_SECONDS):
            return Followed(state="stopped", seconds=told.seconds, stands=told.state == STOPPED)
        if told.state != ROLLING:
            return Followed(state="locking", seconds=told.seconds)
        state: Literal["freewheel", "locked"] = "freewheel" if silent > LATE_SECONDS else "locked"
        return Followed(state=state, seconds=told.seconds + silent, running=True)

    def close(self) -> None:
        """Follow it no more."""
        if self._owned:
            self._system.close()
