"""Messages that a cue sends to other programs and devices: MIDI, MIDI Show Control, OSC. Pure values."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

ShowVerb = Literal["go", "stop", "resume", "load", "all off", "restore", "reset", "go off"]
SHOW_VERBS: tuple[ShowVerb, ...] = get_args(ShowVerb)
ShowFormat = Literal["lighting", "sound", "machinery", "video", "projection", "process", "pyro", "all"]
SHOW_FORMATS: tuple[ShowFormat, ...] = get_args(ShowFormat)
_PLACE = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
OscValue = bool | int | float | str


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all messages share. after_frames: so long after the cue's own time it is sent."""

    after_frames: int = 0


class MidiBase(Base, frozen=True, kw_only=True):
    """What all MIDI messages share. port: part of an output's name; None: Cuevox's own port."""

    port: str | None = None


class SendNote(MidiBase, frozen=True, kw_only=True):
    """A note. velocity 0 lets it go. duration_frames: it is let go so long after; None: not by this message."""

    note: int
    velocity: int = 100
    channel: int = 1
    duration_frames: int | None = None


class SendController(MidiBase, frozen=True, kw_only=True):
    """A control change."""

    number: int
    value: int = 127
    channel: int = 1


class SendProgram(MidiBase, frozen=True, kw_only=True):
    """A program change; program: 0 to 127, as on the wire."""

    program: int
    channel: int = 1


class SendShow(MidiBase, frozen=True, kw_only=True):
    """A command of MIDI Show Control. device: 127 is everybody."""

    verb: ShowVerb
    cue: str = ""
    cuelist: str = ""
    device: int = 127
    format: ShowFormat = "lighting"


class SendOsc(Base, frozen=True, kw_only=True):
    """An OSC message over UDP. to: ``host:port``. args: true and false are T and F, 1 is i, 1.0 is f, the rest s."""

    address: str
    to: str
    args: tuple[OscValue, ...] = ()


Outgoing = SendNote | SendController | SendProgram | SendShow | SendOsc


class Due(NamedTuple):
    """A message and its time after the cue's, in frames."""

    frame: int
    message: Outgoing


def score(messages: tuple[Outgoing, ...]) -> tuple[Due, ...]:
    """Return what is sent when, in order: a note with a duration becomes two messages. What ends comes first."""
    found: list[Due] = []
    for message in messages:
        found.append(Due(message.after_frames, message))
        if isinstance(message, SendNote) and message.duration_frames is not None and message.velocity > 0:
            off = replace(message, velocity=0, duration_frames=None)
            found.append(Due(message.after_frames + message.duration_frames, off))
    return tuple(sorted(found, key=lambda due: (due.frame, not is_release(due.message))))


def is_release(message: Outgoing) -> bool:
    """Return whether a message lets a note go."""
    return isinstance(message, SendNote) and message.velocity == 0


def released(sent: tuple[Due, ...]) -> tuple[SendNote, ...]:
    """Return what lets go of the notes that ``sent`` leaves sounding."""
    held: dict[tuple[str | None, int, int], SendNote] = {}
    for _, message in sent:
        if isinstance(message, SendNote):
            held.pop((message.port, message.channel, message.note), None)
            if message.velocity:
                held[message.port, message.channel, message.note] = message
    return tuple(replace(note, velocity=0, duration_frames=None) for note in held.values())


def describe(message: Outgoing) -> str:
    """Return a message in the words of the story file."""
    match message:
        case SendNote(note=note, velocity=velocity, channel=channel):
            return f"note {note} velocity {velocity} ch {channel}" if velocity else f"note {note} off ch {channel}"
        case SendController(number=number, value=value, channel=channel):
            return f"cc {number} = {value} ch {channel}"
        case SendProgram(program=program, channel=channel):
            return f"program {program} ch {channel}"
        case SendShow(verb=verb, cue=cue):
            return f"msc {verb} {cue}".strip()
        case SendOsc(address=address, to=to):
            return f"osc {address} to {to}"


def split_place(to: str) -> tuple[str, int] | None:
    """Return host and port of ``host:port``; None: it is none."""
    found = _PLACE.fullmatch(to)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        return None
    return found["host"].strip("[]"), int(found["port"])
