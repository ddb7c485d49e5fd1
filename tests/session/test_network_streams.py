"""Network streams of a session: what is accepted, who feeds them, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.commands import StartStream, StopStream
from engine.errors import BadRange, Busy, EngineError, SettingsError, UnknownThing
from engine.events import StreamChanged
from engine.io.messages import Going, Sent
from engine.realtime.notes import Notes
from engine.realtime.records import Kind
from engine.session.session import Session
from engine.session.streams import MOST_STREAMS, parse_streams
from tests.session.studio import HandLoader, RecordingStage, Studio


class Wire:
    def __init__(self) -> None:
        self.sent: list[tuple[Sent, ...]] = []

    def send(self, streams: Sequence[Sent]) -> None:
        self.sent.append(tuple(streams))


class Desk:
    """A session on a wire that notes what it is given."""

    def __init__(self) -> None:
        self.stage, self.wire, self.notes = RecordingStage(), Wire(), Notes()
        self.session = self.new()

    def new(self) -> Session:
        return Session(Studio().session.story, self.stage, HandLoader(), notes=self.notes, network=self.wire)

    def start(self, name: str, strip: str = "master", **more: Any) -> None:
        fields = {"kind": "vban", "host": "10.0.0.5", **more}
        self.session.apply(StartStream(name=name, strip=strip, **fields))

    def feeds(self) -> list[tuple[int, int, bool]]:
        return [(o["index"], o["strip"], bool(o["value"])) for o in self.stage.take(Kind.SET_FEED)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_strip_is_fed_as_long_as_any_stream_wants_it(desk: Desk) -> None:
    place = desk.session.context.strip("master")
    desk.start("One")
    desk.start("two", kind="reastream", port=9999)
    assert desk.feeds() == [(0, place, True), (0, place, True)]
    assert [(s.name, s.port, s.lane) for s in desk.wire.sent[-1]] == [("One", 6980, 0), ("two", 9999, 0)]
    desk.session.apply(StopStream(name="One"))
    assert desk.feeds() == []
    desk.session.apply(StopStream(name="two"))
    assert desk.feeds() == [(0, place, False)]
    assert desk.wire.sent[-1] == ()


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"strip": "nowhere"}, UnknownThing, "no strip named 'nowhere'"),
        ({"kind": "dante"}, BadRange, "kind 'dante'; there is: reastream, vban"),
        ({"name": "x" * 17}, BadRange, "1 to 16 characters"),
        ({"name": "ü" * 16, "kind": "reastream"}, BadRange, "1 to 31 bytes"),
        ({"host": ""}, BadRange, "host ''"),
        ({"port": 65536}, BadRange, "port 65536; allowed: 1 to 65535"),
        ({"port": -1}, BadRange, "port -1"),
        ({"format": "mp3"}, BadRange, "there is: int16, int24, float32"),
    ],
)
def test_what_can_not_be_sent_is_refused_and_nothing_changes(
    desk: Desk, wrong: dict[str, Any], error: type[EngineError], says: str
) -> None:
    with pytest.raises(error, match=says):
        desk.start(**{"name": "Mix", **wrong})
    assert not desk.stage.orders and not desk.wire.sent and not desk.session.streams.all()


def test_streams_of_the_settings_are_read() -> None:
    read = parse_streams(
        'Mix vban master 10.0.0.5, "lead voice" reastream narrator studio.local:9000 ,x vban a ::1 int24'
    )
    assert read == (
        StartStream(name="Mix", kind="vban", strip="master", host="10.0.0.5"),
        StartStream(name="lead voice", kind="reastream", strip="narrator", host="studio.local", port=9000),
        StartStream(name="x", kind="vban", strip="a", host="::1", format="int24"),
    )
    assert parse_streams(" ") == ()


@pytest.mark.parametrize("text", ["Mix vban master", "Mix vban master host:port", 'Mix "vban master h', "a b c d e f"])
def test_streams_of_the_settings_that_can_not_be_read_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not NAME KIND STRIP"):
        parse_streams(text)


def test_a_name_is_sent_once_and_there_is_a_most(desk: Desk) -> None:
    for number in range(MOST_STREAMS):
        desk.start(f"s{number}")
    with pytest.raises(Busy, match="'s3' is being sent already"):
        desk.start("s3")
    with pytest.raises(Busy, match="16 streams"):
        desk.start("more")
    with pytest.raises(UnknownThing, match="no stream named 'more'"):
        desk.session.apply(StopStream(name="more"))


def test_how_it_goes_is_told_once(desk: Desk) -> None:
    desk.start("Mix")
    told: list[Any] = []
    desk.session.listen(told.extend)
    failing = Going(name="Mix", packets=3, lost=480, text="10.0.0.5: no route")
    for going in (failing, failing, Going(name="Mix", packets=9, lost=480), Going(name="gone", packets=1, lost=0)):
        desk.session.tell(desk.session.streams.heard((going,)))
    assert told == [
        StreamChanged(name="Mix", state="failing", text="10.0.0.5: no route"),
        StreamChanged(name="Mix", state="sending"),
    ]
    (stream,) = desk.session.streams.all()
    assert (stream.packets, stream.lost_frames) == (9, 480)


def test_a_session_that_goes_on_sends_on(desk: Desk) -> None:
    desk.start("Mix")
    sent = desk.wire.sent[-1]
    successor = desk.new()
    successor.streams.recall()
    assert desk.wire.sent[-1] == sent
    successor.apply(StopStream(name="Mix"))
    assert desk.wire.sent[-1] == ()


def test_a_strip_that_comes_back_is_fed_again(desk: Desk) -> None:
    desk.start("Mix")
    desk.stage.orders.clear()
    context = desk.session.context
    context.on_graph = lambda: None
    context._turned.append([])
    context.graphs_taken(1)
    assert desk.feeds() == [(0, context.strip("master"), True)]
