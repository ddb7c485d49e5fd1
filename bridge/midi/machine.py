"""MIDI Machine Control: play, stop and locate as SysEx, and what may be asked of a recorder."""

from __future__ import annotations

from typing import Literal, NamedTuple

from bridge.midi.timecode import Timecode

EVERYBODY = 0x7F
Verb = Literal[
    "stop", "play", "deferred play", "fast forward", "rewind", "record", "record exit", "record pause", "pause",
    "eject", "chase", "reset", "locate",
]  # fmt: skip
_VERBS: dict[int, Verb] = {
    0x01: "stop", 0x02: "play", 0x03: "deferred play", 0x04: "fast forward", 0x05: "rewind", 0x06: "record",
    0x07: "record exit", 0x08: "record pause", 0x09: "pause", 0x0A: "eject", 0x0B: "chase", 0x0D: "reset",
}  # fmt: skip
_CODES = {verb: code for code, verb in _VERBS.items()}
_LOCATE, _TARGET = 0x44, 0x01


class MachineCommand(NamedTuple):
    """One command. device: 127 is everybody. target: where a locate goes."""

    verb: Verb
    device: int = EVERYBODY
    target: Timecode | None = None


def parse_machine(message: bytes) -> MachineCommand | None:
    """Return the MMC command in a SysEx message; None: it is none, or one that we don't know."""
    if len(message) < 6 or message[:2] != b"\xf0\x7f" or message[3] != 0x06:
        return None
    device, code, data = message[2], message[4], message[5:-1]
    if code != _LOCATE:
        verb = _VERBS.get(code)
        return MachineCommand(verb, device) if verb else None
    if len(data) < 6 or data[1] != _TARGET:
        return None
    hours, minutes, seconds, frames = data[2:6]
    target = Timecode(hours & 0x1F, minutes & 0x3F, seconds & 0x3F, frames & 0x1F, hours >> 5 & 3)
    return MachineCommand("locate", device, target) if target.valid else None


def machine_message(command: MachineCommand) -> bytes:
    """Return the bytes of a command; a locate needs its target."""
    head = bytes((0xF0, 0x7F, command.device, 0x06))
    if command.verb != "locate":
        return head + bytes((_CODES[command.verb], 0xF7))
    at = command.target or Timecode(0, 0, 0, 0)
    where = bytes((at.rate << 5 | at.hours, at.minutes, at.seconds, at.frames, 0))
    return head + bytes((_LOCATE, 6, _TARGET)) + where + b"\xf7"
