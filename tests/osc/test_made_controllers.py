"""Generated controllers: every address in them exists, and they say what the story has."""

import csv
import io
import json

import pytest
from fake_engine import FakeEngine

from bridge.controllers.sheets import SHEETS
from bridge.routes import ROUTES
from bridge.text import message
from bridge.tree import AddressTree

TREE = AddressTree(ROUTES)
OSC = ("127.0.0.1", 7400)


def made(name):
    return SHEETS[name].make(FakeEngine(), OSC)


def widgets(node):
    yield node
    for child in (*node.get("tabs", ()), *node.get("widgets", ())):
        yield from widgets(child)


def test_open_stage_control_moves_what_there_is():
    session = json.loads(made("cuevox.session.json"))
    found = list(widgets(session["content"]))
    addresses = [w["address"] for w in found if "address" in w]
    assert {"/strip/voice/gain", "/cue/12a/go", "/slot/b/1/trigger", "/go", "/transport/play"} <= set(addresses)
    for address in addresses:
        TREE.find(address)
    ids = [w["id"] for w in found]
    assert len(ids) == len(set(ids))
    assert {tuple(w["target"]) for w in found if "target" in w} == {("127.0.0.1:7400",)}
    fader = next(w for w in found if w["id"] == "voice_gain")
    assert fader["range"] == {"min": -100.0, "max": 12.0}
    meter = next(w for w in found if w["id"] == "voice_meter")
    assert (meter["address"], meter["interaction"]) == ("/strip/voice/meter/norm", False)
    assert fader["left"] + fader["width"] <= meter["left"]


def test_further_cue_lists_have_pages_of_their_own():
    engine = FakeEngine()
    engine.cue_lists = lambda: ("main", "effects")
    found = list(widgets(json.loads(SHEETS["cuevox.session.json"].make(engine, OSC))["content"]))
    addresses = {w["address"] for w in found if "address" in w}
    assert {"/cuelist/effects/go", "/cuelist/effects/cue/12a/go", "/cue/12a/go"} <= addresses
    assert len({w["id"] for w in found}) == len(found)


def test_buttons_of_a_page_do_not_cover_each_other():
    session = json.loads(SHEETS["cuevox.session.json"].make(FakeEngine(cues=[str(n) for n in range(40)]), OSC))
    cues = session["content"]["tabs"][1]["widgets"]
    assert len({(w["left"], w["top"]) for w in cues}) == len(cues)


def test_a_stream_deck_sends_lines_that_are_understood():
    lines = [line for line in made("companion.txt").splitlines() if not line.startswith("#")]
    for line in lines:
        label, command = line.split("\t")
        assert label
        TREE.find(message(command).address)
    assert "PAD a 2\t/slot/a/2/trigger 1" in lines


def test_reaper_patterns_name_what_there_is():
    for line in made("cuevox.ReaperOSC").splitlines():
        if line and line[0] not in "#D" and not line.startswith("ACTION"):
            for pattern in line.split()[1:]:
                TREE.find(pattern[1:])


def test_the_cue_sheet_has_every_cue():
    rows = list(csv.DictReader(io.StringIO(made("cues.csv"))))
    assert [row["Number"] for row in rows] == ["1", "2", "12a"]
    assert rows[0]["Duration"] == "1.000"
    for row in rows:
        TREE.find(row["GO address"])


@pytest.mark.parametrize("name", SHEETS)
def test_a_story_with_nothing_in_it_has_them_too(name):
    engine = FakeEngine(cues=())
    engine.slots = {}
    assert SHEETS[name].make(engine, OSC)
