"""Other ways to say the same: ids as arguments, numbers as ids, arrays, blobs, the level before an address."""

from __future__ import annotations

import base64
import struct

import pytest
from fake_engine import FakeEngine

from bridge.arguments import fields, trigger_fields
from bridge.errors import BadArguments
from bridge.routes import ROUTES
from bridge.tree import AddressTree
from engine import commands as do

TREE = AddressTree(ROUTES)
ENGINE = FakeEngine()


def put(address, *args):
    leaf = TREE.find(address)
    return fields(leaf.route, args, ENGINE, leaf.path)


def press(address, *args):
    leaf = TREE.find(address)
    return trigger_fields(leaf.route, args, ENGINE, leaf.path)


@pytest.mark.parametrize("cue", ["12", 12, 12.0])
def test_a_cue_may_be_named_by_a_number(cue):
    assert press("/cue/go", cue) == (True, {"cue": "12"})


@pytest.mark.parametrize("cue", [12.5, True, float("nan"), float("inf"), None, b"1"])
def test_but_not_by_what_is_no_name(cue):
    with pytest.raises(BadArguments, match="cue: expected a text"):
        press("/cue/go", cue)


def test_arrays_count_as_what_is_in_them():
    assert put("/transport/loop", [1.0, 2.0]) == {"start_frame": 48_000, "end_frame": 96_000}
    assert put("/strip/gain", ["voice", -6.0]) == {"strip": "voice", "gain_db": -6.0}
    assert press("/slot/trigger", [2, 0.5]) == (True, {"index": 2, "velocity": 0.5})
    with pytest.raises(BadArguments, match="got 3"):
        put("/transport/loop", [1.0, 2.0, 3.0])
    with pytest.raises(BadArguments, match="an array"):
        put("/transport/loop", [1.0, [2.0]])


@pytest.mark.parametrize("strips", ["voice hall", ["voice", "hall"]])
def test_where_a_row_takes_lists_an_array_is_one(strips):
    _, found = press("/record/start", 1, "", strips)
    assert TREE.find("/record/start").route.command(**found) == do.StartRecording(strips=("voice", "hall"))


def test_a_state_may_come_as_a_blob():
    blob = b"\0\1state"
    wanted = {"strip": "spook", "insert": 1, "state": base64.b64encode(blob).decode()}
    assert put("/mix/insert/state", "spook", 1, blob) == put("/mix/insert/state", "spook", 1, wanted["state"]) == wanted


def test_meters_come_as_a_blob_in_the_order_of_the_strips(running, client):
    (blob,) = client.ask("/meters/blob")
    strips = client.ask("/strips")
    levels = struct.unpack(f">{4 * len(strips)}f", blob)
    assert strips == tuple(running.engine.strips)
    assert levels[:4] == (-20.0, -20.0, -100.0, -100.0)


def test_points_of_automation_are_told_one_by_one(running, client):
    client.send("/automation/points", "voice", "gain_db")
    assert client.receive("/automation/points") == ("voice", "gain_db", 0.5, -6.0, "smooth")
    assert client.receive("/automation/points") == ("voice", "gain_db", 1.0, 0.0, "linear")
    assert client.receive("/automation/points/end") == ("voice", 2)
    client.send("/automation/points", "voice")
    assert client.receive("/automation/points/end") == ("voice", 0)
    client.send("/automation/points", "voice", "pan")
    assert client.receive("/reply/automation/points")[:3] == (0, "error", "no_such_thing")
    client.ask("/automation/point/remove", "voice", "gain_db", 0.5)
    assert running.engine.commands[-1] == do.RemovePoint(strip="voice", target="gain_db", timeline_frame=24_000)


def test_an_address_may_say_the_level_of_the_table(running, client):
    client.ask("/v1/strip/voice/gain", -6.0)
    client.send("/v1/req", 7, "/v1/strip/voice/pan", 0.5)
    assert client.receive("/reply/v1/strip/voice/pan", 7) == (7, "ok")
    client.send("/v1/strip/voice/pan")
    assert client.receive("/v1/strip/voice/pan") == (0.5,)
    assert running.engine.commands == [
        do.SetStripGain(strip="voice", gain_db=-6.0), do.SetStripPan(strip="voice", pan=0.5),
    ]  # fmt: skip
    client.send("/v2/strip/voice/gain")
    assert client.receive("/reply/v2/strip/voice/gain")[:3] == (0, "error", "no_such_address")


@pytest.mark.parametrize(("address", "values"), [("/strip/voice/meter", (1.0,)), ("/transport/playing", ("yes",))])
def test_what_can_only_be_read_says_so_whatever_is_sent(running, client, address, values):
    client.send("/req", 1, address, *values)
    error = (1, "error", "bad_type", "can only be read: send it without arguments")
    assert client.receive(f"/reply{address}") == error


def test_the_next_message_of_anybody_is_learnt(running, client):
    client.ask("/learn/osc")
    with running.client() as other:
        other.ask("/ping")
        other.send("/fader/3", 0.25, "x")
    sender, address, message = client.receive("/learnt")
    assert address == "/fader/3" and message == '/fader/3 0.25 "x"' and str(sender).startswith("127.0.0.1:")
    client.ask("/strip/voice/gain", -1.0)
    assert not [m for m in client.pending() if m.address == "/learnt"]
