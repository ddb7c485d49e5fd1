"""Arguments: coerced where that is meant, refused where it is not."""

import math

import pytest
from fake_engine import DRIVE, RATE, FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from bridge.arguments import fields, give, trigger_fields
from bridge.errors import BadArguments, BadValue
from bridge.message import TimeTag
from bridge.routes import ROUTES
from bridge.tree import AddressTree
from engine.errors import BadRange, UnknownThing

TREE = AddressTree(ROUTES)
ENGINE = FakeEngine()
NO_NUMBERS = ["-3", None, b"\0", [[1.0]], TimeTag(1)]


def put(address, *args):
    leaf = TREE.find(address)
    return fields(leaf.route, args, ENGINE, leaf.path)


def press(address, *args):
    leaf = TREE.find(address)
    return trigger_fields(leaf.route, args, ENGINE, leaf.path)


def tell(address, *values):
    leaf = TREE.find(address)
    return give(leaf.route, values, ENGINE, leaf.path)


@pytest.mark.parametrize(("sent", "gain_db"), [(-3.5, -3.5), (-3, -3.0), (True, 1.0), (False, 0.0), (-150.0, -100.0)])
def test_numbers_are_taken_for_each_other(sent, gain_db):
    assert put("/strip/voice/gain", sent) == {"gain_db": gain_db}


@pytest.mark.parametrize(("sent", "place"), [(12.5, "12.5"), (12, "12"), ("0:12.500", "0:12.500"), ("@end", "@end")])
def test_a_place_may_be_a_number_of_seconds(sent, place):
    assert put("/clip/c1/move", sent)["place"] == place


@pytest.mark.parametrize("sent", NO_NUMBERS)
def test_nothing_else_is_taken_for_a_number(sent):
    with pytest.raises(BadArguments, match="gain_db: expected a number"):
        put("/strip/voice/gain", sent)


@pytest.mark.parametrize("sent", [1, 0.5, True, None, b"x", [["x"]]])
def test_nothing_is_taken_for_a_text(sent):
    with pytest.raises(BadArguments, match="expected a text"):
        put("/say", "narrator", sent)


@pytest.mark.parametrize("sent", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "address", ["/strip/voice/gain", "/strip/voice/mute", "/transport/locate", "/strip/voice/pan/norm"]
)
def test_numbers_that_are_none_are_out_of_range(address, sent):
    with pytest.raises(BadValue):
        put(address, sent)


@pytest.mark.parametrize(("address", "sent"), [("/strip/voice/gain", 13.0), ("/strip/voice/pan", -1.5)])
def test_a_value_outside_its_range_is_refused(address, sent):
    with pytest.raises(BadRange, match="is outside"):
        put(address, sent)


@pytest.mark.parametrize(
    ("sent", "mute"), [(1, True), (0, False), (1.0, True), (0.3, True), (True, True), (False, False)]
)
def test_switches_are_on_above_zero(sent, mute):
    assert put("/strip/voice/mute", sent) == {"mute": mute}


def test_whole_numbers_may_come_as_floats():
    assert put("/client/replyport", 9000.0) == {"port": 9000}
    with pytest.raises(BadValue, match="whole"):
        put("/client/replyport", 9000.5)


@pytest.mark.parametrize("args", [(), (1.0, 2.0)])
def test_the_number_of_arguments_is_checked(args):
    with pytest.raises(BadArguments, match="expects f:gain_db"):
        put("/strip/voice/gain", *args)


def test_seconds_become_frames():
    assert put("/transport/loop", 0.5, 2) == {"start_frame": RATE // 2, "end_frame": 2 * RATE}
    assert tell("/transport/loop", RATE // 2, 2 * RATE) == (0.5, 2.0)
    with pytest.raises(BadValue, match="start_seconds"):
        put("/transport/loop", -1, 2)


def test_a_bound_may_have_lost_its_last_bits_as_32():
    high = 0.10000000149011612  # 0.1 as it travels
    assert put("/strip/spook/insert/2/drive", high) == {"value": DRIVE.high}
    with pytest.raises(BadRange):
        put("/strip/spook/insert/2/drive", 0.1001)


def test_ranges_of_inserts_come_from_the_engine():
    assert put("/strip/spook/insert/1/cutoff_hz", 20_000) == {"value": 20_000.0}
    with pytest.raises(BadRange):
        put("/strip/spook/insert/1/cutoff_hz", 20_001)
    for missing in ("/strip/spook/insert/1/gain", "/strip/nobody/insert/1/x"):
        with pytest.raises(UnknownThing):
            put(missing, 1.0)
    for number in (0, 3):
        with pytest.raises(BadRange, match="has 2 inserts"):
            put(f"/strip/spook/insert/{number}/drive", 1.0)


@given(st.floats(0.0, 1.0))
@pytest.mark.parametrize(
    "address", ["/strip/voice/gain/norm", "/strip/voice/pan/norm", "/strip/spook/insert/1/cutoff_hz/norm"]
)
def test_travel_goes_there_and_back(address, norm):
    (value,) = put(address, norm).values()
    (back,) = tell(address, value)
    assert back == pytest.approx(norm, abs=1e-9) or (address.endswith("gain/norm") and value == -100.0)


def test_travel_has_its_end():
    with pytest.raises(BadValue, match=r"gain_norm: 1\.1 is outside 0 to 1"):
        put("/strip/voice/gain/norm", 1.1)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), (True, {})),
        ((1.0,), (True, {})),
        ((1,), (True, {})),
        ((True,), (True, {})),
        ((0.0,), (False, {})),
        ((False,), (False, {})),
        ((-1,), (False, {})),
        ((1, 0.5), (True, {"fade_seconds": 0.5})),
    ],
)
def test_triggers_fire_on_press(args, expected):
    assert press("/panic", *args) == expected


@pytest.mark.parametrize(
    ("args", "expected"),
    [((), (True, {})), ((True,), (True, {})), ((0.25,), (True, {"velocity": 0.25})), ((0,), (False, {}))],
)
def test_a_press_may_have_a_velocity(args, expected):
    assert press("/slot/a/1/trigger", *args) == expected


def test_a_velocity_has_its_end():
    with pytest.raises(BadRange):
        press("/slot/a/1/trigger", 1.5)


def test_triggers_may_be_told_whom_beside():
    assert press("/cue/go", "12a") == (True, {"cue": "12a"})
    assert press("/cue/stop", "12a", 1, 2) == (True, {"cue": "12a", "fade_seconds": 2.0})
    assert press("/slot/trigger", 2, 0.5) == (True, {"index": 2, "velocity": 0.5})
    with pytest.raises(BadArguments, match="expects s:cue"):
        press("/cue/go")


@pytest.mark.parametrize("sent", [*NO_NUMBERS[1:], "1"])
def test_a_press_is_a_number(sent):
    with pytest.raises(BadArguments):
        press("/go", sent)


def test_a_trigger_takes_no_more_than_it_says():
    with pytest.raises(BadArguments, match="expects"):
        press("/go", 1, 2)
