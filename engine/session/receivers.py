"""Sound from the network: which streams are heard on which strips, and how that goes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from engine.commands import StartReceiving, StopReceiving
from engine.errors import BadRange, Busy, SettingsError, UnknownThing
from engine.events import Event, ReceivingChanged
from engine.io.messages import Received, ReceiverGoing
from engine.io.network import reastream, vban
from engine.io.network.allowed import Allowed
from engine.realtime.notes import Notes
from engine.realtime.records import Kind
from engine.realtime.sound_ring import MOST_INLETS
from engine.session.context import Context
from engine.session.lasting import Lasting
from engine.session.orders import Records, order, together
from engine.session.streams import PORTS
from engine.units import frames_to_seconds

NOTE = "receivers"


def parse_receivers(text: str) -> tuple[StartReceiving, ...]:
    """Return the receivers of ``NAME KIND STRIP[:PORT] [SENDERS], …``, names in quotes if need be.

    Raises SettingsError; whether there is such a strip is seen when it starts.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            name, kind, where, *rest = shlex.split(part)
            (senders,) = rest or [""]
            strip, _, port = where.partition(":")
            found.append(StartReceiving(name=name, kind=kind, strip=strip, port=int(port or 0), senders=senders))
        except ValueError as error:
            raise SettingsError(f"receive: {part!r} is not NAME KIND STRIP[:PORT] [SENDERS]") from error
    return tuple(found)


class Ears(Protocol):
    """Receives streams. Nothing blocks; the session's ``receivers`` hears how they go."""

    def receive(self, receivers: Sequence[Received]) -> None:
        """Receive these, and no others."""
        ...


class NoEars:
    """For sessions that are heard by themselves."""

    def receive(self, receivers: Sequence[Received]) -> None:
        """Do nothing."""


class Reception(msgspec.Struct, frozen=True, kw_only=True):
    """A stream from the network: on which strip it is heard, and how it goes."""

    strip: str
    received: Received
    going: ReceiverGoing


class NetworkReceivers:
    """The receivers of a session, by name. ``block_frames``: of the engine, as far as it is known."""

    def __init__(self, context: Context, ears: Ears, notes: Notes) -> None:
        self.block_frames = 256
        self._context = context
        self._all: Lasting[Reception] = Lasting(notes, NOTE, lambda all: ears.receive([each.received for each in all]))
        context.on_taken.append(self._open_again)

    def all(self) -> tuple[Reception, ...]:
        """Return every one."""
        return tuple(self._all.values())

    def start(self, command: StartReceiving) -> tuple[Event, ...]:
        """Hear a stream on a strip. Raises BadRange, Busy, UnknownThing."""
        self._context.strip(command.strip)
        if command.name in self._all:
            raise Busy(f"stream {command.name!r} is being received already; /receive/stop ends it")
        if len(self._all) == MOST_INLETS:
            raise Busy(f"{MOST_INLETS} streams are being received, which is the most")
        received = self._checked(command)
        reception = Reception(
            strip=command.strip, received=received, going=ReceiverGoing(name=command.name, state="waiting")
        )
        self._context.push(self._order(reception, on=True))
        self._all.put(command.name, reception)
        return (ReceivingChanged(name=command.name, strip=command.strip, state="waiting"),)

    def stop(self, command: StopReceiving) -> tuple[Event, ...]:
        """Hear it no more. Raises UnknownThing."""
        reception = self._all.take("receiver", command.name)
        self._context.push(self._order(reception, on=False))
        return (ReceivingChanged(name=command.name, strip=reception.strip, state="stopped"),)

    def heard(self, going: Sequence[ReceiverGoing]) -> tuple[Event, ...]:
        """Hear how they go; return what has changed about them."""
        events: list[Event] = []
        for each in going:
            before = self._all.get(each.name)
            if before is None:
                continue
            self._all.see(each.name, replace(before, going=each))
            lost = max(0, each.lost - before.going.lost)
            if lost or (each.state, each.text) != (before.going.state, before.going.text):
                events.append(
                    ReceivingChanged(
                        name=each.name,
                        strip=before.strip,
                        state=each.state,
                        lost_seconds=frames_to_seconds(lost, self._context.story.sample_rate),
                        text=each.text,
                    )
                )
        return tuple(events)

    @property
    def recalls(self) -> bool:
        """Whether a session that is gone has received anything."""
        return self._all.recalls

    def recall(self) -> None:
        """Go on with what a session that is gone was hearing."""
        self._all.recall()

    def _checked(self, command: StartReceiving) -> Received:
        """Return what is to be received. Raises BadRange."""
        name, port = command.name, command.port or PORTS.get(command.kind, 0)
        if command.kind not in PORTS:
            raise BadRange(f"receiver {name!r}: kind {command.kind!r}; there is: {', '.join(sorted(PORTS))}")
        if not 1 <= port <= 65535:
            raise BadRange(f"receiver {name!r}: port {port}; allowed: 1 to 65535")
        Allowed(command.senders)
        if command.kind == "vban":
            vban.check_name(name)
        else:
            reastream.check_identifier(name)
        taken = {reception.received.lane for reception in self._all.values()}
        return Received(
            name=name,
            kind=command.kind,  # type: ignore[arg-type]
            lane=next(lane for lane in range(MOST_INLETS) if lane not in taken),
            port=port,
            senders=command.senders,
            block_frames=self.block_frames,
        )

    def _order(self, reception: Reception, *, on: bool) -> Records:
        try:
            place = self._context.strip(reception.strip)
        except UnknownThing:  # it was removed, and is heard again once it is back
            place, on = 0, False
        return order(Kind.SET_INLET, None, index=reception.received.lane, strip=place, value=float(on))

    def _open_again(self) -> None:
        """Have a graph hear on the strips that it has: one may have come back."""
        if self._all:
            self._context.push(together(*(self._order(reception, on=True) for reception in self._all.values())))
