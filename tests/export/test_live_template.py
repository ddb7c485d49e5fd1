"""A Live set inside one of the user's own: the real one that logic2ableton brings, of Live 12, and one of Live 11."""

import collections
import gzip
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import logic2ableton
import msgspec
import pytest
import readers
from export_stories import RATE, Workshop, nasty, scene
from logic2ableton import ableton_parser
from sessions import export_sessions

from engine.errors import MediaError
from engine.export.comeback import live as comeback
from engine.story.model import Bus, Story, Strip
from engine.units import db_to_gain

REAL = Path(logic2ableton.__file__).with_name("data") / "DefaultLiveSet.als"
POINTEES = ("AutomationTarget", "ModulationTarget", "Pointee")


def tree(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(gzip.decompress(path.read_bytes()))


def value(element: ElementTree.Element, path: str) -> str:
    return element.find(path).get("Value")


def bare(folder: Path) -> Path:
    """Return our own set of another story, without its tracks: one that has nothing to copy."""
    path = export_sessions(folder, scene, formats=("live",)).file("live/*/*.als")
    root = tree(path)
    root.find("LiveSet/Tracks")[:] = []
    root.find("LiveSet/SendsPre")[:] = []
    (folder / "bare.als").write_bytes(gzip.compress(ElementTree.tostring(root)))
    return folder / "bare.als"


@pytest.fixture(scope="module", params=["real", "bare"])
def framed(tmp_path_factory, request):
    """Return a template and the export of the nasty story into it."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "template").mkdir()
    template = REAL if request.param == "real" else bare(folder / "template")
    return tree(template), export_sessions(folder, nasty, formats=("live",), live_template=str(template))


def test_another_reader_finds_every_clip_within_a_frame(framed):
    _, exported = framed
    root = tree(exported.file("live/*/*.als"))
    elements = list(root.iter("AudioClip"))
    project = ableton_parser.parse_ableton_project(exported.file("live/*/*.als"))
    read = [clip for track in project.audio_tracks for clip in track.clips]
    assert len(read) == len(elements) == len(exported.placed)
    frame = readers.Steps([(0, 97.3), (8, 131.7), (20, 61.05)], RATE)
    for clip, placed in zip(read, exported.placed.values(), strict=True):
        assert frame(clip.start_beats) == pytest.approx(placed.start_frame, abs=0.05)
        assert frame(clip.end_beats) == pytest.approx(placed.end_frame, abs=0.05)
        assert clip.source_in_seconds * RATE == pytest.approx(placed.clip.trim_start_frames, abs=0.05)


def test_it_comes_back_unchanged(framed):
    _, exported = framed
    edited = {clip.clip: clip for clip in comeback.read(exported.file("live/*/*.als"), RATE)}
    assert edited.keys() == exported.placed.keys()
    for key, placed in exported.placed.items():
        assert (edited[key].start_frame, edited[key].length_frames) == (placed.start_frame, placed.length_frames)
        assert (edited[key].fade_in_frames, edited[key].track) == (
            placed.clip.fade_in_frames,
            placed.track.name or placed.track.id,
        )


def test_the_set_stays_what_it_was(framed):
    template, exported = framed
    root = tree(exported.file("live/*/*.als"))
    assert root.attrib == template.attrib
    assert [each.tag for each in root.find("LiveSet")] == [each.tag for each in template.find("LiveSet")]
    names = [value(track, "Name/EffectiveName") for track in root.find("LiveSet/Tracks")]
    own = [value(track, "Name/EffectiveName") for track in template.find("LiveSet/Tracks")]
    tracks = [track.name or track.id for track in exported.story.tracks]
    assert names == [*tracks, *own, *(bus.name for bus in exported.story.buses)]
    devices = [[d.tag for d in t.find("DeviceChain/DeviceChain/Devices")] for t in root.find("LiveSet/Tracks")]
    before = [[d.tag for d in t.find("DeviceChain/DeviceChain/Devices")] for t in template.find("LiveSet/Tracks")]
    assert devices[len(tracks) :] == [*before, *([] for _ in exported.story.buses)]


def test_every_track_has_a_send_for_every_return(framed):
    _, exported = framed
    live_set = tree(exported.file("live/*/*.als")).find("LiveSet")
    returns = [value(track, "Name/EffectiveName") for track in live_set.find("Tracks").findall("ReturnTrack")]
    assert len(live_set.find("SendsPre")) == len(returns)
    buses = {bus.id: returns.index(bus.name) for bus in exported.story.buses}
    strips = {track.name or track.id: track.strip for track in exported.story.tracks}
    strips |= {bus.name: bus.strip for bus in exported.story.buses}
    for track in live_set.find("Tracks"):
        holders = track.find("DeviceChain/Mixer/Sends")
        assert [holder.get("Id") for holder in holders] == [str(number) for number in range(len(returns))]
        strip = strips.get(value(track, "Name/EffectiveName"))
        if strip is not None:
            mixer = track.find("DeviceChain/Mixer")
            sends = {buses[send.to]: db_to_gain(send.gain_db) for send in strip.sends}
            levels = [float(value(holder, "Send/Manual")) for holder in holders]
            assert levels == pytest.approx([max(3.162e-4, sends.get(n, 0)) for n in range(len(returns))], rel=1e-3)
            assert float(value(mixer, "Volume/Manual")) == pytest.approx(db_to_gain(strip.gain_db))
            assert float(value(mixer, "Pan/Manual")) == pytest.approx(strip.pan)
            assert value(mixer, "Speaker/Manual") == str(not strip.mute).lower()


def test_ids_are_unique_and_below_the_next(framed):
    _, exported = framed
    live_set = tree(exported.file("live/*/*.als")).find("LiveSet")
    ids = [
        each.get("Id")
        for each in live_set.iter()
        if "Id" in each.attrib
        and (each.tag in POINTEES or each.tag.endswith("ModulationTarget") or each.tag.startswith("ControllerTargets."))
    ]
    assert not [key for key, number in collections.Counter(ids).items() if number > 1]
    assert int(value(live_set, "NextPointeeId")) > max(map(int, ids))
    targets = {each.get("Value") for each in live_set.iter("PointeeId")}
    assert targets <= set(ids)
    tracks = [track.get("Id") for track in live_set.find("Tracks")]
    assert len(set(tracks)) == len(tracks)
    scenes = len(live_set.find("Scenes"))
    for track in live_set.find("Tracks").findall("AudioTrack"):
        assert len(track.find("DeviceChain/MainSequencer/ClipSlotList")) == scenes


def test_the_tempo_stands_in_both_places(framed):
    _, exported = framed
    live_set = tree(exported.file("live/*/*.als")).find("LiveSet")
    main = next(found for name in ("MainTrack", "MasterTrack") if (found := live_set.find(name)) is not None)
    target = main.find("DeviceChain/Mixer/Tempo/AutomationTarget").get("Id")
    (envelope,) = [e for e in main.iter("AutomationEnvelope") if value(e, "EnvelopeTarget/PointeeId") == target]
    events = [(float(e.get("Time")), float(e.get("Value"))) for e in envelope.iter("FloatEvent")]
    assert float(value(main, "DeviceChain/Mixer/Tempo/Manual")) == events[0][1] == 97.3
    assert events[1:] == [(8.0, 97.3), (8.0, 131.7), (20.0, 131.7), (20.0, 61.05)]
    locators = [value(each, "Name") for each in live_set.find("Locators/Locators")]
    assert set(locators) >= {marker.name for marker in exported.story.markers}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no gzip", "can't be read"),
        (gzip.compress(b"<Ableton MinorVersion='9.7'/>", mtime=0), "of version 9.7: Live 11 and 12 are known"),
        (gzip.compress(b"<Ableton MinorVersion='12.0'/>", mtime=0), "has no LiveSet in its Ableton"),
    ],
)
def test_what_is_no_template_is_named_before_anything_is_written(tmp_path, data, message):
    shop = Workshop(tmp_path)
    (tmp_path / "mine.als").write_bytes(data)
    with pytest.raises(MediaError, match=message):
        shop.export(scene(shop), formats=("live",), live_template=str(tmp_path / "mine.als"))
    assert not (tmp_path / "out").exists()


def test_too_many_returns_are_told(tmp_path):
    shop = Workshop(tmp_path)
    tracks = tuple(msgspec.structs.replace(track, strip=Strip()) for track in scene(shop).tracks)
    story = Story(title="Many", tracks=tracks, buses=tuple(Bus(id=f"b{n}") for n in range(11)))
    with pytest.raises(MediaError, match="has 2 returns and the story 11; Live takes 12 in all"):
        shop.export(story, formats=("live",), live_template=str(REAL))
