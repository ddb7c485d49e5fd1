"""Surfaces: what a device's pads, keys and controls do. Read from presets, added to by MIDI learn."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from bridge.midi.encoders import Encoding
from bridge.midi.lights import Family
from bridge.midi.pickup import Takeover
from bridge.midi.source import Source
from bridge.midi.velocity import Curve

Shape = Literal["linear", "fine-low", "fine-high"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
Feedback = Literal["none", "same", "light"]
FEEDBACKS: tuple[Feedback, ...] = get_args(Feedback)
Programs = Literal["none", "cue", "bank"]
PROGRAMS: tuple[Programs, ...] = get_args(Programs)
Keying = Literal["pitch", "words", "start"]
KEYINGS: tuple[Keying, ...] = get_args(Keying)

GO_DEBOUNCE_MS = 100
"""A second GO within this time is a finger that trembled."""


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control and the address that it moves or fires.

    to: an address; ``#2`` in the place of an id is the second strip, cue or voice of the story. shape: fine-low gives
    the lower end of the travel more room. low, high: the part of the parameter's travel that is used, 0 to 1.
    encoder: it is endless and sends steps, each ``step`` of the travel. toggle: a press turns a switch over.
    feedback: same: what it sends is sent back (motor faders, rings); light: on or off as a note or controller of 127.
    debounce_ms: presses that come sooner after the last one are passed over.
    """

    on: Source
    to: str
    shape: Shape = "linear"
    invert: bool = False
    low: float = 0.0
    high: float = 1.0
    takeover: Takeover = "pickup"
    encoder: Encoding | None = None
    step: float = 1.0 / 100.0
    toggle: bool = False
    feedback: Feedback = "none"
    debounce_ms: int = 0


class Pads(msgspec.Struct, frozen=True, kw_only=True):
    """Pads that are slots, in the order of ``notes``: the first is the bank's slot number ``first``.

    bank: None: the one that the device has chosen. channel: 0 is any. floor: the velocity of the lightest touch, 0 to
    1. pressure: an address that aftertouch moves. light_channel: what lights are sent on, where the family leaves that
    open.
    """

    notes: tuple[int, ...]
    channel: int = 0
    first: int = 0
    bank: str | None = None
    curve: Curve = "linear"
    floor: float = 0.0
    pressure: str | None = None
    lights: Family = "off"
    light_channel: int = 1


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that play one slot: as a melody around ``root``, a word on each key, or from a word on.

    low, high: the notes. first_word: the number of the word that stands on ``low``, from 1.
    """

    bank: str
    index: int
    low: int = 0
    high: int = 127
    channel: int = 0
    root: int = 60
    plays: Keying = "pitch"
    first_word: int = 1
    curve: Curve = "linear"
    floor: float = 0.0


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """A device: how its ports are called, and what each of its parts does.

    ports: parts of port names, compared without case; not_ports: parts that rule a port out. hello, goodbye: what it is
    sent when it is found and when we leave it. mackie: it is a Mackie Control, and the rest says what it does besides.
    """

    id: str
    name: str = ""
    about: str = ""
    tried: str = ""
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    hello: tuple[bytes, ...] = ()
    goodbye: tuple[bytes, ...] = ()
    pads: tuple[Pads, ...] = ()
    keys: tuple[Keys, ...] = ()
    controls: tuple[Control, ...] = ()
    programs: Programs = "none"
    sustain: bool = True
    panic: bool = True
    mackie: bool = False

    def fits(self, port: str) -> bool:
        """Return whether a port is one of this device."""
        name = port.lower()
        return any(p.lower() in name for p in self.ports) and not any(p.lower() in name for p in self.not_ports)


def extended(base: Surface, own: Surface) -> Surface:
    """Return ``base`` with what a preset of one's own adds; a control that both know is the own one's."""
    mine = {control.on for control in own.controls}
    return msgspec.structs.replace(
        base,
        id=own.id,
        name=own.name or base.name,
        about=own.about or base.about,
        ports=own.ports or base.ports,
        not_ports=own.not_ports or base.not_ports,
        pads=own.pads or base.pads,
        keys=own.keys or base.keys,
        controls=(*own.controls, *(c for c in base.controls if c.on not in mine)),
        programs=own.programs if own.programs != "none" else base.programs,
    )
