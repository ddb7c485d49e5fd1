"""A Voicebox folder is taken over whole, and stays as it is; older ones too; what has no counterpart is told."""

import hashlib
import json
import sqlite3
import zipfile

import numpy as np
import pytest
import soundfile

from engine.errors import BadRange, EngineError, MediaError
from engine.store.library import Library
from engine.store.profiles import Profiles
from engine.store.voicebox_import import VoiceboxImport
from engine.story.document import StoryDocument
from engine.story.model import At
from tests.store.stores import Store
from tests.store.test_profiles import speech

TABLES = """
CREATE TABLE profiles (id TEXT, name TEXT, description TEXT, language TEXT, avatar_path TEXT, effects_chain TEXT,
                       voice_type TEXT, default_engine TEXT);
CREATE TABLE profile_samples (id TEXT, profile_id TEXT, audio_path TEXT, reference_text TEXT);
CREATE TABLE generations (id TEXT, profile_id TEXT, text TEXT, language TEXT, audio_path TEXT, duration REAL, seed INT,
                          instruct TEXT, engine TEXT, model_size TEXT, status TEXT);
CREATE TABLE generation_versions (id TEXT, generation_id TEXT, label TEXT, audio_path TEXT, effects_chain TEXT,
                                  source_version_id TEXT, is_default INT);
CREATE TABLE stories (id TEXT, name TEXT, description TEXT);
CREATE TABLE story_items (id TEXT, story_id TEXT, generation_id TEXT, version_id TEXT, start_time_ms INT, track INT,
                          trim_start_ms INT, trim_end_ms INT, volume REAL);
"""
CHAIN = json.dumps([
    {"type": "highpass", "enabled": True, "params": {"cutoff_frequency_hz": 90}},
    {"type": "reverb", "enabled": True, "params": {"room_size": 0.3, "sparkle": 1}},
    {"type": "teleport", "enabled": True, "params": {}},
    {"type": "delay", "enabled": False, "params": {}},
])  # fmt: skip


def tone(path, seconds, hz):
    time = np.arange(round(seconds * 24_000)) / 24_000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hz * time), 24_000, subtype="PCM_16")


@pytest.fixture
def box(tmp_path):
    """A folder with two profiles, three generations, a story."""
    box = tmp_path / "box"
    for name in ("profiles/p1", "generations"):
        (box / name).mkdir(parents=True)
    soundfile.write(box / "profiles/p1/s.wav", speech(), 24_000)
    for number in (1, 2, 3):
        tone(box / f"generations/g{number}.wav", number, 200 * number)
    connection = sqlite3.connect(box / "voicebox.db")
    connection.executescript(TABLES)
    rows = {
        "profiles": [("p1", "Old Anna", "warm", "en", None, CHAIN, "cloned", "qwen"),
                     ("p2", "Kokoro", None, "de", None, None, "preset", "kokoro")],
        "profile_samples": [("s", "p1", "/home/x/data/profiles/p1/s.wav", "What she says."),
                            ("t", "p1", "../../../etc/passwd", "")],
        "generations": [("g1", "p1", "The first line.", "en", "generations/g1.wav", 1.0, 7, "softly", "qwen", "1.7B",
                         "completed"),
                        ("g2", "p2", "Die zweite Zeile.", "fr", "C:\\data\\generations\\g2.wav", 2.0, None, None, None,
                         None, None),
                        ("g7", "p0", "Whose?", "en", "generations/g2.wav", 2.0, -5, None, None, None, None),
                        ("g9", "p1", "Never made.", "en", "generations/g9.wav", 0, 1, None, "qwen", None, "failed"),
                        ("g8", "p1", "Gone.", "en", "generations/g8.wav", 0, 1, None, "qwen", None, "completed")],
        "generation_versions": [("v1", "g1", "original", "generations/g1.wav", None, None, 0),
                                ("v2", "g1", "with room", "generations/g3.wav", CHAIN, "v1", 1)],
        "stories": [("s1", "A Night", "long ago"), ("s2", "Empty", None)],
        "story_items": [("i1", "s1", "g1", "v1", 500, 0, 100, 250, 0.5), ("i2", "s1", "g1", None, 2000, 0, 0, 0, None),
                        ("i3", "s1", "g2", None, 0, 1, 0, 0, 0.0), ("i4", "s1", "g8", None, 1, 1, 0, 0, 1.0),
                        ("i5", "s1", "g1", "v9", 9000, 2, 0, 0, 1.0)],
    }  # fmt: skip
    for table, these in rows.items():
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(these[0]))})", these)
    connection.commit()
    connection.close()
    return box


@pytest.fixture
def kept(tmp_path):
    store = Store(tmp_path / "data")
    yield store
    store.database.close()


def importing(kept, consent="Anna agreed"):
    profiles = Profiles(kept.database, kept.folder, kept.media)
    return VoiceboxImport(profiles, kept.takes, consent=consent, stories=kept.folder / "stories")


def state(folder):
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_is_taken_over_and_stays_as_it_is(box, kept):
    before = state(box)
    report = importing(kept).folder(box)
    assert state(box) == before
    assert report.voices == ("old-anna",) and report.takes == 4
    profile = Profiles(kept.database, kept.folder).get("old-anna")
    assert profile.samples[0].text == "What she says." and profile.consent == "Anna agreed"
    assert profile.effects == [{"highpass": {"cutoff_hz": 90.0}}, {"reverb": {"room_size": 0.3}}]
    takes = {(e.text, e.number): e for e in Library(kept.database).page()}
    first = takes["The first line.", 1]
    assert (first.voice, first.seed, first.origin, first.note) == ("old-anna", 7, "voicebox qwen 1.7B", "original")
    assert (
        takes["The first line.", 2].note == "with room from original (default)"
        and takes["Die zweite Zeile.", 1].voice == "kokoro"
    )
    assert all(e.media for e in takes.values())
    told = (
        "'teleport'",
        "sparkle",
        "no samples",
        "etc/passwd",
        "g9: it is failed",
        "g8",
        "'Empty'",
        "long ago",
        "warm",
        "g2: its language ('fr'; its voice speaks 'de')",
        "g7: its profile 'p0' is not there",
        "g7: its seed (-5;",
        "clip 5 at 9000 ms: its version 'v9' is not there",
    )
    for said in told:
        assert any(said in line for line in report.left_out), said


def test_a_story_plays_the_same_parts_at_the_same_times(box, kept):
    (path,) = importing(kept).folder(box).stories
    story = StoryDocument.load(kept.folder / path).story
    clips = {c.id: (t.id, c) for t in story.tracks for c in t.clips}
    track, clip = next((t, c) for t, c in clips.values() if c.start == At(frame=24_000))
    assert track == "track-0" and clip.trim_start_frames == 4800 and clip.length_frames == 48_000 - 4800 - 12_000
    assert clip.gain_db == pytest.approx(-6.02, abs=0.01) and clip.name == "The first line."
    other = next(c for _, c in clips.values() if c.start == At(frame=96_000))
    assert soundfile.info(kept.folder / "stories/a-night" / other.audio).frames == 3 * 24_000  # the default version
    assert [c.mute for t, c in clips.values() if t == "track-1"] == [True]


def test_a_second_import_adds_nothing(box, kept):
    importing(kept).folder(box)
    count = len(Library(kept.database).page())
    report = importing(kept).folder(box)
    assert report.voices == () == report.stories and len(Library(kept.database).page()) == count
    assert any("already" in line for line in report.left_out)


def test_without_consent_no_voice_is_cloned(box, kept):
    report = importing(kept, consent="").folder(box)
    assert report.voices == () and report.takes == 4 and any("--consent" in line for line in report.left_out)


def test_an_older_database_lacks_columns_and_tables(box, kept):
    connection = sqlite3.connect(box / "voicebox.db")
    lacking = {"profiles": ("effects_chain", "voice_type"), "generations": ("status", "engine", "instruct")}
    for table, column in ((table, column) for table, columns in lacking.items() for column in columns):
        connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in ("generation_versions", "stories", "story_items"):
        connection.execute(f"DROP TABLE {table}")
    connection.commit()
    connection.close()
    report = importing(kept).folder(box)
    assert report.voices == ("old-anna",) and report.takes == 3 and report.stories == ()


def test_what_is_no_voicebox_is_named(tmp_path, kept):
    (tmp_path / "x.db").write_text("no database")
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(MediaError):
            importing(kept).folder(path)


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_a_profile_archive_becomes_a_voice(box, kept, tmp_path):
    wav = (box / "profiles/p1/s.wav").read_bytes()
    manifest = json.dumps({"version": "1.0", "profile": {"name": "Berta", "language": "de"}})
    listed = [{"audio_path": "samples/s.wav", "reference_text": "Hallo."}]
    for number, samples in enumerate([{"s.wav": "Hallo."}, listed]):
        members = {"manifest.json": manifest.replace("Berta", f"Berta {number}"), "samples.json": json.dumps(samples),
                   "samples/s.wav": wav, "avatar.png": b"x"}  # fmt: skip
        report = importing(kept).archive(archive(tmp_path / "p.zip", members))
        assert report.voices == (f"berta-{number}",) and any("avatar.png" in line for line in report.left_out)
        assert Profiles(kept.database, kept.folder).get(f"berta-{number}").samples[0].text == "Hallo."


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"../evil.wav": b"x"}, BadRange, "outside"),
        ({"/etc/evil": b"x"}, BadRange, "outside"),
        ({"samples/..\\..\\evil": b"x"}, BadRange, "outside"),
        ({"samples/bomb.wav": b"\0" * (4 << 20)}, BadRange, "times its size"),
        ({"samples.json": b"{"}, MediaError, "can't be read"),
        ({"samples.json": b"{}"}, MediaError, "0 samples"),
        ({"samples.json": b'{"other.wav": ""}'}, MediaError, "no samples/other.wav"),
        ({"manifest.json": None}, MediaError, "no manifest.json"),
    ],
)
def test_a_bad_archive_leaves_nothing(box, kept, tmp_path, change, error, said):
    good = {"manifest.json": b"{}", "samples.json": b'{"s.wav": "x"}', "samples/s.wav": b"RIFF"}
    members = {name: data for name, data in {**good, **change}.items() if data is not None}
    with pytest.raises(error, match=said):
        importing(kept).archive(archive(tmp_path / "p.zip", members))
    assert Profiles(kept.database, kept.folder).all() == () and not list(tmp_path.rglob("*evil*"))
    assert issubclass(error, EngineError)
