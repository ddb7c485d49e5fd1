"""Network streams: which strips are sent elsewhere, by what protocol, and how that goes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from engine.commands import StartStream, StopStream
from engine.errors import BadRange, Busy, SettingsError
from engine.events import Event, StreamChanged
from engine.io.messages import Going, Sent
from engine.io.network import reastream, vban
from engine.io.network.packets import packer_for
from engine.realtime.notes import Notes
from engine.session.context import Context
from engine.session.feed_lanes import FeedLanes
from engine.session.lasting import Lasting

NOTE = "streams"
MOST_STREAMS = 16
PORTS = {"vban": vban.PORT, "reastream": reastream.PORT}
FORMATS = ("int16", "int24", "float32")


def parse_streams(text: str) -> tuple[StartStream, ...]:
    """Return the streams of ``NAME KIND STRIP HOST[:PORT] [FORMAT], …``, names in quotes if need be.

    Raises SettingsError; whether there is such a strip is seen when it starts.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            name, kind, strip, where, *rest = shlex.split(part)
            (format,) = rest or ["int16"]
            host, port = where.split(":") if where.count(":") == 1 else (where, "0")
            found.append(StartStream(name=name, kind=kind, strip=strip, host=host, port=int(port), format=format))
        except ValueError as error:
            raise SettingsError(f"streams: {part!r} is not NAME KIND STRIP HOST[:PORT] [FORMAT]") from error
    return tuple(found)


class Network(Protocol):
    """Sends streams. Nothing blocks; the session's ``streams`` hears how they go."""

    def send(self, streams: Sequence[Sent]) -> None:
        """Send these, and no others."""
        ...


class NoNetwork:
    """For sessions that are heard by themselves."""

    def send(self, streams: Sequence[Sent]) -> None:
        """Do nothing."""


class NetworkStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream: what of which strip goes where, and how that goes. text: what is wrong, or nothing."""

    strip: str
    sent: Sent
    packets: int = 0
    lost_frames: int = 0
    text: str = ""

    @property
    def state(self) -> Literal["sending", "failing"]:
        """Tell whether it arrives, as far as anybody here can know."""
        return "failing" if self.text else "sending"


class NetworkStreams:
    """The streams of a session, by name."""

    def __init__(self, context: Context, network: Network, notes: Notes, lanes: FeedLanes) -> None:
        self._context, self._lanes = context, lanes
        self._streams: Lasting[NetworkStream] = Lasting(
            notes, NOTE, lambda all: network.send([stream.sent for stream in all])
        )
        lanes.users.append(lambda: {stream.strip: stream.sent.lane for stream in self._streams.values()})

    def all(self) -> tuple[NetworkStream, ...]:
        """Return every stream."""
        return tuple(self._streams.values())

    def start(self, command: StartStream) -> tuple[Event, ...]:
        """Send a strip's sound. Raises BadRange, Busy, UnknownThing."""
        self._context.strip(command.strip)
        if command.name in self._streams:
            raise Busy(f"stream {command.name!r} is being sent already; /stream/stop ends it")
        if len(self._streams) == MOST_STREAMS:
            raise Busy(f"{MOST_STREAMS} streams are being sent, which is the most")
        stream = NetworkStream(strip=command.strip, sent=self._checked(command))
        self._lanes.feed(command.strip, stream.sent.lane)
        self._streams.put(command.name, stream)
        return (StreamChanged(name=command.name, state=stream.state),)

    def stop(self, command: StopStream) -> tuple[Event, ...]:
        """Send it no more. Raises UnknownThing."""
        stream = self._streams.take("stream", command.name)
        self._lanes.release(stream.strip, stream.sent.lane)
        return (StreamChanged(name=command.name, state="stopped"),)

    def heard(self, going: Sequence[Going]) -> tuple[Event, ...]:
        """Hear how streams go; return what has changed about them."""
        events: list[Event] = []
        for each in going:
            before = self._streams.get(each.name)
            if before is None:
                continue
            after = replace(before, packets=each.packets, lost_frames=each.lost, text=each.text)
            self._streams.see(each.name, after)
            if after.text != before.text:
                events.append(StreamChanged(name=each.name, state=after.state, text=after.text))
        return tuple(events)

    @property
    def recalls(self) -> bool:
        """Whether a session that is gone has sent anything."""
        return self._streams.recalls

    def recall(self) -> None:
        """Go on with what a session that is gone was sending."""
        self._streams.recall()

    def _checked(self, command: StartStream) -> Sent:
        """Return what is to be sent. Raises BadRange."""
        if command.kind not in PORTS:
            raise BadRange(f"stream {command.name!r}: kind {command.kind!r}; there is: {', '.join(sorted(PORTS))}")
        if command.format not in FORMATS:
            raise BadRange(f"stream {command.name!r}: format {command.format!r}; there is: {', '.join(FORMATS)}")
        if not command.host or len(command.host) > 253:
            raise BadRange(f"stream {command.name!r}: host {command.host!r}; a name or an address is wanted")
        port = command.port or PORTS[command.kind]
        if not 1 <= port <= 65535:
            raise BadRange(f"stream {command.name!r}: port {port}; allowed: 1 to 65535")
        sent = Sent(
            name=command.name,
            kind=command.kind,  # type: ignore[arg-type]
            lane=self._lanes.lane(command.strip),
            host=command.host,
            port=port,
            format=command.format,  # type: ignore[arg-type]
        )
        packer_for(sent, self._context.story.sample_rate)
        return sent
