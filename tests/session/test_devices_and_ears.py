"""Further outputs and receivers of a session: what is accepted, who is fed, what is told and what is gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.commands import Command, StartOutput, StartReceiving, StartStream, StopOutput, StopReceiving, StopStream
from engine.errors import BadRange, Busy, EngineError, SettingsError, UnknownThing
from engine.events import FurtherOutputChanged, ReceivingChanged
from engine.io.messages import OutletGoing, Played, Received, ReceiverGoing
from engine.io.outlet_messages import OutletState
from engine.realtime.notes import Notes
from engine.realtime.records import Kind
from engine.session.further_outputs import MOST_OUTPUTS, parse_outputs
from engine.session.receivers import parse_receivers
from engine.session.session import Session
from tests.session.studio import HandLoader, RecordingStage, Studio


class Io:
    def __init__(self) -> None:
        self.played: list[tuple[Played, ...]] = []
        self.received: list[tuple[Received, ...]] = []

    def play(self, outputs: Sequence[Played]) -> None:
        self.played.append(tuple(outputs))

    def receive(self, receivers: Sequence[Received]) -> None:
        self.received.append(tuple(receivers))


class Desk:
    """A session that notes what the io process is asked and the mixer is ordered."""

    def __init__(self) -> None:
        self.stage, self.io, self.notes = RecordingStage(), Io(), Notes()
        self.session = self.new()
        self.told: list[Any] = []
        self.session.listen(self.told.extend)

    def new(self) -> Session:
        story = Studio().session.story
        return Session(story, self.stage, HandLoader(), notes=self.notes, devices=self.io, ears=self.io)

    def orders(self, kind: Kind) -> list[tuple[int, int, bool]]:
        return [(o["index"], o["strip"], bool(o["value"])) for o in self.stage.take(kind)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_strip_on_a_further_device_shares_its_lane_with_streams(desk: Desk) -> None:
    place = desk.session.context.strip("master")
    desk.session.apply(StartOutput(bus="master", device="USB"))
    desk.session.apply(StartStream(name="Mix", kind="vban", strip="master", host="10.0.0.5"))
    assert desk.orders(Kind.SET_FEED) == [(0, place, True), (0, place, True)]
    assert desk.io.played[-1] == (Played(strip="master", device="USB", lane=0),)
    desk.session.apply(StopOutput(bus="master"))
    assert desk.orders(Kind.SET_FEED) == [] and desk.io.played[-1] == ()
    desk.session.apply(StopStream(name="Mix"))
    assert desk.orders(Kind.SET_FEED) == [(0, place, False)]


def test_how_a_further_device_goes_and_what_was_lost_is_told_once(desk: Desk) -> None:
    desk.session.apply(StartOutput(bus="master", device="USB"))
    desk.told.clear()
    missing = OutletState(state="missing", text="no output device fits 'USB'")
    playing = OutletState(state="playing", device="USB Audio", sample_rate=44100, lost_frames=480)
    for state in (missing, missing, playing, playing):
        desk.session.tell(desk.session.outputs.heard((OutletGoing(strip="master", state=state),)))
    assert desk.told == [
        FurtherOutputChanged(bus="master", device="USB", state="waiting", text="no output device fits 'USB'"),
        FurtherOutputChanged(bus="master", device="USB Audio", state="playing", lost_seconds=0.01),
    ]


def test_a_stream_is_heard_on_a_strip_through_an_inlet_of_its_own(desk: Desk) -> None:
    place = desk.session.context.strip("master")
    desk.session.apply(StartReceiving(name="Talk", kind="vban", strip="master", senders="10.0.0.0/8"))
    desk.session.apply(StartReceiving(name="daw", kind="reastream", strip="master", port=9999))
    assert desk.orders(Kind.SET_INLET) == [(0, place, True), (1, place, True)]
    assert [(r.name, r.port, r.lane, r.senders) for r in desk.io.received[-1]] == [
        ("Talk", 6980, 0, "10.0.0.0/8"),
        ("daw", 9999, 1, ""),
    ]
    desk.told.clear()
    going = ReceiverGoing(name="Talk", state="playing", lost=4800)
    for _ in range(2):
        desk.session.tell(desk.session.receivers.heard((going, ReceiverGoing(name="gone", state="playing"))))
    assert desk.told == [ReceivingChanged(name="Talk", strip="master", state="playing", lost_seconds=0.1)]
    desk.session.apply(StopReceiving(name="Talk"))
    assert desk.orders(Kind.SET_INLET) == [(0, place, False)]


@pytest.mark.parametrize(
    ("command", "error", "says"),
    [
        (StartOutput(bus="nowhere"), UnknownThing, "no strip named 'nowhere'"),
        (StartOutput(bus="master", device="a\nb"), BadRange, "a part of a name is wanted"),
        (StopOutput(bus="master"), UnknownThing, "no output named 'master'"),
        (StartReceiving(name="x", kind="vban", strip="nowhere"), UnknownThing, "no strip named 'nowhere'"),
        (StartReceiving(name="x", kind="dante", strip="master"), BadRange, "there is: reastream, vban"),
        (StartReceiving(name="x" * 17, kind="vban", strip="master"), BadRange, "1 to 16 characters"),
        (StartReceiving(name="x", kind="vban", strip="master", port=70000), BadRange, "allowed: 1 to 65535"),
        (StartReceiving(name="x", kind="vban", strip="master", senders="me"), BadRange, "senders 'me'"),
        (StopReceiving(name="x"), UnknownThing, "no receiver named 'x'"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_changes(
    desk: Desk, command: Command, error: type[EngineError], says: str
) -> None:
    with pytest.raises(error, match=says):
        desk.session.apply(command)
    assert not desk.stage.orders and not desk.io.played and not desk.io.received


def test_each_is_once_and_a_session_that_goes_on_has_them_still(desk: Desk) -> None:
    desk.session.apply(StartOutput(bus="master"))
    desk.session.apply(StartReceiving(name="Talk", kind="vban", strip="master"))
    with pytest.raises(Busy, match="'master' is played on a further device already"):
        desk.session.apply(StartOutput(bus="master"))
    with pytest.raises(Busy, match="'Talk' is being received already"):
        desk.session.apply(StartReceiving(name="Talk", kind="vban", strip="master"))
    played, received = desk.io.played[-1], desk.io.received[-1]
    successor = desk.new()
    successor.outputs.recall()
    successor.receivers.recall()
    assert (desk.io.played[-1], desk.io.received[-1]) == (played, received)
    assert len(desk.io.played) == 2 and MOST_OUTPUTS > 1
    desk.stage.orders.clear()
    successor.context._turned.append([])
    successor.context.graphs_taken(1)
    kinds = [order["kind"] for order in desk.stage.orders]
    assert kinds == [Kind.SET_FEED, Kind.SET_INLET], "as strips that came back need"


def test_settings_are_read() -> None:
    assert parse_outputs('desk=USB, master = "HDA Intel: ALC (hw:0,0)" ,hall=') == (
        StartOutput(bus="desk", device="USB"),
        StartOutput(bus="master", device="HDA Intel: ALC (hw:0,0)"),
        StartOutput(bus="hall", device=""),
    )
    assert parse_receivers('Talk vban talk, "lead voice" reastream daw:9000 10.0.0.0/8') == (
        StartReceiving(name="Talk", kind="vban", strip="talk"),
        StartReceiving(name="lead voice", kind="reastream", strip="daw", port=9000, senders="10.0.0.0/8"),
    )
    for text in ("desk", "=USB", 'desk="USB" more'):
        with pytest.raises(SettingsError, match="is not BUS=DEVICE"):
            parse_outputs(text)
    for text in ("Talk vban", "Talk vban talk:x", 'Talk "vban talk', "a b c d e"):
        with pytest.raises(SettingsError, match="is not NAME KIND STRIP"):
            parse_receivers(text)
