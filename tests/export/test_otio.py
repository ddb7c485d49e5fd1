"""The OTIO timeline, read back by OpenTimelineIO itself."""

import pytest
from export_stories import RATE, Workshop, scene
from sessions import export_sessions

from engine.story.tempo import TempoMap

otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("otio"), formats=("otio",))


def test_every_clip_lies_on_its_frames(exported):
    timeline = otio.adapters.read_from_file(str(exported.file("otio/*.otio")))
    assert timeline.name == exported.story.title
    found = {}
    for track in timeline.audio_tracks():
        for clip in track.find_clips():
            place = clip.trimmed_range_in_parent()
            source = clip.source_range
            assert source.start_time.rate == RATE
            found[clip.metadata["cuevox"]["clip"]] = (
                place.start_time.value, place.duration.value, source.start_time.value,
            )  # fmt: skip
            assert (exported.folder / "otio" / clip.media_reference.target_url).is_file()
    assert found == {
        key: (placed.start_frame, placed.length_frames, placed.clip.trim_start_frames)
        for key, placed in exported.placed.items()
    }


def test_markers_and_words_are_markers(exported):
    timeline = otio.adapters.read_from_file(str(exported.file("otio/*.otio")))
    tempo = TempoMap(exported.story.tempo, RATE)
    read = {marker.name: marker.marked_range.start_time.value for marker in timeline.tracks.markers}
    assert read == {marker.name: tempo.frame(marker.at.bar) for marker in exported.story.markers}
    clip = next(iter(timeline.find_clips()))
    assert [marker.name for marker in clip.markers] == ["He", "said", '"no"'], "the fourth is trimmed away"


def test_clips_that_overlap_get_a_layer_of_their_own(tmp_path):
    exported = export_sessions(tmp_path, scene, formats=("otio",))
    timeline = otio.adapters.read_from_file(str(exported.file("otio/*.otio")))
    names = [track.name for track in timeline.audio_tracks()]
    assert names == ["Narrator", "Narrator (2)", "Keeper / „Ünï“", "Bed", "Bed (2)"]
    assert isinstance(exported.shop, Workshop)
