"""The DAWproject: valid by the format's own schema, every clip on its frame, devices and sends as in the story."""

import itertools
import os
import zipfile
from pathlib import Path

import pytest
import soundfile
from export_stories import ODD_NAMES, RATE, scene
from lxml import etree
from sessions import export_sessions

from engine.export.sessions.beats import Beats
from engine.story.tempo import TempoMap
from engine.units import db_to_gain

SCHEMAS = Path(os.environ.get("DAWPROJECT_XSD", Path(__file__).parents[2] / "shared" / "data" / "dawproject"))
WITHOUT_SCHEMA = f"the DAWproject schema is not in {SCHEMAS} (DAWPROJECT_XSD names another place)"


@pytest.fixture(scope="module", params=["nasty", "scene"])
def exported(tmp_path_factory, request):
    story = {"scene": (scene,), "nasty": ()}[request.param]
    return export_sessions(tmp_path_factory.mktemp("dawproject"), *story, formats=("dawproject",))


@pytest.fixture
def package(exported):
    with zipfile.ZipFile(exported.file("dawproject/*.dawproject")) as package:
        yield package


@pytest.fixture
def project(package):
    return etree.fromstring(package.read("project.xml"))


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason=WITHOUT_SCHEMA)
@pytest.mark.parametrize(("name", "schema"), [("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")])
def test_the_formats_own_schema_accepts_it(package, name, schema):
    validator = etree.XMLSchema(etree.parse(str(SCHEMAS / schema)))
    validator.assertValid(etree.fromstring(package.read(name)))


def read_frames(project, beats: float) -> float:
    """Return the frame of a beat by the tempo changes that the project tells."""
    points = [(float(p.get("time")), float(p.get("value"))) for p in project.iterfind(".//TempoAutomation/RealPoint")]
    points = points or [(0.0, float(project.find("Transport/Tempo").get("value")))]
    seconds, (last, tempo) = 0.0, points[0]
    for at, following in points[1:]:
        if at > beats:
            break
        seconds += (at - last) * 60 / tempo
        last, tempo = at, following
    return (seconds + (beats - last) * 60 / tempo) * RATE


def test_every_clip_lies_on_its_frames(project, exported):
    found = 0
    lanes = {lane.get("track"): lane for lane in project.iterfind("Arrangement/Lanes/Lanes")}
    for track, element in zip(exported.story.tracks, project.iterfind("Structure/Track"), strict=False):
        assert element.get("name") == (track.name or track.id)
        clips = lanes[element.get("id")].findall("Clips/Clip")
        wanted = sorted((exported.placed[clip.id] for clip in track.clips), key=lambda placed: placed.start_frame)
        for clip, placed in zip(clips, wanted, strict=True):
            start = float(clip.get("time"))
            ends = [read_frames(project, start + float(clip.get(key))) for key in ("duration", "fadeInTime")]
            fade_out = read_frames(project, start + float(clip.get("duration")) - float(clip.get("fadeOutTime")))
            origin = read_frames(project, start - float(clip.get("playStart")))
            assert read_frames(project, start) == pytest.approx(placed.start_frame, abs=0.01)
            assert ends[0] == pytest.approx(placed.end_frame, abs=0.01)
            assert ends[1] == pytest.approx(placed.start_frame + placed.clip.fade_in_frames, abs=0.01)
            assert fade_out == pytest.approx(placed.end_frame - placed.clip.fade_out_frames, abs=0.01)
            if origin >= 0:
                assert origin == pytest.approx(placed.start_frame - placed.clip.trim_start_frames, abs=0.01)
            assert f"clip={placed.clip.id}" in clip.get("comment")
            found += 1
    assert found == len(exported.placed)


def test_warps_tie_beats_to_seconds_at_every_tempo_change(project, exported):
    beats = Beats(exported.story)
    for clip in project.iterfind("Arrangement/Lanes/Lanes/Clips/Clip"):
        origin = beats.at(0) + float(clip.get("time")) - float(clip.get("playStart"))
        warps = clip.find("Clips/Clip/Warps")
        points = [(float(w.get("time")), float(w.get("contentTime"))) for w in warps.iterfind("Warp")]
        assert points[0] == (0, 0)
        assert points[-1][1] == pytest.approx(float(warps.find("Audio").get("duration")))
        assert points == sorted(points)
        for (a, x), (b, y) in itertools.pairwise(points):
            frames = read_frames(project, origin + b) - read_frames(project, origin + a)
            if origin + a >= 0:
                assert frames == pytest.approx((y - x) * RATE, abs=0.6)


def test_media_is_inside_stored_and_as_long_as_told(package, project, tmp_path):
    assert package.testzip() is None
    for audio in project.iter("Audio"):
        info = package.getinfo(audio.find("File").get("path"))
        assert info.compress_type == zipfile.ZIP_STORED
        facts = soundfile.info(package.extract(info, tmp_path))
        assert facts.samplerate == int(audio.get("sampleRate")) == RATE
        assert facts.channels == int(audio.get("channels"))
        assert facts.frames == round(float(audio.get("duration")) * RATE)


def test_strips_have_their_faders_pans_and_sends(project, exported):
    channels = {track.get("id"): track.find("Channel") for track in project.iterfind("Structure/Track")}
    ids = [channel.get("id") for channel in channels.values()]
    strips = list(exported.story.strips())
    for (name, strip), channel in zip(exported.story.strips().items(), channels.values(), strict=True):
        assert float(channel.find("Volume").get("value")) == pytest.approx(db_to_gain(strip.gain_db))
        assert float(channel.find("Pan").get("value")) == pytest.approx((strip.pan + 1) / 2)
        assert channel.find("Mute").get("value") == str(strip.mute).lower()
        assert channel.get("solo") == str(strip.solo).lower()
        assert channel.get("role") == {"master": "master", "b1": "effect", "b2": "effect", "room": "effect"}.get(
            name, "regular"
        )
        sends = {
            strips[ids.index(send.get("destination"))]: float(send.find("Volume").get("value"))
            for send in channel.iterfind("Sends/Send")
        }
        assert sends == pytest.approx({send.to: db_to_gain(send.gain_db) for send in strip.sends})


def test_markers_lie_on_their_frames(project, exported):
    tempo = TempoMap(exported.story.tempo, RATE)
    if exported.story.title == "The Lamp":
        return
    read = {m.get("name"): read_frames(project, float(m.get("time"))) for m in project.iter("Marker")}
    wanted = {name: tempo.frame(number + 1) for number, name in enumerate(ODD_NAMES)}
    assert read == pytest.approx(wanted, abs=0.51)


def test_effects_that_the_format_knows_are_devices(tmp_path):
    exported = export_sessions(tmp_path, scene, formats=("dawproject",))
    with zipfile.ZipFile(exported.file("dawproject/*.dawproject")) as package:
        project = etree.fromstring(package.read("project.xml"))
    keeper = project.findall("Structure/Track")[1].find("Channel/Devices")
    assert [device.tag for device in keeper] == ["Equalizer", "Compressor"]
    band = keeper.find("Equalizer/Band")
    assert (band.get("type"), float(band.find("Freq").get("value"))) == ("highPass", 200.0)
    assert float(keeper.find("Compressor/Threshold").get("value")) == -20.0
    room = project.findall("Structure/Track")[3]
    assert "reverb" in room.get("comment")
    limiter = project.findall("Structure/Track")[4].find("Channel/Devices/Limiter")
    assert float(limiter.find("Threshold").get("value")) == -1.0
