"""MIDI Show Control: a lighting desk's GO and its fellows as SysEx."""

from __future__ import annotations

from typing import Literal, NamedTuple

EVERYBODY, SOUND, EVERYTHING = 0x7F, 0x10, 0x7F
Verb = Literal[
    "go", "stop", "resume", "timed go", "load", "set", "fire", "all off", "restore", "reset", "go off"
]  # fmt: skip
_VERBS: dict[int, Verb] = {
    0x01: "go", 0x02: "stop", 0x03: "resume", 0x04: "timed go", 0x05: "load", 0x06: "set", 0x07: "fire",
    0x08: "all off", 0x09: "restore", 0x0A: "reset", 0x0B: "go off",
}  # fmt: skip
_CODES = {verb: code for code, verb in _VERBS.items()}
_TIME_BYTES = 5


class ShowCommand(NamedTuple):
    """One command. cue, cue_list: as the desk numbers them, empty: none was named. format: 16 is sound, 127 all."""

    verb: Verb
    cue: str = ""
    cue_list: str = ""
    device: int = EVERYBODY
    format: int = SOUND


def parse_show(message: bytes) -> ShowCommand | None:
    """Return the MSC command in a SysEx message; None: it is none, or one that we don't know."""
    if len(message) < 7 or message[:2] != b"\xf0\x7f" or message[3] != 0x02:
        return None
    verb = _VERBS.get(message[5])
    if verb is None:
        return None
    data = message[6:-1]
    if verb == "timed go":
        data = data[_TIME_BYTES:]
    elif verb in ("set", "fire"):
        data = b""
    cue, _, rest = data.partition(b"\0")
    return ShowCommand(verb, _number(cue), _number(rest.partition(b"\0")[0]), message[2], message[4])


def show_message(command: ShowCommand) -> bytes:
    """Return the bytes of a command that names a cue, a list, or neither."""
    parts = [part.encode("ascii", "replace") for part in (command.cue, command.cue_list) if part]
    time = bytes(_TIME_BYTES) if command.verb == "timed go" else b""
    head = bytes((0xF0, 0x7F, command.device, 0x02, command.format, _CODES[command.verb]))
    return head + time + b"\0".join(parts) + b"\xf7"


def _number(text: bytes) -> str:
    return text.decode("ascii", "replace").strip()
