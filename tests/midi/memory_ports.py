"""A MIDI system in memory: devices are plugged in and pulled out by hand, and remember what they were sent."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bridge.midi.port import Heard, PortError


class MemorySystem:
    """Devices by name, each with an input and an output."""

    is_ours = False
    lost = missed = late = epoch = 0
    away = False
    latest_seconds = 0.0

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.sent: dict[str, list[bytes]] = {}
        self._hearers: dict[str, list[Heard]] = {}

    def inputs(self) -> Sequence[str]:
        if self.away:
            raise PortError("the server is gone")
        return tuple(self.names)

    def outputs(self) -> Sequence[str]:
        return tuple(self.names)

    def open_input(self, name: str, heard: Heard, *, virtual: bool = False) -> _Input:
        if not virtual and name not in self.names:
            raise PortError(f"no MIDI port named {name!r}; there is: {', '.join(self.names) or 'none'}")
        self._hearers.setdefault(name, []).append(heard)
        return _Input(self._hearers[name], heard)

    def open_output(self, name: str, *, virtual: bool = False) -> _Output:
        if not virtual and name not in self.names:
            raise PortError(f"no MIDI port named {name!r}; there is: {', '.join(self.names) or 'none'}")
        return _Output(self, name)

    def play(self, name: str, message: bytes, at: float | None = None) -> None:
        """Have a device send something."""
        for heard in tuple(self._hearers.get(name, ())):
            heard(time.time() if at is None else at, message)

    def plug(self, name: str) -> None:
        self.names.append(name)

    def pull(self, name: str) -> None:
        self.names.remove(name)
        self._hearers.pop(name, None)

    def lose(self, *, away: bool = False) -> None:
        """Have every port be dead, as when a server ends; away: it does not come back at once."""
        self._hearers.clear()
        self.epoch, self.away = self.epoch + 1, away

    def close(self) -> None:
        self._hearers.clear()


class _Input:
    def __init__(self, hearers: list[Heard], heard: Heard) -> None:
        self._hearers, self._heard = hearers, heard

    def close(self) -> None:
        if self._heard in self._hearers:
            self._hearers.remove(self._heard)


class _Output:
    def __init__(self, system: MemorySystem, name: str) -> None:
        self._system, self._name = system, name
        self._open = True
        self.lead_seconds = 0.0

    def send(self, message: bytes, at: float | None = None) -> None:
        if not self._open or (self._name not in self._system.names and not self._name.startswith("Cuevox")):
            raise PortError(f"the MIDI port {self._name!r} is gone")
        self._system.sent.setdefault(self._name, []).append(message)

    def close(self) -> None:
        self._open = False
