"""Reading what a cue sends: ``send: [{note: 60, duration: 0.5}, {osc: /go, to: "127.0.0.1:8000", args: [1]}]``."""

from __future__ import annotations

import re
from typing import cast

from engine.story.fields import Fields, Notes
from engine.story.messages import (
    SHOW_FORMATS,
    SHOW_VERBS,
    OscValue,
    Outgoing,
    SendController,
    SendNote,
    SendOsc,
    SendProgram,
    SendShow,
    ShowFormat,
    ShowVerb,
)
from engine.story.nodes import Node, Scalar, Sequence, compose
from engine.story.positions import number_from
from engine.story.problems import Path, story_error

_EACH = ("after",)
_KEYS: dict[str, tuple[str, ...]] = {
    "note": ("note", "velocity", "channel", "duration", "port"),
    "cc": ("cc", "value", "channel", "port"),
    "program": ("program", "channel", "port"),
    "msc": ("msc", "cue", "list", "device", "format", "port"),
    "osc": ("osc", "to", "args"),
}
MESSAGE_KEYS = tuple(dict.fromkeys((*(key for keys in _KEYS.values() for key in keys), *_EACH)))
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")


def read_messages(cue: Fields, sample_rate: int, notes: Notes) -> tuple[Outgoing, ...]:
    """Return the messages of a cue's ``send``; each problem is noted."""
    read = [_message(node, path, sample_rate, notes) for node, path in cue.items("send")]
    if not read:
        cue.complain("send", f"a list of messages, each with one of {', '.join(_KEYS)}")
    return tuple(message for message in read if message is not None)


def read_message(text: str, sample_rate: int) -> Outgoing:
    """Return one message as it stands in a story file, with or without its braces. Raises StoryError."""
    notes, flow = Notes(), text.strip()
    node = compose(flow if flow.startswith("{") else f"{{{flow}}}", "message")
    message = _message(node, (), sample_rate, notes)
    if message is None or notes.problems:
        raise story_error("message", notes.problems)
    return message


def _message(node: Node, path: Path, rate: int, notes: Notes) -> Outgoing | None:
    every = Fields(node, path, notes, MESSAGE_KEYS)
    kinds = [kind for kind in _KEYS if kind in every]
    if len(kinds) != 1:
        notes.add(node, path, f"needs one of {', '.join(_KEYS)}, and only one")
        return None
    kind = kinds[0]
    for key in MESSAGE_KEYS:
        if key in every and key not in (*_KEYS[kind], *_EACH):
            every.complain(key, f"nothing: a message with {kind}: has {', '.join(_KEYS[kind])}, after")
    return _of_kind(kind, every, rate)


def _of_kind(kind: str, f: Fields, rate: int) -> Outgoing:
    after, port = f.frames("after", rate), f.word("port")
    channel = f.whole("channel", 1)
    match kind:
        case "note":
            duration = f.frames("duration", rate) if "duration" in f else None
            note, velocity = f.whole("note", 60), f.whole("velocity", 100)
            return SendNote(
                note=note, velocity=velocity, channel=channel, duration_frames=duration, port=port, after_frames=after
            )
        case "cc":
            number, value = f.whole("cc", 0), f.whole("value", 127)
            return SendController(number=number, value=value, channel=channel, port=port, after_frames=after)
        case "program":
            return SendProgram(program=f.whole("program", 0), channel=channel, port=port, after_frames=after)
        case "msc":
            return SendShow(
                verb=cast(ShowVerb, f.choice("msc", SHOW_VERBS, "go")),
                cue=f.text("cue"),
                cuelist=f.text("list"),
                device=f.whole("device", 127),
                format=cast(ShowFormat, f.choice("format", SHOW_FORMATS, "lighting")),
                port=port,
                after_frames=after,
            )
    return SendOsc(address=f.text("osc"), to=f.required("to", ""), args=_args(f), after_frames=after)


def _args(fields: Fields) -> tuple[OscValue, ...]:
    node = fields.child("args")
    if node is None:
        return ()
    nodes = node.items if isinstance(node, Sequence) else [node]
    values = [osc_value(n) if isinstance(n, Scalar) else None for n in nodes]
    if None in values:
        fields.complain("args", "a list of numbers, texts, true or false")
        return ()
    return tuple(value for value in values if value is not None)


def osc_value(node: Scalar) -> OscValue | None:
    """Return an OSC argument as it is written: 1 is whole, 1.0 is not, what is quoted is text. None: it is null."""
    if node.is_null:
        return None
    if node.style is None:
        if node.text.lower() in ("true", "false"):
            return node.text.lower() == "true"
        if _WHOLE.fullmatch(node.text):
            return int(node.text)
        number = number_from(node.text)
        if number is not None:
            return number
    return node.text
