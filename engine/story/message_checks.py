"""Checks of what a cue sends: every value in its range, every address one that can be sent to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.params import ParamSpec
from engine.story.messages import Outgoing, SendController, SendNote, SendOsc, SendProgram, SendShow, split_place
from engine.story.problems import Path, Problem
from engine.story.rules import check_range, check_text, problem
from engine.units import frames_to_seconds

SEVEN_BITS = ParamSpec(low=0, high=127, default=0)
CHANNEL = ParamSpec(low=1, high=16, default=1)
WAIT = ParamSpec(low=0.0, high=3600.0, default=0.0, unit="s")
DURATION = ParamSpec(low=0.001, high=3600.0, default=0.5, unit="s")
_SHOW_NUMBER = re.compile(r"[0-9.]{0,16}")
_ADDRESS = re.compile(r"(/[^ #*,/?\[\]{}]+)+")
_WIDEST = 1 << 63
_LARGEST = 3.4028234e38


def check_messages(messages: tuple[Outgoing, ...], path: Path, sample_rate: int) -> Iterator[Problem]:
    """Report everything that is wrong with the messages of a cue; path: of its ``send``."""
    if not messages:
        yield problem(path, "there is nothing to send")
    for i, message in enumerate(messages):
        where = (*path, i)
        after = frames_to_seconds(message.after_frames, max(1, sample_rate))
        yield from check_range(where, "after", after, WAIT)
        if isinstance(message, SendOsc):
            yield from _osc(message, where)
        else:
            yield from _midi(message, where, sample_rate)


def _midi(message: SendNote | SendController | SendProgram | SendShow, path: Path, rate: int) -> Iterator[Problem]:
    if message.port is not None:
        yield from check_text(path, "port", message.port)
        if not message.port.strip():
            yield problem((*path, "port"), "needs a part of a port's name; without port: it is Cuevox's own port")
    match message:
        case SendNote(note=note, velocity=velocity, channel=channel, duration_frames=duration):
            yield from check_range(path, "note", note, SEVEN_BITS)
            yield from check_range(path, "velocity", velocity, SEVEN_BITS)
            yield from check_range(path, "channel", channel, CHANNEL)
            if duration is not None:
                yield from check_range(path, "duration", frames_to_seconds(duration, max(1, rate)), DURATION)
                if velocity == 0:
                    yield problem((*path, "duration"), "a note that is let go (velocity 0) lasts no longer")
        case SendController(number=number, value=value, channel=channel):
            yield from check_range(path, "cc", number, SEVEN_BITS)
            yield from check_range(path, "value", value, SEVEN_BITS)
            yield from check_range(path, "channel", channel, CHANNEL)
        case SendProgram(program=program, channel=channel):
            yield from check_range(path, "program", program, SEVEN_BITS)
            yield from check_range(path, "channel", channel, CHANNEL)
        case SendShow(cue=cue, cuelist=cuelist, device=device):
            yield from check_range(path, "device", device, SEVEN_BITS)
            for key, number_ in (("cue", cue), ("list", cuelist)):
                if not _SHOW_NUMBER.fullmatch(number_):
                    yield problem((*path, key), f"{number_!r} is no number of a desk: digits and dots, as in 12.5")
            if cuelist and not cue:
                yield problem((*path, "list"), "a list is only named beside a cue")


def _osc(message: SendOsc, path: Path) -> Iterator[Problem]:
    if not _ADDRESS.fullmatch(message.address) or not message.address.isascii():
        yield problem((*path, "osc"), f"{message.address!r} is no address: it begins with / and has no spaces in it")
    if split_place(message.to) is None:
        yield problem((*path, "to"), f"{message.to!r} is no place to send to: host:port, as in 127.0.0.1:8000")
    for i, value in enumerate(message.args):
        if isinstance(value, str):
            yield from check_text((*path, "args"), str(i), value)
            if "\0" in value:
                yield problem((*path, "args", i), "a text in OSC can't hold a zero byte")
        elif isinstance(value, float) and not abs(value) <= _LARGEST:
            yield problem((*path, "args", i), "a number that is not whole has 32 bits in OSC: up to 3.4e38")
        elif isinstance(value, int) and not -_WIDEST <= value < _WIDEST:
            yield problem((*path, "args", i), "a whole number has 64 bits in OSC")
