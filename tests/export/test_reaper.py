"""The Reaper project, read back by three readers that nobody here wrote: rppxml (Cockos' parser), reaproj, rpp."""

import msgspec
import pytest
import reaproj
import rpp
import rppxml
from export_stories import ODD_NAMES, RATE, Workshop, nasty, placed_in, scene

from engine.story.tempo import TempoMap
from engine.units import db_to_gain

HALF_FRAME = 0.5 / RATE


class Chunk:
    """An element of any of the two parsers: its lines by name, its children by name."""

    def __init__(self, element, name_of) -> None:
        leaves = [child for child in element.children if isinstance(child, list)]
        self.all = {}
        for name, *values in leaves:
            self.all.setdefault(name, []).append(values)
        self.params = getattr(element, "params", None) or getattr(element, "attrib", ())
        self.children = [
            (name_of(child), Chunk(child, name_of)) for child in element.children if hasattr(child, "children")
        ]

    def line(self, name: str) -> list:
        (values,) = self.all[name]
        return values

    def number(self, name: str, index: int = 0) -> float:
        return float(self.line(name)[index])

    def each(self, name: str) -> list["Chunk"]:
        return [child for kind, child in self.children if kind == name]


def by_cockos(path) -> Chunk:
    return Chunk(rppxml.load(str(path)), lambda element: element.name)


def by_rpp(path) -> Chunk:
    return Chunk(rpp.loads(path.read_text(encoding="utf-8")), lambda element: element.tag)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    shop = Workshop(tmp_path_factory.mktemp("reaper"))
    story = nasty(shop)
    shop.export(story, overview=False)
    (path,) = (shop.folder / "out").glob("reaper/*.rpp")
    return shop, story, path


@pytest.fixture(params=[by_cockos, by_rpp])
def project(exported, request) -> Chunk:
    return request.param(exported[2])


def own_tracks(project: Chunk) -> list[Chunk]:
    """Return the story's tracks and buses: those before the folder of printed stems."""
    tracks = project.each("TRACK")
    return tracks[: [track.line("NAME")[0] for track in tracks].index("Stems (printed)")]


def expected_name(name: str) -> str:
    """Return a name as Reaper's quotes can hold it: with all three marks in it, one has to give."""
    return name.replace("`", "'") if all(mark in name for mark in "\"'`") else name


def test_names_survive_quotes_and_scripts(exported, project):
    _, story, _ = exported
    wanted = [track.name or track.id for track in story.tracks] + [bus.name for bus in story.buses]
    assert [track.line("NAME")[0] for track in own_tracks(project)] == [expected_name(name) for name in wanted]


def test_every_clip_is_where_it_is_in_the_story(exported, project):
    shop, story, _ = exported
    placed = placed_in(story, shop)
    for track, chunk in zip(story.tracks, own_tracks(project), strict=False):
        (item,) = chunk.each("ITEM")
        each = placed[track.clips[0].id]
        wanted = (each.start_frame, each.length_frames, each.clip.trim_start_frames)
        read = [item.number(name) * RATE for name in ("POSITION", "LENGTH", "SOFFS")]
        assert read == pytest.approx(wanted, abs=1e-4)
        assert item.number("FADEIN", 1) * RATE == pytest.approx(each.clip.fade_in_frames, abs=1e-4)
        assert item.number("FADEOUT", 1) * RATE == pytest.approx(each.clip.fade_out_frames, abs=1e-4)
        assert (item.number("FADEIN"), item.number("FADEOUT")) == (0, 0), "straight, as we play them"
        assert item.number("LOOP") == 0, "a source shorter than the clip would repeat"
        assert item.number("VOLPAN") == pytest.approx(db_to_gain(each.clip.gain_db))
        assert item.number("VOLPAN", 1) == pytest.approx(each.clip.pan)
        assert item.number("MUTE") == 0


def test_every_source_lies_beside_the_project(exported, project):
    _, _, path = exported
    items = [item for track in project.each("TRACK") for item in track.each("ITEM")]
    files = [item.each("SOURCE")[0].line("FILE")[0] for item in items]
    assert len(files) == len(ODD_NAMES) + 1 + len(own_tracks(project))
    for file in files:
        assert (path.parent / file).is_file()
        assert not file.startswith("/")


def test_strips_keep_gain_pan_mute_and_solo(exported, project):
    _, story, _ = exported
    strips = list(story.strips().values())[:-1]
    for strip, chunk in zip(strips, own_tracks(project), strict=True):
        assert chunk.number("VOLPAN") == pytest.approx(db_to_gain(strip.gain_db))
        assert chunk.number("VOLPAN", 1) == pytest.approx(strip.pan)
        assert bool(chunk.number("MUTESOLO")) is strip.mute
        assert bool(chunk.number("MUTESOLO", 1)) is strip.solo
        assert chunk.number("BEAT") == 0, "positions are times: an edited tempo must not move speech"
    assert project.number("MASTER_VOLUME") == pytest.approx(db_to_gain(story.master.strip.gain_db))


def test_sends_come_from_the_right_strip_after_its_fader(exported, project):
    _, story, _ = exported
    ids = list(story.strips())
    received = {}
    for number, chunk in enumerate(own_tracks(project)):
        for source, mode, gain, *_ in chunk.all.get("AUXRECV", []):
            assert float(mode) == 0
            received[ids[int(source)], ids[number]] = float(gain)
    wanted = {(key, send.to): db_to_gain(send.gain_db) for key, strip in story.strips().items() for send in strip.sends}
    assert received == pytest.approx(wanted)


def test_markers_lie_on_their_frames(exported, project):
    _, story, _ = exported
    tempo = TempoMap(story.tempo, RATE)
    read = {values[2]: float(values[1]) * RATE for values in project.all["MARKER"] if float(values[3]) == 0}
    wanted = {expected_name(marker.name): tempo.frame(marker.at.bar) for marker in story.markers}
    assert read == pytest.approx(wanted, abs=1e-4)


def test_the_tempo_map_has_every_change(exported, project):
    _, story, _ = exported
    tempo = TempoMap(story.tempo, RATE)
    assert (project.number("TEMPO"), project.number("TEMPO", 1), project.number("SAMPLERATE")) == (97.3, 4, RATE)
    (envelope,) = project.each("TEMPOENVEX")
    read = [(float(p[0]) * RATE, float(p[1]), int(p[3]) & 0xFFFF, int(p[3]) >> 16) for p in envelope.all["PT"]]
    wanted = [(tempo.frame(p.bar), p.tempo_bpm, p.beats_per_bar, 4) for p in story.tempo]
    for point, expected in zip(read, wanted, strict=True):
        assert point == pytest.approx(expected, abs=1e-4)


def test_words_are_take_markers(exported, project):
    shop, story, _ = exported
    for track, chunk in zip(story.tracks[:-1], own_tracks(project), strict=False):
        (item,) = chunk.each("ITEM")
        words = shop.takes[track.clips[0].line].words
        read = [(values[1], float(values[0]) * RATE) for values in item.all["TKM"]]
        assert [name for name, _ in read] == [expected_name(word.text) for word in words]
        assert [at for _, at in read] == pytest.approx([word.start_frame for word in words], abs=1e-4)


def test_the_printed_stems_lie_muted_in_a_folder(exported, project):
    _, _, path = exported
    folder, *stems = project.each("TRACK")[len(own_tracks(project)) :]
    assert folder.number("MUTESOLO") == 1
    depth = [int(track.number("ISBUS", 1)) for track in (folder, *stems)]
    assert sum(depth) == 0
    assert depth[0] == 1
    for stem in stems:
        (item,) = stem.each("ITEM")
        assert item.number("POSITION") == 0
        assert (path.parent / item.each("SOURCE")[0].line("FILE")[0]).samefile(
            path.parent.parent / item.each("SOURCE")[0].line("FILE")[0]
        ), "a link, no second copy"


def test_the_object_model_of_reaproj_agrees(exported):
    shop, story, path = exported
    project = reaproj.Project.load(str(path))
    placed = placed_in(story, shop)
    for track, read in zip(story.tracks, project.tracks, strict=False):
        each = placed[track.clips[0].id]
        (item,) = read.items
        assert item.position == pytest.approx(each.start_frame / RATE, abs=1e-9)
        assert item.length == pytest.approx(each.length_frames / RATE, abs=1e-9)
        assert item.soffs == pytest.approx(each.clip.trim_start_frames / RATE, abs=1e-9)
        assert project.resolve(item.source_path).is_file()
    assert len(project.markers) == len(story.markers)
    tempo = TempoMap(story.tempo, RATE)
    starts = [tempo.frame(marker.at.bar) for marker in story.markers]
    ends = [*starts[1:], max(each.end_frame for each in placed.values())]
    wanted = [(start / RATE, end / RATE) for start, end in zip(starts, ends, strict=True) if start < end]
    read = sorted((region.start, region.end) for region in project.regions)
    assert [edge for region in read for edge in region] == pytest.approx([edge for pair in wanted for edge in pair])
    assert {region.name for region in project.regions} <= {expected_name(marker.name) for marker in story.markers}


def guids(path) -> list[str]:
    names = ("{", "TRACKID", "IGUID", "GUID", "EGUID", "MARKER", "<TRACK")
    return [line.strip() for line in path.read_text().splitlines() if "{" in line and line.strip().startswith(names)]


def test_exporting_again_changes_no_identifier_but_of_what_is_new(tmp_path):
    shop = Workshop(tmp_path)
    story = scene(shop)
    shop.export(story, "first", overview=False)
    first = tmp_path / "first" / "reaper" / "The_Lamp.rpp"
    tracks = tuple(
        msgspec.structs.replace(track, strip=msgspec.structs.replace(track.strip, gain_db=1.0))
        for track in story.tracks
    )
    extra = msgspec.structs.replace(story.tracks[0].clips[0], id="n3")
    tracks = (msgspec.structs.replace(tracks[0], clips=(*tracks[0].clips, extra)), *tracks[1:])
    shop.export(msgspec.structs.replace(story, tracks=tracks), "second", overview=False)
    before, after = guids(first), guids(tmp_path / "second" / "reaper" / "The_Lamp.rpp")
    assert len(set(before)) == len(before)
    assert set(before) < set(after)
    assert len(set(after) - set(before)) == 2


def test_effects_that_reaper_lacks_stand_in_the_notes(tmp_path):
    shop = Workshop(tmp_path)
    shop.export(scene(shop), overview=False)
    text = (tmp_path / "out" / "reaper" / "The_Lamp.rpp").read_text(encoding="utf-8")
    assert "|Effect on keeper, not in this project: highpass cutoff_hz=200" in text
    assert "|Limiter on master, not in this project: -1 dBTP" in text
