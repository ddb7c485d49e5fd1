"""The Live set, read back by logic2ableton, and checked for what Live itself insists on."""

import collections
import gzip
import xml.etree.ElementTree as ElementTree

import pytest
import soundfile
from export_stories import RATE
from sessions import export_sessions

from engine.export.sessions.beats import Beats
from engine.story.tempo import TempoMap
from engine.units import db_to_gain

parser = pytest.importorskip("logic2ableton.ableton_parser", reason="logic2ableton is not installed")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("live"), formats=("live",))


@pytest.fixture(scope="module")
def live_set(exported):
    return ElementTree.fromstring(gzip.decompress(exported.file("live/*/*.als").read_bytes())).find("LiveSet")


def value(element, path: str) -> str:
    return element.find(path).get("Value")


def test_another_reader_finds_every_clip_at_its_place(exported):
    project = parser.parse_ableton_project(exported.file("live/*/*.als"))
    beats = Beats(exported.story)
    assert [track.name for track in project.audio_tracks] == [track.name or track.id for track in exported.story.tracks]
    for track, read in zip(exported.story.tracks, project.audio_tracks, strict=True):
        (clip,) = read.clips
        placed = exported.placed[track.clips[0].id]
        assert clip.start_beats == pytest.approx(beats.at(placed.start_frame), abs=1e-9)
        assert clip.end_beats == pytest.approx(beats.at(placed.end_frame), abs=1e-9)
        assert clip.source_in_seconds == pytest.approx(placed.clip.trim_start_frames / RATE, abs=1e-12)


def test_locators_lie_on_their_beats(exported):
    project = parser.parse_ableton_project(exported.file("live/*/*.als"))
    tempo, beats = TempoMap(exported.story.tempo, RATE), Beats(exported.story)
    wanted = {marker.name: beats.at(tempo.frame(marker.at.bar)) for marker in exported.story.markers}
    assert {locator.name: locator.time_beats for locator in project.locators} == pytest.approx(wanted)


def test_clips_are_not_warped_and_keep_gain_and_fades(exported, live_set):
    beats = Beats(exported.story)
    for clip in live_set.iter("AudioClip"):
        placed = exported.placed[value(clip, "Annotation").split("clip=")[1].split()[0]]
        assert value(clip, "IsWarped") == value(clip, "Loop/LoopOn") == "false"
        length = float(value(clip, "Loop/LoopEnd")) - float(value(clip, "Loop/LoopStart"))
        assert length * RATE == pytest.approx(placed.length_frames, abs=1e-6)
        assert float(value(clip, "SampleVolume")) == pytest.approx(db_to_gain(placed.clip.gain_db))
        fade_in = beats.between(placed.start_frame, placed.start_frame + placed.clip.fade_in_frames)
        assert float(value(clip, "Fades/FadeInLength")) == pytest.approx(fade_in)


def test_samples_lie_in_the_project(exported, live_set):
    folder = exported.file("live/*/*.als").parent
    for sample in live_set.iter("SampleRef"):
        path = folder / value(sample, "FileRef/RelativePath")
        assert value(sample, "FileRef/RelativePathType") == "3"
        assert int(value(sample, "FileRef/OriginalFileSize")) == path.stat().st_size
        assert int(value(sample, "DefaultDuration")) == soundfile.info(path).frames
        assert len(value(sample, "LastModDate")) == 10, "seconds, not milliseconds"


def test_ids_are_unique_and_below_the_next(live_set):
    names = ("AutomationTarget", "ModulationTarget", "Pointee")
    ids = [each.get("Id") for each in live_set.iter() if each.tag in names or each.tag.endswith("ModulationTarget")]
    assert not [key for key, number in collections.Counter(ids).items() if number > 1]
    assert int(live_set.find("NextPointeeId").get("Value")) > max(map(int, ids))
    tracks = [track.get("Id") for track in live_set.find("Tracks")]
    assert len(set(tracks)) == len(tracks)


def test_the_tempo_stands_in_both_places_and_steps(exported, live_set):
    master = live_set.find("MasterTrack")
    tempo = master.find("DeviceChain/Mixer/Tempo")
    target = tempo.find("AutomationTarget").get("Id")
    (envelope,) = [
        each for each in master.iter("AutomationEnvelope") if value(each, "EnvelopeTarget/PointeeId") == target
    ]
    events = [(float(e.get("Time")), float(e.get("Value"))) for e in envelope.iter("FloatEvent")]
    assert float(value(tempo, "Manual")) == events[0][1] == 97.3
    assert events[1:] == [(8.0, 97.3), (8.0, 131.7), (20.0, 131.7), (20.0, 61.05)]


def test_mixers_have_fader_pan_mute_and_sends(exported, live_set):
    tracks = [*live_set.find("Tracks")]
    assert [track.tag for track in tracks] == ["AudioTrack"] * len(exported.story.tracks) + ["ReturnTrack"] * 2
    buses = [bus.id for bus in exported.story.buses]
    for strip, track in zip(list(exported.story.strips().values())[:-1], tracks, strict=True):
        mixer = track.find("DeviceChain/Mixer")
        assert float(value(mixer, "Volume/Manual")) == pytest.approx(db_to_gain(strip.gain_db))
        assert float(value(mixer, "Pan/Manual")) == pytest.approx(strip.pan)
        assert value(mixer, "Speaker/Manual") == str(not strip.mute).lower()
        sends = {send.to: db_to_gain(send.gain_db) for send in strip.sends}
        for bus, holder in zip(buses, mixer.find("Sends"), strict=True):
            assert float(value(holder, "Send/Manual")) == pytest.approx(max(3.162e-4, sends.get(bus, 0)), rel=1e-3)
