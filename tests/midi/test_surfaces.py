"""Surface presets: what the shipped ones say, what is wrong in a file, what is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.message import Message
from bridge.midi.keyboard import Keyboard
from bridge.midi.source import KINDS, Source, parse_source
from bridge.midi.surface import Control, Keys
from bridge.midi.surface_file import SurfaceError, control_text, learned_text, read_surface
from bridge.midi.surfaces import Surfaces, learned_id
from bridge.midi.voiced import Voiced

HEAD = "kind: surface\nversion: 1\n"


def read(text):
    return read_surface(HEAD + text, "mine", "mine.yaml", {"base": read_surface(HEAD, "base", "b", {}.get)}.get)


@pytest.mark.parametrize(
    ("port", "surface"),
    [
        ("Launchpad X:Launchpad X LPX MIDI In 24:1", "launchpad-x"),
        ("Launchpad X:Launchpad X LPX DAW In 24:0", "generic"),
        ("Launchpad Pro MK3 LPProMK3 MIDI", "launchpad-pro-mk3"),
        ("Launchpad MK2 28:0", "launchpad-mk2"),
        ("APC MINI:APC MINI MIDI 1 20:0", "apc-mini"),
        ("APC mini mk2 Control", "apc-mini-mk2"),
        ("nanoKONTROL2 SLIDER/KNOB", "faders"),
        ("X-Touch", "mackie-control"),
        ("Some keyboard", "generic"),
    ],
)
def test_ports_are_known_by_their_names(tmp_path, port, surface):
    assert Surfaces(tmp_path).of(port).id == surface


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour: red\n", "mine.yaml:3: colour: unknown key"),
        ("pads:\n  - {notes: 0-200}\n", "mine.yaml:4: pads[0].notes: expected notes"),
        ("pads:\n  - {curve: odd, notes: 1}\n", "mine.yaml:4: pads[0].curve: expected one of linear, soft"),
        ("controls:\n  - {on: cc 200, to: /go}\n", "mine.yaml:4: controls[0].on: expected note 36, cc 7"),
        ("controls:\n  - {on: cc 1, to: go}\n", "controls[0].to: expected an address"),
        ("keys:\n  - {slot: nothing}\n", "keys[0].slot: expected a slot: bank/index"),
        ("hello: [nonsense]\n", "mine.yaml:3: hello: expected MIDI messages in hex"),
        ("base: nobody\n", "mine.yaml:3: base: expected the id of another surface"),
        ("floor: [\n", "mine.yaml:"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, says):
    with pytest.raises(SurfaceError) as caught:
        read(text)
    assert says in str(caught.value)


def test_a_base_gives_what_is_not_said_again(tmp_path):
    (tmp_path / "mine.yaml").write_text(HEAD + "base: launchpad-x\nports: [Foo]\ncontrols: [{on: cc 89, to: /panic}]\n")
    surface = Surfaces(tmp_path).of("foo 20:0")
    assert surface.id == "mine" and len(surface.pads[0].notes) == 64 and surface.hello
    assert [c.to for c in surface.controls if c.on == Source("cc", 89)] == ["/panic"]


def test_bases_that_go_round_are_refused(tmp_path):
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(HEAD + f"base: {other}\n")
    with pytest.raises(SurfaceError, match="base"):
        Surfaces(tmp_path)


CONTROLS = st.builds(
    Control,
    on=st.builds(Source, st.sampled_from(["note", "cc"]), st.integers(0, 127), st.integers(0, 16)),
    to=st.sampled_from(["/go", "/strip/#1/gain", '/strip/a"b/pan']),
    takeover=st.sampled_from(["pickup", "scale", "jump"]),
    invert=st.booleans(),
    debounce_ms=st.integers(0, 1000),
    encoder=st.sampled_from([None, "twos", "sign-up"]),
)


@given(st.lists(CONTROLS, max_size=5))
def test_what_is_learnt_reads_back(controls):
    text = learned_text('My "port"', "base", "My port: 1", tuple(controls))
    surface = read(text.partition("version: 1\n")[2])
    assert surface.controls == tuple(controls) and surface.ports == ("My port: 1",)
    assert all(control_text(c) in text for c in controls)


@given(st.sampled_from(KINDS), st.integers(0, 31), st.integers(0, 16))
def test_a_source_reads_back(kind, number, channel):
    source = Source(kind, 0 if kind in ("bend", "pressure") else number, channel)
    assert parse_source(str(source)) == source


@pytest.mark.parametrize("text", ["", "cc", "cc 128", "cc14 32", "bend 3", "note 1 ch 17", "note 1 ch 0", "fader 3"])
def test_what_is_no_source(text):
    assert parse_source(text) is None


def test_a_learned_preset_is_named_for_its_port_wherever_it_is_plugged_in():
    assert learned_id("Foo Bar:Foo Bar MIDI 1 20:0") == learned_id("Foo Bar:Foo Bar MIDI 1 24:0")


def keyboard(**zone):
    sent = []
    return Keyboard((Keys(bank="a", index=1, **zone),), lambda m, at: sent.append(m) or "done"), sent


def test_a_melody_has_a_note_for_each_key():
    keys, sent = keyboard(root=60)
    keys.press(Voiced("note", 1, 67, 127), 0.0)
    keys.let_go((1, 67), 0.0)
    assert sent == [Message("/slot/a/1/note", (7.0, 1.0)), Message("/slot/a/1/note", (7.0, 0.0))]


def test_words_lie_on_the_keys_from_the_lowest_on():
    keys, sent = keyboard(low=48, plays="words")
    keys.press(Voiced("note", 1, 48, 127), 0.0)
    keys.press(Voiced("note", 1, 50, 127), 0.0)
    assert [m.args[0] for m in sent] == ["#1", "#3"]
    assert keys.press(Voiced("note", 1, 40, 127), 0.0) == "", "below the keyboard"
    starts, sent = keyboard(low=48, plays="start", first_word=4)
    starts.press(Voiced("note", 1, 48, 64), 0.0)
    assert sent[0].address == "/slot/a/1/from" and sent[0].args[0] == "#4"


@pytest.mark.parametrize("plays", ["words", "start"])
def test_a_word_ends_with_its_own_key_not_with_one_before_it(plays):
    keys, sent = keyboard(low=48, plays=plays)
    keys.press(Voiced("note", 1, 48, 127), 0.0)
    keys.press(Voiced("note", 1, 50, 127), 0.0)
    sent.clear()
    assert keys.let_go((1, 48), 0.0).startswith("passed over")
    assert sent == [], "the second word goes on"
    assert keys.let_go((1, 50), 0.0) == "done"
    assert sent == [Message("/slot/a/1/trigger", (0.0,))]
    keys.press(Voiced("note", 1, 48, 127), 0.0)
    assert keys.let_go((1, 48), 0.0) == "done"


def test_notes_of_a_melody_end_each_with_its_own_key():
    keys, sent = keyboard(root=60)
    for number in (60, 64):
        keys.press(Voiced("note", 1, number, 127), 0.0)
    sent.clear()
    for number in (60, 64):
        keys.let_go((1, number), 0.0)
    assert sent == [Message("/slot/a/1/note", (0.0, 0.0)), Message("/slot/a/1/note", (4.0, 0.0))]
