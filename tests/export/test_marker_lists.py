"""Lists of markers, clips and words, read as their programs read them."""

import csv

import pytest
from export_stories import RATE
from sessions import export_sessions

from engine.story.tempo import TempoMap


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_sessions(tmp_path_factory.mktemp("lists"), formats=("markers",))


def rows(path, delimiter: str) -> list[list[str]]:
    quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, quoting=quoting))


def marker_seconds(exported) -> dict[str, float]:
    tempo = TempoMap(exported.story.tempo, RATE)
    return {marker.name: tempo.frame(marker.at.bar) / RATE for marker in exported.story.markers}


def test_reaper_gets_markers_and_regions(exported):
    head, *found = rows(exported.file("markers/reaper_markers.csv"), ",")
    assert head == ["#", "Name", "Start", "End", "Length"]
    markers = {row[1]: float(row[2]) for row in found if row[0].startswith("M")}
    assert markers == pytest.approx(marker_seconds(exported), abs=1e-6)
    regions = [row for row in found if row[0].startswith("R")]
    for row, placed in zip(regions, exported.placed.values(), strict=True):
        wanted = (placed.start_frame, placed.end_frame, placed.length_frames)
        assert [float(value) * RATE for value in row[2:]] == pytest.approx(wanted, abs=0.5)


def test_audacity_gets_labels(exported):
    found = rows(exported.file("markers/audacity_labels.txt"), "\t")
    assert all(len(row) == 3 for row in found)
    points = {row[2]: float(row[0]) for row in found if row[0] == row[1] and row[2] != "tick"}
    assert points == pytest.approx(marker_seconds(exported), abs=1e-6)


def test_audition_gets_a_table(exported):
    head, *found = rows(exported.file("markers/audition_markers.csv"), "\t")
    assert head == ["Name", "Start", "Duration", "Time Format", "Type", "Description"]
    assert {len(row) for row in found} == {6}
    minutes, seconds = found[2][1].split(":")
    assert int(minutes) * 60 + float(seconds) == pytest.approx(list(marker_seconds(exported).values())[2], abs=5e-4)


def test_words_have_frames(exported):
    head, *found = rows(exported.file("markers/words.csv"), ",")
    assert head[:3] == ["track", "clip", "word"]
    for row in found:
        placed = exported.placed[row[1]]
        assert placed.start_frame <= int(row[5]) <= int(row[6]) <= placed.end_frame
        assert float(row[3]) * RATE == pytest.approx(int(row[5]), abs=0.5)
