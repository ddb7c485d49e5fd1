"""Outlets: the MIDI outputs that cues send to, and the bytes of what they send."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from bridge.midi.port import MidiOutput, MidiSystem, PortError
from bridge.midi.show import ShowCommand, show_message
from bridge.midi.voiced import Voiced, encode
from engine.story.messages import Outgoing, SendController, SendNote, SendProgram, SendShow, ShowFormat

SHOW_FORMATS: dict[ShowFormat, int] = {
    "lighting": 0x01, "sound": 0x10, "machinery": 0x20, "video": 0x30, "projection": 0x40, "process": 0x50,
    "pyro": 0x60, "all": 0x7F,
}  # fmt: skip
"""MIDI Show Control's numbers of its general kinds of devices."""


class Outlets:
    """Finds outputs by a part of their names, and opens those that no device has. Event loop only."""

    def __init__(self) -> None:
        self._names: dict[str, MidiSystem] = {}
        self._opened: dict[str, MidiOutput] = {}
        self._devices: dict[str, MidiOutput] = {}
        self._own = Several()

    def close(self) -> None:
        """Give back what was opened here."""
        for output in self._opened.values():
            output.close()
        self._opened.clear()

    def there(self, systems: Iterable[tuple[MidiSystem, Sequence[str]]]) -> None:
        """Take note of which outputs there are now; what is gone is closed."""
        self._names = {name: system for system, names in systems for name in names}
        for name in set(self._opened) - set(self._names):
            self._opened.pop(name).close()

    def drop(self, system: MidiSystem) -> None:
        """Close what was opened of a system: its ports went away all at once."""
        for name in [name for name, of in self._names.items() if of is system]:
            del self._names[name]
            if (output := self._opened.pop(name, None)) is not None:
                output.close()

    def have(self, devices: Mapping[str, MidiOutput], own: Sequence[MidiOutput]) -> None:
        """Take note of the outputs that are open already, by name, and of those that are our own."""
        self._devices = dict(devices)
        self._own.outputs = tuple(own)

    def outlet(self, port: str | None) -> MidiOutput:
        """Return an output; None: all who listen to us."""
        if port is None:
            if not self._own.outputs:
                raise PortError("there is no MIDI port of our own here; a cue has to name one: port: part of its name")
            return self._own
        part = port.lower()
        for known_name, output in {**self._devices, **self._opened}.items():
            if part in known_name.lower():
                return output
        name = next((n for n in self._names if part in n.lower()), None)
        if name is None:
            known = ", ".join(dict.fromkeys((*self._devices, *self._names))) or "none"
            raise PortError(f"no MIDI output has {port!r} in its name; there is: {known}")
        self._opened[name] = self._names[name].open_output(name)
        return self._opened[name]

    def prepare(self, message: Outgoing) -> bytes:
        """Return the bytes of a MIDI message."""
        match message:
            case SendNote(note=note, velocity=velocity, channel=channel):
                return encode(Voiced("note", channel, note, velocity))
            case SendController(number=number, value=value, channel=channel):
                return encode(Voiced("control", channel, number, value))
            case SendProgram(program=program, channel=channel):
                return encode(Voiced("program", channel, program, program))
            case SendShow(verb=verb, cue=cue, cuelist=cuelist, device=device):
                return show_message(ShowCommand(verb, cue, cuelist, device, SHOW_FORMATS[message.format]))
        raise PortError("this is no MIDI message")


class Several:
    """Several outputs as one: whoever listens to us, hears it."""

    def __init__(self) -> None:
        self.outputs: tuple[MidiOutput, ...] = ()

    @property
    def lead_seconds(self) -> float:
        """The longest that one of them wants."""
        return max((output.lead_seconds for output in self.outputs), default=0.0)

    def send(self, message: bytes, at: float | None = None) -> None:
        """Send to all; one that is gone keeps none from hearing it."""
        for output in self.outputs:
            with contextlib.suppress(PortError):
                output.send(message, at)

    def close(self) -> None:
        """They are closed by whoever opened them."""
