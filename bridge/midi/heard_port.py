"""What ports that can only be heard have in common: one port, and whoever hears it."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.midi.port import Heard, MidiInput, MidiOutput, PortError


class HeardPort:
    """A system of one port named ``name``, of which nothing is missed. what: how an error names who plays there."""

    is_ours = True
    lost = missed = late = epoch = 0
    latest_seconds = 0.0

    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what
        self._hearers: tuple[Heard, ...] = ()

    def inputs(self) -> Sequence[str]:
        """Return the one port's name."""
        return (self._name,)

    def outputs(self) -> Sequence[str]:
        """Return nothing: it is only heard."""
        return ()

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> MidiInput:
        """Hear what is played there."""
        if virtual or name != self._name:
            raise PortError(f"no MIDI port named {name!r} here; there is: {self._name}")
        self._hearers = (*self._hearers, heard)
        return _Input(self, heard)

    def open_output(self, name: str, *, virtual: bool = False) -> MidiOutput:  # noqa: ARG002 - the protocol's
        """Refuse."""
        raise PortError(f"no MIDI port named {name!r} can be sent to: {self._what} is only heard")

    def ignore(self, heard: Heard) -> None:
        """Tell ``heard`` no more."""
        self._hearers = tuple(other for other in self._hearers if other is not heard)


class _Input:
    def __init__(self, port: HeardPort, heard: Heard) -> None:
        self._port, self._heard = port, heard

    def close(self) -> None:
        self._port.ignore(self._heard)
