"""Words as markers where clips can hold none: read back from Live, DAWproject and AAF; and only where asked for."""

import zipfile

import aaf2
import opentimelineio
import pytest
from export_stories import nasty
from logic2ableton import ableton_parser
from lxml import etree
from sessions import export_sessions
from test_dawproject import read_frames

FORMATS = ("live", "dawproject", "aaf")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("words"), nasty, formats=FORMATS, word_markers=True)


@pytest.fixture(scope="module")
def wanted(exported) -> list[tuple[int, str]]:
    """Return the frame and the text of every word that is heard, by the takes alone."""
    words = []
    for placed in exported.placed.values():
        take = exported.shop.takes.get(placed.clip.line)
        for word in take.words if take else ():
            frame = word.start_frame - placed.clip.trim_start_frames
            if 0 <= frame < placed.length_frames:
                words.append((placed.start_frame + frame, word.text))
    assert len(words) > 20
    return sorted(words)


def without_markers(marks, exported) -> list:
    names = {marker.name for marker in exported.story.markers}
    return sorted(mark for mark in marks if mark[1] not in names)


def test_locators_of_live(exported, wanted):
    from test_live import Beats

    beats = Beats(exported.story)
    project = ableton_parser.parse_ableton_project(exported.file("live/*/*.als"))
    found = {round(locator.time_beats, 6): locator.name for locator in project.locators}
    assert len(found) == len(project.locators), "one at a place"
    for frame, text in wanted:
        assert found[round(beats.at(frame), 6)] in (text, *(name for at, name in wanted if at == frame))


def test_markers_of_a_dawproject(exported, wanted):
    with zipfile.ZipFile(exported.file("dawproject/*.dawproject")) as package:
        project = etree.fromstring(package.read("project.xml"))
    marks = [(round(read_frames(project, float(m.get("time")))), m.get("name")) for m in project.iter("Marker")]
    assert without_markers(marks, exported) == wanted


def test_markers_of_an_aaf_are_of_their_tracks(exported, wanted):
    tracks = {}
    with aaf2.open(str(exported.file("aaf/*.aaf"))) as file:
        (composition,) = file.content.compositionmobs()
        slots = {slot.slot_id: slot.name for slot in composition.slots}
        (events,) = (slot for slot in composition.slots if slot.name == "Markers")
        marks = [
            (m["Position"].value, m["Comment"].value, m["DescribedSlots"].value) for m in events.segment.components
        ]
    assert [mark[0] for mark in marks] == sorted(mark[0] for mark in marks)
    for frame, text, described in marks:
        tracks[frame, text] = {slots[number].removesuffix(".L").removesuffix(".R") for number in described}
    assert without_markers(tracks, exported) == wanted
    for placed in exported.placed.values():
        take = exported.shop.takes.get(placed.clip.line)
        for word in take.words if take else ():
            mark = placed.start_frame - placed.clip.trim_start_frames + word.start_frame, word.text
            if mark in tracks:
                assert tracks[mark] == {placed.track.name}


def test_opentimelineio_reads_them_from_the_aaf(exported, wanted):
    timeline = opentimelineio.adapters.read_from_file(str(exported.file("aaf/*.aaf")), adapter_name="AAF")
    texts = {marker.name for marker in timeline.tracks.markers}
    texts |= {marker.name for track in timeline.tracks for marker in track.markers}
    assert {text for _, text in wanted} <= texts
