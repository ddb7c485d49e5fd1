"""Route, Arg and Push: what a row of the address table says. The rows themselves stand in ``routes.py``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bridge.message import Value
from bridge.port import EnginePort
from engine.commands import Command
from engine.events import Event
from engine.params import ParamSpec

Path = Mapping[str, Any]
"""What an address says in the places of a row's ``{placeholders}``: ids as text, counts as int."""

SpecOf = Callable[[EnginePort, Path], ParamSpec]
Builder = Callable[..., Command]
Reader = Callable[[EnginePort, Path], tuple[object, ...]]

PLACEHOLDER = re.compile(r"\{(\w+)\}")
COUNTED = frozenset({"index", "insert"})
"""Placeholders that are whole numbers."""

Access = Literal["read", "write", "both", "trigger", "ask"]


class Arg(msgspec.Struct, frozen=True, kw_only=True):
    """One argument. name: the command's field. type: the OSC type that is sent, and to which numbers are coerced.

    spec: range and unit, or how to find it. norm: travels as 0..1 through the spec's taper. truth: a switch, any
    number > 0 is on, sent as 0 or 1. seconds: travels in seconds, the field counts frames; signed: may be less than
    0. named: an id, which senders that know numbers only may give as a whole number. listed: several texts, as an
    array (here a line each) or as one.
    place: where on the timeline, which a number says in seconds.
    encoded: base64, which may also come as a blob. when: it says when the command is done: a time tag, or a beat
    of the timeline; only the first one may.
    """

    name: str
    type: Literal["i", "f", "s", "t", "h", "b"]
    spec: ParamSpec | SpecOf | None = None
    norm: bool = False
    truth: bool = False
    seconds: bool = False
    signed: bool = False
    optional: bool = False
    named: bool = False
    place: bool = False
    listed: bool = False
    encoded: bool = False
    when: bool = False
    help: str = ""

    @property
    def shown(self) -> str:
        """Return its name as senders read it."""
        if self.norm:
            return self.name.removesuffix("_db") + "_norm"
        return self.name.removesuffix("s").replace("_frame", "_seconds") if self.seconds else self.name


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row: an address, what it takes, what it does, what it tells.

    A *value* has ``read`` or ``command`` or both: with its arguments it sets, without it answers on its own address.
    A *trigger* fires without a further argument, with true and with a number > 0; false and 0 are the release.
    An *ask* has a ``handler``: the name of a method of ``Desk``; it answers on ``answer`` (None: the same address).
    A *wrapper* carries another address and its arguments behind its own.

    command, release: the class or function that takes path and arguments by name. press: where a trigger's number
    goes. changed: events that tell a new value. stream: the value moves by itself and is looked at regularly.
    steady: of a stream: as long as this is the same, the value is.
    job: the command's work goes on after the answer. implied: fields that the address leaves out. repeated: the
    arguments come over and over.
    """

    address: str
    help: str
    args: tuple[Arg, ...] = ()
    command: Builder | None = None
    read: Reader | None = None
    trigger: bool = False
    press: Arg | None = None
    release: Builder | None = None
    handler: str | None = None
    answer: str | None = None
    answers: str = ""
    wrapper: Literal["request", "delay", "beat", "position", "version"] | None = None
    changed: tuple[type[Event], ...] = ()
    stream: bool = False
    steady: Callable[[EnginePort], object] | None = None
    job: bool = False
    implied: Callable[[EnginePort], Path] | None = None
    repeated: bool = False

    @property
    def access(self) -> Access:
        """Return what one can do with it."""
        if self.trigger:
            return "trigger"
        if self.handler or self.wrapper:
            return "ask"
        if self.read and self.command:
            return "both"
        return "read" if self.read else "write"

    @property
    def settled(self) -> bool:
        """Tell whether the same message always makes the same command: no state of the engine has a say in it."""
        ranges = [arg.spec for arg in (*self.args, *((self.press,) if self.press else ()))]
        return not (self.job or self.wrapper or self.implied or any(callable(spec) for spec in ranges))

    @property
    def continuous(self) -> bool:
        """Tell whether it is a fader or a knob: of two values that come one after the other only the newer counts.

        Those of a named list are left out: the first list's cues have two addresses.
        """
        if self.command is None or self.read is None or len(self.args) != 1 or "cuelist" in self.placeholders:
            return False
        return self.args[0].type == "f" and self.args[0].spec is not None

    @property
    def timed(self) -> bool:
        """Tell whether its first argument says when its command is done."""
        return bool(self.args) and self.args[0].when

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Return the names between braces in the address."""
        return tuple(PLACEHOLDER.findall(self.address))

    @property
    def types(self) -> str:
        """Return the OSC types of the arguments."""
        return "".join(a.type for a in self.args)

    def fill(self, path: Path) -> str:
        """Return the address with its placeholders filled."""
        return PLACEHOLDER.sub(lambda found: str(path[found[1]]), self.address)


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """What one event sends by itself. topic: what a subscription's pattern is held against (None: the address).

    values: the arguments, from the event.
    """

    address: str
    event: type[Event]
    types: str
    names: tuple[str, ...]
    values: Callable[[EnginePort, Any], tuple[Value, ...]]
    help: str
    topic: str | None = None

    def topics(self, event: Event) -> tuple[str, ...]:
        """Return what a subscription may name to hear this."""
        if self.topic is None:
            return (self.address,)
        return self.address, PLACEHOLDER.sub(lambda found: str(getattr(event, found[1])), self.topic)
