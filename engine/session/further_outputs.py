"""Further outputs: strips that are played on devices of their own, and how that goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from engine.commands import StartOutput, StopOutput
from engine.errors import BadRange, Busy, SettingsError
from engine.events import Event, FurtherOutputChanged
from engine.io.messages import OutletGoing, Played
from engine.io.outlet_messages import OutletState
from engine.realtime.notes import Notes
from engine.session.context import Context
from engine.session.feed_lanes import FeedLanes
from engine.session.lasting import Lasting
from engine.units import frames_to_seconds

NOTE = "outputs"
MOST_OUTPUTS = 8
MOST_NAME = 200

_PART = re.compile(r'\s*([^\s=,]+)\s*=\s*(?:"([^"]*)"|([^,"]*))\s*(?:,|$)')


def parse_outputs(text: str) -> tuple[StartOutput, ...]:
    """Return the outputs of ``BUS=DEVICE, …``; a device with a comma in its name stands in quotes.

    Raises SettingsError; whether there is such a bus, and such a device, is seen when it starts.
    """
    found, place = [], 0
    while place < len(text.rstrip()):
        part = _PART.match(text, place)
        if part is None:
            raise SettingsError(f"outputs: {text[place:].strip()!r} is not BUS=DEVICE, commas between")
        bus, quoted, plain = part.groups()
        found.append(StartOutput(bus=bus, device=(plain.strip() if quoted is None else quoted)))
        place = part.end()
    return tuple(found)


class Devices(Protocol):
    """Plays strips on devices. Nothing blocks; the session's ``outputs`` hears how they go."""

    def play(self, outputs: Sequence[Played]) -> None:
        """Play these, and no others."""
        ...


class NoDevices:
    """For sessions that are heard by themselves."""

    def play(self, outputs: Sequence[Played]) -> None:
        """Do nothing."""


class FurtherOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A strip on a further device, and how that goes."""

    played: Played
    going: OutletState = OutletState(state="waiting")

    @property
    def state(self) -> Literal["playing", "waiting"]:
        """Tell whether it is heard."""
        return "playing" if self.going.state == "playing" else "waiting"


class FurtherOutputs:
    """The further outputs of a session, by strip. ``block_frames``: of the engine, as far as it is known."""

    def __init__(self, context: Context, devices: Devices, notes: Notes, lanes: FeedLanes) -> None:
        self.block_frames = 256
        self._context, self._lanes = context, lanes
        self._outputs: Lasting[FurtherOutput] = Lasting(
            notes, NOTE, lambda all: devices.play([output.played for output in all])
        )
        lanes.users.append(lambda: {bus: output.played.lane for bus, output in self._outputs.items()})

    def all(self) -> tuple[FurtherOutput, ...]:
        """Return every one."""
        return tuple(self._outputs.values())

    def start(self, command: StartOutput) -> tuple[Event, ...]:
        """Play a strip on a further device. Raises BadRange, Busy, UnknownThing."""
        self._context.strip(command.bus)
        if command.bus in self._outputs:
            raise Busy(f"{command.bus!r} is played on a further device already; /output/stop ends it")
        if len(self._outputs) == MOST_OUTPUTS:
            raise Busy(f"{MOST_OUTPUTS} strips are played on further devices, which is the most")
        if len(command.device) > MOST_NAME or not command.device.isprintable():
            raise BadRange(
                f"output of {command.bus!r}: device {command.device!r}; a number or a part of a name is wanted"
            )
        played = Played(
            strip=command.bus,
            device=command.device,
            lane=self._lanes.lane(command.bus),
            block_frames=self.block_frames,
        )
        self._lanes.feed(command.bus, played.lane)
        self._outputs.put(command.bus, FurtherOutput(played=played))
        return (FurtherOutputChanged(bus=command.bus, device=command.device, state="waiting"),)

    def stop(self, command: StopOutput) -> tuple[Event, ...]:
        """Play it there no more. Raises UnknownThing."""
        output = self._outputs.take("output", command.bus)
        self._lanes.release(command.bus, output.played.lane)
        return (FurtherOutputChanged(bus=command.bus, device=output.played.device, state="stopped"),)

    def heard(self, going: Sequence[OutletGoing]) -> tuple[Event, ...]:
        """Hear how they go; return what has changed about them."""
        events: list[Event] = []
        for each in going:
            before = self._outputs.get(each.strip)
            if before is None:
                continue
            after = replace(before, going=each.state)
            self._outputs.see(each.strip, after)
            lost = max(0, after.going.lost_frames - before.going.lost_frames)
            if lost or (after.state, after.going.text) != (before.state, before.going.text):
                events.append(
                    FurtherOutputChanged(
                        bus=each.strip,
                        device=after.going.device or after.played.device,
                        state=after.state,
                        lost_seconds=frames_to_seconds(lost, self._context.story.sample_rate),
                        text=after.going.text,
                    )
                )
        return tuple(events)

    @property
    def recalls(self) -> bool:
        """Whether a session that is gone has played anything."""
        return self._outputs.recalls

    def recall(self) -> None:
        """Go on with what a session that is gone was playing."""
        self._outputs.recall()
