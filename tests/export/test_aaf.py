"""The AAF, walked by pyaaf2 and read by OpenTimelineIO's AAF adapter: every clip on its frame, media beside it."""

from fractions import Fraction
from urllib.parse import unquote

import aaf2
import pytest
import soundfile
from export_stories import RATE
from sessions import export_sessions

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
            assert read["gain"] == pytest.approx(db_to_gain(clip.gain_db + track.strip.gain_db), abs=1e-5)
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
