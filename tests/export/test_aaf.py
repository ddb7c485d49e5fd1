"""The AAF, walked by pyaaf2 and read by OpenTimelineIO's AAF adapter: every clip on its frame, media beside it.

Its container is also read by olefile, which knows nothing of AAF.
"""

import uuid
from collections.abc import Iterator
from fractions import Fraction
from urllib.parse import unquote

import aaf2
import pytest
import soundfile
from export_stories import RATE, Workshop, sound
from sessions import export_sessions

from engine.export.sessions.compound import Storage, read_compound, write_compound
from engine.story.model import At, Clip, Story, Track
from engine.story.tempo import TempoMap
from engine.units import db_to_gain


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("aaf"), formats=("aaf",))


def parts(segment, gain=Fraction(1)):
    """Iterate over (frame, segment, gain) of the clips of a slot, operations unwrapped."""
    if isinstance(segment, aaf2.components.OperationGroup):
        value = next(iter(segment.parameters)).value
        factor = value if segment.operation.name == "Mono Audio Gain" else 1
        for inner in segment.segments:
            yield from parts(inner, gain * factor)
    elif isinstance(segment, aaf2.components.Sequence):
        now = 0
        for component in segment.components:
            yield from ((now + at, clip, factor) for at, clip, factor in parts(component, gain))
            now += component.length
    elif isinstance(segment, aaf2.components.SourceClip):
        yield 0, segment, gain


@pytest.fixture(scope="module")
def found(exported):
    """What pyaaf2 finds: {slot name: [clip facts]}."""
    slots = {}
    with aaf2.open(str(exported.file("aaf/*.aaf"))) as file:
        (composition,) = list(file.content.compositionmobs())
        assert (composition.usage, composition.name) == ("Usage_TopLevel", exported.story.title)
        for slot in composition.slots:
            assert slot.edit_rate == RATE
            slots[slot.name] = [
                {
                    "start": start,
                    "trim": clip.start,
                    "length": clip.length,
                    "gain": float(gain),
                    "fades": (clip.getvalue("FadeInLength", 0), clip.getvalue("FadeOutLength", 0)),
                    "note": clip.mob.comments["Cuevox"],
                    "file": unquote(
                        next(iter(clip.mob.slots)).segment.mob.descriptor["Locator"].value[0]["URLString"].value
                    ),
                }
                for start, clip, gain in parts(slot.segment)
            ]
    return slots


def test_every_clip_is_on_its_frames_in_every_slot(exported, found):
    for track in exported.story.tracks:
        name, clip = track.name or track.id, track.clips[0]
        placed = exported.placed[clip.id]
        slots = [found[key] for key in (name, f"{name}.L", f"{name}.R") if key in found]
        assert len(slots) == (2 if len(exported.shop.source(clip).T) == 2 or clip.pan else 1)
        for (read,) in slots:
            assert (read["start"], read["trim"], read["length"]) == (
                placed.start_frame,
                clip.trim_start_frames,
                placed.length_frames,
            )
            assert read["fades"] == (clip.fade_in_frames, clip.fade_out_frames)
            fader = 0.0 if track.strip.mute else db_to_gain(track.strip.gain_db)
            assert read["gain"] == pytest.approx(db_to_gain(clip.gain_db) * fader, abs=1e-5)
            assert f"clip={clip.id}" in read["note"]


def test_the_media_is_mono_24_bit_and_beside_it(exported, found):
    for clips in found.values():
        for read in clips:
            facts = soundfile.info(exported.folder / "aaf" / read["file"])
            assert (facts.channels, facts.subtype, facts.samplerate) == (1, "PCM_24", RATE)
            assert facts.frames >= read["trim"] + read["length"]


def test_opentimelineio_reads_the_same_places(exported, found):
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed")
    timeline = otio.adapters.read_from_file(str(exported.file("aaf/*.aaf")), adapter_name="AAF")
    read = sorted(
        (
            round(clip.transformed_time_range(clip.trimmed_range(), timeline.tracks).start_time.value),
            clip.duration().value,
        )
        for clip in timeline.find_clips()
    )
    wanted = sorted((each["start"], each["length"]) for clips in found.values() for each in clips)
    assert read == wanted


def test_markers_lie_on_their_frames(exported):
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed")
    timeline = otio.adapters.read_from_file(str(exported.file("aaf/*.aaf")), adapter_name="AAF")
    read = {marker.name: marker.marked_range.start_time.value for marker in timeline.tracks.markers}
    tempo = TempoMap(exported.story.tempo, RATE)
    assert read == {marker.name: tempo.frame(marker.at.bar) for marker in exported.story.markers}


def test_a_muted_track_is_silent_and_its_fader_is_told(exported):
    (muted,) = (track for track in exported.story.tracks if track.strip.mute)
    with aaf2.open(str(exported.file("aaf/*.aaf"))) as file:
        (composition,) = file.content.compositionmobs()
        comments = dict(composition.comments.items())
    assert comments == {f"Cuevox {muted.name}": f"muted here; its fader stood at {muted.strip.gain_db:g} dB"}


def test_fades_have_the_nearest_shape(tmp_path):
    def shaped(shop: Workshop) -> Story:
        line = shop.line("One", sound(4800, 1))
        shapes = ("linear", "equal_power", "s_curve", "exponential")
        clips = tuple(
            Clip(id=shape, start=At(frame=4800 * n), line=line, fade_in_frames=100, fade_in_shape=shape)
            for n, shape in enumerate(shapes)
        )
        return Story(title="Shapes", tracks=(Track(id="t", clips=clips),))

    exported = export_sessions(tmp_path, shaped, formats=("aaf",))
    with aaf2.open(str(exported.file("aaf/*.aaf"))) as file:
        (composition,) = file.content.compositionmobs()
        (slot,) = composition.slots
        read = [clip["FadeInType"].value for clip in slot.segment.components]
        assert all("FadeOutType" not in clip for clip in slot.segment.components)
    assert read == ["FadeLinearAmp", "FadeLinearPower", "FadeLinearAmp", "FadeLinearAmp"]
    readme = (exported.folder / "README.txt").read_text(encoding="utf-8")
    assert "Not in it: the shape of fades that are exponential, s_curve" in readme


def test_another_reader_of_its_container_finds_nothing_wrong(exported):
    olefile = pytest.importorskip("olefile", reason="olefile is not installed")
    path = exported.file("aaf/*.aaf")
    container = olefile.OleFileIO(str(path))
    problems = [str(problem) for _, problem in container.parsing_issues]
    assert problems == ["incorrect CLSID in OLE header"], "an AAF says there that it is one"
    tree = read_compound(path)
    listed = {tuple(name): container.openstream(name).read() for name in container.listdir()}
    assert listed == dict(streams(tree))


def streams(storage: Storage, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bytes]]:
    for name, content in storage.children.items():
        if isinstance(content, bytes):
            yield (*path, name), content
        else:
            yield from streams(content, (*path, name))


def test_a_compound_file_of_many_and_large_streams_reads_back_the_same(tmp_path):
    olefile = pytest.importorskip("olefile", reason="olefile is not installed")
    class_id = uuid.UUID(int=7).bytes_le
    many = Storage(class_id, {f"item{{{n:x}}}": bytes([n % 256]) * (n % 130) for n in range(3000)})
    root = Storage(class_id, {"many": many, "large": bytes(range(256)) * 40_000, "edge": b"x" * 4096, "none": b""})
    write_compound(root, tmp_path / "file")
    assert dict(streams(read_compound(tmp_path / "file"))) == dict(streams(root))
    container = olefile.OleFileIO(str(tmp_path / "file"))
    assert {tuple(name): container.openstream(name).read() for name in container.listdir()} == dict(streams(root))
