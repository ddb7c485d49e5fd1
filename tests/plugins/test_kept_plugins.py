"""A plug-in that stays a plug-in in a Reaper project: its block read back, and its state given to the plug-in again."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pedalboard
import pytest
import rpp
from builder import lay_out

from engine.errors import ExportError
from engine.export.sessions.reaper_plugins import plugin_number
from engine.plugins.catalog import Catalog
from engine.plugins.rack import Rack
from engine.plugins.vst_preset import BadPreset, read_preset
from engine.story.equip import equip
from engine.story.model import At, Clip, Effect, Master, Story, Strip, Track
from tests.export.export_stories import Workshop, sound


@pytest.mark.parametrize(
    ("class_id", "number"),
    [("60A40168727C4E7DAAF808B790961DAA", 896536053), ("5C5CA79682FC437AB6539BA204BAB349", 395535903)],
)
def test_a_plugins_number_is_the_one_that_reaper_gives_it(class_id: str, number: int) -> None:
    assert plugin_number(class_id) == number, "as projects tell that Reaper has saved"


@pytest.mark.parametrize("data", [b"", b"VST3" + bytes(60), b"RIFF" + bytes(44) + b"List" + bytes(4)])
def test_what_is_no_preset_is_refused(data: bytes) -> None:
    with pytest.raises(BadPreset, match="no preset of a VST3"):
        read_preset(data)


@pytest.fixture
def rack(tmp_path: Path) -> Rack:
    rack = Rack([lay_out(tmp_path / "vst3", "Gain", "Mono")], Catalog(tmp_path / "plugins.json"))
    rack.scan()
    return rack


def story(shop: Workshop, rack: Rack) -> Story:
    gain = Effect(effect="plugin:Test Gain", params={"gain_db": -6.0})
    strip = Strip(inserts=(Effect(effect="highpass"), gain, Effect(effect="plugin:Test Mono", bypass=True)))
    clip = Clip(id="c", start=At(frame=0), line=shop.line("One two", sound(9600, 1)))
    master = Master(strip=Strip(inserts=(Effect(effect="plugin:Test Gain", params={"gain_db": 3.0}, bypass=True),)))
    return equip(Story(title="Kept", tracks=(Track(id="t", strip=strip, clips=(clip,)),), master=master), rack.find)


@pytest.mark.extra
@pytest.mark.timeout(240)
def test_a_kept_plugin_has_the_state_that_the_story_gives_it(tmp_path: Path, rack: Rack) -> None:
    shop = Workshop(tmp_path)
    shop.export(story(shop, rack), formats=("reaper",), overview=False, keep_plugins=True)
    text = (tmp_path / "out" / "reaper" / "Kept.rpp").read_text(encoding="utf-8")
    project = rpp.loads(text)
    on_track = project.find("TRACK").find("FXCHAIN")
    on_master = project.find("MASTERFXLIST")
    for chain, bypass, gain_db in ((on_track, "0", -6.0), (on_master, "1", 3.0)):
        (block,) = chain.findall("VST")
        assert [child[1] for child in chain.children if isinstance(child, list) and child[0] == "BYPASS"] == [bypass]
        assert block.attrib[:2] == ["VST3: Test Gain (Cuevox)", "Gain.vst3"]
        number, class_id = block.attrib[4].rstrip("}").split("{")
        assert int(number) == plugin_number(class_id)
        plugin = pedalboard.VST3Plugin(next(facts.path for facts in rack.known() if facts.name == "Test Gain"))
        assert read_preset(plugin.preset_data).class_id == class_id
        plugin.preset_data = preset_file(class_id, *streams(block, int(number)))
        assert plugin.gain_db == pytest.approx(gain_db, abs=0.01)
    assert "Effect on t, not in this project: highpass" in text
    assert "Effect on t, not in this project: plugin:Test Mono" in text, "run twice here, which Reaper would not"
    readme = (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    assert "t: plugin:Test Gain gain_db=-6 (a plug-in in reaper/, too)" in readme


@pytest.mark.extra
@pytest.mark.timeout(240)
def test_without_asking_plugins_are_printed_and_told(tmp_path: Path, rack: Rack) -> None:
    shop = Workshop(tmp_path)
    shop.export(story(shop, rack), formats=("reaper",), overview=False)
    text = (tmp_path / "out" / "reaper" / "Kept.rpp").read_text(encoding="utf-8")
    assert "FXCHAIN" not in text
    assert "Effect on t, not in this project: plugin:Test Gain gain_db=-6" in text


@pytest.mark.extra
@pytest.mark.timeout(240)
def test_one_that_is_gone_is_named_before_anything_is_written(tmp_path: Path, rack: Rack) -> None:
    shop = Workshop(tmp_path)
    made = story(shop, rack)
    for binary in (tmp_path / "vst3" / "Gain.vst3").rglob("*.so"):
        binary.unlink()
    with pytest.raises(ExportError, match=r"can't keep the plug-in Test Gain of t: .*without keep_plugins"):
        shop.export(made, formats=("reaper",), overview=False, keep_plugins=True)
    assert not (tmp_path / "out").exists()


def streams(block: rpp.Element, number: int) -> tuple[bytes, bytes]:
    """Return the component's and the controller's state of a block as Reaper's own lie in one."""
    head, *body, tail = (base64.b64decode(line) for line in block.children)
    length, has_state, _ = struct.unpack("<III", head[-12:])
    assert struct.unpack("<II", head[:8]) == (number, 0xFEED5EEE)
    assert (len(head), has_state, tail[0], tail[-4:]) == (60, 1, 0, bytes([16, 0, 0, 0]))
    state = b"".join(body)
    assert len(state) == length
    (size, kind) = struct.unpack_from("<II", state)
    (rest, other) = struct.unpack_from("<II", state, 8 + size)
    assert (kind, other, len(state)) == (1, 0, 16 + size + rest)
    return state[8 : 8 + size], state[16 + size :]


def preset_file(class_id: str, component: bytes, controller: bytes) -> bytes:
    """Return a preset file by the words of its format."""
    start = 48
    chunks = [(b"Comp", start, len(component)), (b"Cont", start + len(component), len(controller))]
    head = struct.pack("<4si32sq", b"VST3", 1, class_id.encode(), start + len(component) + len(controller))
    entries = b"".join(struct.pack("<4sqq", *chunk) for chunk in chunks)
    return head + component + controller + struct.pack("<4si", b"List", len(chunks)) + entries
