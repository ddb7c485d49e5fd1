"""The device for Max for Live: its container, and its patch in a stand-in for the objects of Max that it is made of."""

import json
import re
import struct

import pytest

from bridge.daws.packs import pack
from bridge.routes import ROUTES
from bridge.tree import AddressTree

DEVICE = "Presets/MIDI Effects/Max MIDI Effect/Cuevox Pads.amxd"


class Patch:
    """Runs a patch as Max does: right outlets first, depth first. An object that it does not know is an error."""

    def __init__(self, patcher):
        self.boxes = {each["box"]["id"]: each["box"] for each in patcher["boxes"]}
        self.lines = [tuple(map(tuple, each["patchline"].values())) for each in patcher["lines"]]
        self.kept, self.sent, self.through = {}, [], []
        for name, box in self.boxes.items():
            words = box["text"].split()
            object_, self.boxes[name]["words"] = self._object(box), words
            assert object_ in ("comment", "textedit") or hasattr(self, f"do_{object_}"), object_
        for (source, outlet), (target, inlet) in self.lines:
            assert outlet < self.boxes[source]["numoutlets"], source
            assert inlet < self.boxes[target]["numinlets"], target

    def _object(self, box):
        if box["maxclass"] != "newobj":
            return box["maxclass"]
        return {"/": "divide", "-": "minus", "zl.reg": "register"}.get(box["text"].split()[0], box["text"].split()[0])

    def out(self, name, outlet, *values):
        for (source, number), (target, inlet) in self.lines:
            if (source, number) == (name, outlet):
                getattr(self, f"do_{self._object(self.boxes[target])}")(target, inlet, *values)

    def play(self, *message):
        self.out("in", 0, *message)
        return self.sent

    def do_midiin(self, name, inlet, *values):
        raise AssertionError("nothing goes into midiin")

    def do_midiout(self, name, inlet, *values):
        self.through.append(values)

    def do_midiparse(self, name, inlet, status, *data):
        if status & 0xE0 == 0x80:
            self.out(name, 0, data[0], data[1] if status & 0x10 else 0)

    def do_unpack(self, name, inlet, *values):
        for outlet in reversed(range(len(values))):
            self.out(name, outlet, values[outlet])

    def do_divide(self, name, inlet, value):
        self.out(name, 0, value / float(self.boxes[name]["words"][1]))

    def do_minus(self, name, inlet, value):
        self.out(name, 0, value - int(self.boxes[name]["words"][1]))

    def do_split(self, name, inlet, value):
        low, high = map(int, self.boxes[name]["words"][1:])
        self.out(name, 0 if low <= value <= high else 1, value)

    def do_t(self, name, inlet, value):
        for outlet, kind in reversed([*enumerate(self.boxes[name]["words"][1:])]):
            self.out(name, outlet, *({"b": (), "i": (value,)}[kind]))

    def do_register(self, name, inlet, *values):
        if inlet == 1:
            self.kept[name] = values
        else:
            self.out(name, 0, *(values or self.kept.get(name, (self.boxes[name]["words"][1],))))

    def do_route(self, name, inlet, first, *rest):
        found = first == self.boxes[name]["words"][1]
        self.out(name, 0 if found else 1, *(rest if found else (first, *rest)))

    def do_sprintf(self, name, inlet, value):
        kept = self.kept.setdefault(name, {})
        kept[inlet] = value
        if inlet == 0:
            form = self.boxes[name]["words"][2].replace("%ld", "%d")
            self.out(name, 0, form % tuple(kept[number] for number in sorted(kept)))

    def do_pack(self, name, inlet, value):
        kept = self.kept.setdefault(name, {})
        kept[inlet] = value
        if inlet == 0:
            self.out(name, 0, *(kept[number] for number in sorted(kept)))

    def do_udpsend(self, name, inlet, *values):
        self.sent.append(values)


@pytest.fixture
def device():
    files = {file.path: file.content for file in pack("live").files(("cuevox",), ("127.0.0.1", 7777))}
    return files[DEVICE]


@pytest.fixture
def patch(device):
    return Patch(json.loads(device[32:-1])["patcher"])


def test_the_container_holds_the_patch_as_a_midi_effect(device):
    head = struct.unpack_from("<4sI4s4sII4sI", device)
    assert head == (b"ampf", 4, b"mmmm", b"meta", 4, 0, b"ptch", len(device) - 32)
    assert device[-1] == 0
    assert json.loads(device[32:-1])["patcher"]["openinpresentation"] == 1


def test_it_sends_where_the_engine_hears(patch):
    assert patch.boxes["engine"]["words"] == ["udpsend", "127.0.0.1", "7777"]


def test_notes_press_pads_and_let_them_go(patch):
    patch.play(0x90, 36, 127)
    patch.play(0x81, 36, 64)
    patch.play(0x90, 99, 1)
    assert patch.sent == [
        ("/slot/pads/1/trigger", 1.0),
        ("/slot/pads/1/trigger", 0.0),
        ("/slot/pads/64/trigger", pytest.approx(1 / 127)),
    ]
    assert len(patch.through) == 3, "what comes after it hears them, too"


@pytest.mark.parametrize("message", [(0x90, 35, 100), (0x90, 100, 100), (0xB0, 36, 100), (0xE0, 0, 64)])
def test_what_is_no_pad_is_passed_through_only(patch, message):
    assert patch.play(*message) == []
    assert patch.through == [message]


def test_another_bank_is_typed(patch):
    patch.out("name", 0, "text", "desk")
    assert patch.play(0x90, 38, 127) == [("/slot/desk/3/trigger", 1.0)]


def test_the_engine_has_that_address(patch):
    address, level = patch.play(0x90, 36, 64)[0]
    route = AddressTree(ROUTES).find(address).route
    assert re.fullmatch(r"/slot/\{bank.*\}/\{index.*\}/trigger", route.address)
    assert isinstance(level, float)
