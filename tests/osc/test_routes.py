"""The address table holds together: with commands, events, the desk, the tree and the page."""

import inspect
from typing import get_args

import msgspec
import pytest
from fake_engine import FakeEngine

from bridge.address_reference import PAGE, page
from bridge.arguments import give, usage
from bridge.desk import Desk
from bridge.errors import NoSuchAddress, TooBig
from bridge.message import TimeTag
from bridge.routes import ANSWERS, PUSHES, ROUTES
from bridge.store_questions import StoreQuestions
from bridge.tree import MAX_MATCHES, AddressTree
from engine.commands import Command
from engine.events import Event
from engine.story.messages import Outgoing, SendNote
from engine.story.model import RESERVED_IDS

TREE = AddressTree(ROUTES)
VALUES = [r for r in ROUTES if r.read]
COMMANDED = [r for r in ROUTES if r.command]
PATH = {
    "strip": "voice", "cuelist": "main", "cue": "1", "bank": "a", "index": 1, "bus": "hall", "insert": 1,
    "param": "cutoff_hz", "knob": "depth_db", "snapshot": "quiet", "job": "7", "clip": "hello", "voice": "anna",
}  # fmt: skip
EXAMPLES = {"frame": 3, "job": "7", "path": "story.yaml", "dropped": ("gain",), "left_out": ("gain",), "loop": (1, 2)}


def by_address(route):
    return route.address


def example(kind):
    """Build an event with made-up fields."""
    values = {}
    for field in msgspec.structs.fields(kind):
        made_up = {int: 3, float: 0.5, bool: True}.get(field.type, "x")
        values[field.name] = EXAMPLES.get(field.name, SendNote(note=60) if field.type == Outgoing else made_up)
    return kind(**values)


def arguments(route):
    return {a.name: "x" if a.type == "s" else n for n, a in enumerate((*route.args, *filter(None, [route.press])))}


@pytest.mark.parametrize("route", COMMANDED, ids=by_address)
def test_path_and_arguments_are_what_the_command_takes(route):
    path = {name: PATH[name] for name in route.placeholders}
    given = arguments(route) | ({"job": "1"} if route.job else {})
    implied = route.implied(FakeEngine()) if route.implied else {}
    command = route.command(**implied, **path, **given)
    assert isinstance(command, get_args(Command))
    if route.release:
        given.pop(route.press.name)
        assert isinstance(route.release(**implied, **path, **given), get_args(Command))


def test_every_command_has_an_address():
    reached = {r.command for r in ROUTES} | {r.release for r in ROUTES}
    missing = {c.__name__ for c in get_args(Command) if c not in reached}
    # reached through functions of the rows, /clearsched and /edit/end
    assert missing == {
        "SetLoop", "ClearScheduled", "StartRecording", "Export", "EditStory", "TrimClip", "TrimEdge", "InsertTime",
        "RemoveTime", "SpreadLines", "RemoveGaps",
    }  # fmt: skip


def test_every_event_is_told():
    told = {p.event for p in PUSHES} | {e for r in ROUTES for e in r.changed}
    assert {e.__name__ for e in get_args(Event)} - {e.__name__ for e in told} == set()


@pytest.mark.parametrize("route", [r for r in VALUES if r.command], ids=by_address)
def test_what_can_be_set_tells_when_it_changes(route):
    assert route.changed


@pytest.mark.parametrize("route", VALUES, ids=by_address)
def test_events_carry_what_the_address_needs(route):
    for event in route.changed:
        names = {f.name for f in msgspec.structs.fields(event)}
        assert set(route.placeholders) <= names, event.__name__
    assert route.changed or route.stream


@pytest.mark.parametrize("route", VALUES, ids=by_address)
def test_a_value_reads_as_its_row_says(route):
    engine = FakeEngine()
    engine.strips["voice"] = engine.strips["spook"] = msgspec.structs.replace(
        engine.strips["spook"], sends={"hall": -6.0}
    )
    path = {name: PATH[name] for name in route.placeholders}
    kinds = {"s": str, "i": int, "f": float, "b": bytes}
    values = give(route, route.read(engine, path), engine, path)
    expected = route.args * (len(values) // len(route.args)) if route.repeated else route.args
    assert [type(v) for v in values] == [kinds[a.type] for a in expected]


@pytest.mark.parametrize("push", PUSHES, ids=lambda p: p.address)
def test_a_push_sends_as_its_row_says(push):
    kinds = {"s": str, "i": int, "f": float, "t": TimeTag}
    values = push.values(FakeEngine(), example(push.event))
    assert [type(v) for v in values] == [kinds[t] for t in push.types]
    assert len(push.names) == len(push.types)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.handler], ids=by_address)
def test_the_desk_has_a_method_for_it(route):
    method = getattr(Desk, route.handler, None) or getattr(StoreQuestions, route.handler)
    parameters = list(inspect.signature(method).parameters.values())[2:]
    assert [p.name for p in parameters] == [a.name for a in route.args]
    assert [p.default is not p.empty for p in parameters] == [a.optional for a in route.args]


@pytest.mark.parametrize("route", ROUTES, ids=by_address)
def test_a_row_is_of_one_kind_and_says_what_it_is_for(route):
    kinds = [bool(route.handler), bool(route.wrapper), route.trigger, bool(route.read or route.command)]
    assert sum(kinds) == (2 if route.trigger else 1)
    assert route.help.endswith(".")
    assert usage(route)


@pytest.mark.parametrize("route", ROUTES, ids=by_address)
def test_the_tree_finds_the_row_of_an_address(route):
    path = {name: PATH[name] for name in route.placeholders}
    leaf = TREE.find(route.fill(path))
    assert (leaf.route, leaf.path) == (route, path)


def test_no_row_is_taken_for_an_answer():
    assert not [r.address for r in ROUTES if r.address.startswith(ANSWERS)]


def test_verbs_beside_a_placeholder_are_no_ids():
    literals = {
        part
        for r in ROUTES
        for other in ROUTES
        for part, place in zip(r.address.split("/"), other.address.split("/"), strict=False)
        if place.startswith("{") and not part.startswith("{") and r.address.split("/")[1] == other.address.split("/")[1]
        and place in ("{strip}", "{cue}")
    }  # fmt: skip
    assert literals - {"next"} <= RESERVED_IDS


@pytest.mark.parametrize(
    "address",
    [
        "/", "", "x", "/nothing", "/strip", "/strip/voice", "/strip//gain", "/strip/voice/gain/", "/slot/a/x/trigger",
        "/slot/a/-1/trigger", "/slot/a/9999999999/trigger", "/cue/" + "x" * 65 + "/go", "/strip/voice/gain/norm/x",
    ],
)  # fmt: skip
def test_no_such_address(address):
    with pytest.raises(NoSuchAddress):
        TREE.find(address)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/strip/*/mute", ["/strip/voice/mute", "/strip/spook/mute", "/strip/hall/mute", "/strip/master/mute"]),
        ("/cue/1*/go", ["/cue/1/go", "/cue/12a/go"]),
        ("/slot/{a,b}/1/stop", ["/slot/a/1/stop", "/slot/b/1/stop"]),
        ("/strip/*/send/*", ["/strip/voice/send/hall"]),
        ("/strip/*/insert/*/*", ["/strip/spook/insert/1/cutoff_hz", "/strip/spook/insert/2/drive"]),
        ("/transport/{play,stop}", ["/transport/play", "/transport/stop"]),
        ("/plain/literal", None),
        ("/strip/x*/mute", None),
    ],
)
def test_a_pattern_means_what_exists(pattern, expected):
    if expected is None:
        with pytest.raises(NoSuchAddress):
            TREE.expand(pattern, FakeEngine())
    else:
        assert [leaf.address for leaf in TREE.expand(pattern, FakeEngine())] == expected


def test_a_pattern_that_means_too_much_is_refused():
    many = FakeEngine(cues=[str(n) for n in range(MAX_MATCHES + 1)])
    with pytest.raises(TooBig):
        TREE.expand("/cue/*/state", many)


def test_a_table_with_an_address_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        AddressTree([ROUTES[0], ROUTES[0]])


def test_the_page_is_the_table():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m bridge.address_reference"
    for route in ROUTES:
        assert f"| `{route.address}` |" in page()
