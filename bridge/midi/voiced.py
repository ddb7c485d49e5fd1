"""Channel messages: what was played or turned, and the bytes of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["note", "control", "program", "bend", "touch", "pressure"]
"""touch: the pressure of one key; pressure: of all keys of a channel."""

BEND_CENTRE = 8192
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Voiced(NamedTuple):
    """One channel message. channel: 1 to 16. number: note, controller or program; 0 where there is none.

    value: 0 to 127, of a bend 0 to 16383. A note's value is its velocity, 0 when it is let go.
    """

    kind: Kind
    channel: int
    number: int
    value: int


def decode(message: bytes) -> Voiced | None:
    """Return what a whole message plays; None for System messages. A note-on without velocity is a note-off."""
    status, channel = message[0] & 0xF0, (message[0] & 0x0F) + 1
    match status:
        case 0x90:
            return Voiced("note", channel, message[1], message[2])
        case 0x80:
            return Voiced("note", channel, message[1], 0)
        case 0xB0:
            return Voiced("control", channel, message[1], message[2])
        case 0xC0:
            return Voiced("program", channel, message[1], message[1])
        case 0xE0:
            return Voiced("bend", channel, 0, message[1] | message[2] << 7)
        case 0xA0:
            return Voiced("touch", channel, message[1], message[2])
        case 0xD0:
            return Voiced("pressure", channel, 0, message[1])
    return None


def encode(voiced: Voiced) -> bytes:
    """Return the bytes of a channel message; a note without velocity is a note-on of 0, which every device reads."""
    kind, channel, number, value = voiced
    low = channel - 1
    match kind:
        case "note":
            return bytes((0x90 | low, number, value))
        case "control":
            return bytes((0xB0 | low, number, value))
        case "program":
            return bytes((0xC0 | low, number))
        case "bend":
            return bytes((0xE0 | low, value & 0x7F, value >> 7))
        case "touch":
            return bytes((0xA0 | low, number, value))
        case "pressure":
            return bytes((0xD0 | low, value))


_SYSTEM = {
    0xF1: "MTC quarter frame",
    0xF2: "song position",
    0xF3: "song select",
    0xF6: "tune request",
    0xF8: "clock",
    0xFA: "start",
    0xFB: "continue",
    0xFC: "stop",
    0xFE: "active sensing",
    0xFF: "reset",
}


def describe(message: bytes) -> str:
    """Return a message as a person reads it: ``note C3 (48) velocity 100 ch 1``; middle C is C4."""
    voiced = decode(message)
    if voiced is None:
        return _SYSTEM.get(message[0], "") or f"sysex {message.hex(' ')}"
    kind, channel, number, value = voiced
    match kind:
        case "note":
            what = f"{NAMES[number % 12]}{number // 12 - 1} ({number})"
            return f"note {what} velocity {value} ch {channel}" if value else f"note {what} off ch {channel}"
        case "control":
            return f"cc {number} = {value} ch {channel}"
        case "program":
            return f"program {number} ch {channel}"
        case "bend":
            return f"bend {value - BEND_CENTRE:+d} ch {channel}"
        case "touch":
            return f"touch of note {number} = {value} ch {channel}"
        case "pressure":
            return f"pressure {value} ch {channel}"
