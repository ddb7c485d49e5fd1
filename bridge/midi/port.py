"""MIDI ports: what Cuevox asks of whatever carries MIDI. Real and fake pass the same contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.errors import BridgeError

NAME = "Cuevox"
"""What other programs see us as."""

Heard = Callable[[float, bytes], None]
"""Takes the Unix time of arrival and whole or part messages, on the port's own thread: it only queues them.

The time is a ``Stamp`` where the driver counts frames.
"""


class Stamp(float):
    """A Unix time that knows its frame: the driver's, as a port hears it; once it is the wire's, the engine's."""

    frame: int

    def __new__(cls, unix_seconds: float, frame: int) -> Stamp:
        """Return a time with its frame."""
        stamp = super().__new__(cls, unix_seconds)
        stamp.frame = frame
        return stamp


class Exact(Stamp):
    """A time whose frame is the engine's own, and still to come: what was heard then happens at that frame."""


class PortError(BridgeError):
    """A MIDI port that is not there, or that the system does not give."""

    code = "no_such_port"


class MidiInput(Protocol):
    """An open input."""

    def close(self) -> None:
        """Hear nothing more."""
        ...


class MidiOutput(Protocol):
    """An open output. Any thread may send."""

    @property
    def lead_seconds(self) -> float:
        """So long before its time it wants a message, to send it at that time; 0: it sends at once."""
        ...

    def send(self, message: bytes, at: float | None = None) -> None:
        """Send one whole message, at a Unix time where it can wait. Raises PortError when the port is gone."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


class MidiSystem(Protocol):
    """One way to MIDI: the system's own, JACK's, a socket."""

    @property
    def is_ours(self) -> bool:
        """Whether all its ports are our own, to which others connect."""
        ...

    @property
    def lost(self) -> int:
        """How many events are known to be lost."""
        ...

    @property
    def missed(self) -> int:
        """How many cycles a driver ran without us: whether they held events nobody knows."""
        ...

    @property
    def epoch(self) -> int:
        """How often all ports went away at once, open ones too: those that are open from before are dead."""
        ...

    @property
    def late(self) -> int:
        """How many messages are known to have left more than 2 ms after their time."""
        ...

    @property
    def latest_seconds(self) -> float:
        """By how much the last of them did, at most."""
        ...

    def inputs(self) -> Sequence[str]:
        """Return the names of what can be heard now; never our own ports. May take milliseconds. Raises PortError."""
        ...

    def outputs(self) -> Sequence[str]:
        """Return the names of what can be sent to now, likewise."""
        ...

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear a port; virtual: be a port of that name, to which others connect. Raises PortError."""
        ...

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:
        """Open a port to send to, or be one. Raises PortError."""
        ...

    def close(self) -> None:
        """Give back what listing ports took."""
        ...
