"""A story with all that it plays goes into one folder; what was moved is found, or named; each save keeps a backup."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from engine.errors import MediaError, StoryError
from engine.story import backups
from engine.story.backups import keep_backup
from engine.story.collect import collect
from engine.story.document import StoryDocument
from engine.story.whereabouts import whereabouts

TEXT = """\
kind: story
version: 1
title: Small  # a comment
tracks:
  - id: t
    clips:
      - {id: a, audio: sounds/door.wav}
      - {id: b, audio: more/door.wav}
      - {id: c, audio: sounds/door.wav}
"""


@pytest.fixture
def project(tmp_path):
    for name, data in {"p/sounds/door.wav": b"one", "p/more/door.wav": b"two"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "p" / "story.yaml").write_text(TEXT)
    return tmp_path


def audio(path):
    return [clip.audio for clip in StoryDocument.load(path).story.tracks[0].clips]


def test_everything_goes_into_another_folder(project):
    done = collect(StoryDocument.load(project / "p/story.yaml"), project / "out")
    assert audio(project / "out/story.yaml") == ["sounds/door.wav", "more/door.wav", "sounds/door.wav"]
    assert (project / "out/more/door.wav").read_bytes() == b"two" and not done.found
    assert "# a comment" in (project / "out/story.yaml").read_text()
    assert (project / "p/story.yaml").read_text() == TEXT
    with pytest.raises(MediaError, match="not overwritten"):
        collect(StoryDocument.load(project / "p/story.yaml"), project / "out")


def test_a_moved_file_is_found_again_in_place(project):
    (project / "p/sounds/door.wav").rename(project / "p/moved.wav")
    (project / "p/more/door.wav").rename(project / "p/more/other.wav")
    with pytest.raises(MediaError, match=r"(?s)sounds/door\.wav is missing.*more/door\.wav is missing"):
        collect(StoryDocument.load(project / "p/story.yaml"), project / "p", [project / "nowhere"])
    (project / "p/more/other.wav").rename(project / "p/more/door.wav")
    (project / "disk/deep").mkdir(parents=True)
    (project / "p/moved.wav").rename(project / "disk/deep/door.wav")
    with pytest.raises(MediaError, match="they differ"):
        collect(StoryDocument.load(project / "p/story.yaml"), project / "p", [project / "disk"])
    (project / "p/more/door.wav").write_bytes(b"one")
    done = collect(StoryDocument.load(project / "p/story.yaml"), project / "p", [project / "disk"])
    assert list(done.found) == ["sounds/door.wav"]
    assert audio(project / "p/story.yaml") == ["media/door.wav", "more/door.wav", "media/door.wav"]
    assert (project / "p/media/door.wav").read_bytes() == b"one"


def test_a_file_that_was_moved_within_the_folder_is_played_from_there_and_one_that_is_nowhere_is_named(project):
    folder = project / "p"
    assert whereabouts(folder, "sounds/door.wav") == folder / "sounds/door.wav"
    (folder / "sounds/door.wav").rename(folder / "bell.wav")
    (folder / "exports").mkdir()
    (folder / "exports/bell.wav").write_bytes(b"mixed")
    assert whereabouts(folder, "sounds/bell.wav") == folder / "bell.wav"
    assert whereabouts(folder, "sounds/door.wav") == folder / "more/door.wav"
    (folder / "bell.wav").rename(folder / "sounds/bell.wav")
    (folder / "more/bell.wav").write_bytes(b"another")
    with pytest.raises(MediaError, match=r"'bell\.wav' is missing; it may be .*they differ"):
        whereabouts(folder, "bell.wav")
    with pytest.raises(MediaError, match=r"'horn\.wav' is missing.*cuevox collect --search DIR"):
        whereabouts(folder, "horn.wav")
    with pytest.raises(MediaError, match="lies outside the story's folder"):
        whereabouts(folder, "../out.wav")


def test_each_save_keeps_what_was_there(project):
    path = project / "p/story.yaml"
    document = StoryDocument.load(path)
    document.save(replace(document.story, title="Second"))
    document.save(replace(document.story, title="Third"))
    newest, oldest = backups.backups(path)
    assert "title: Second" in newest.read_text() and oldest.read_text() == TEXT
    StoryDocument.restore(path, oldest)
    assert path.read_text() == TEXT and len(backups.backups(path)) == 3
    newest.write_text("kind: nonsense")
    with pytest.raises(StoryError):
        StoryDocument.restore(path, newest)
    assert path.read_text() == TEXT


def test_the_newest_stay_and_one_of_each_day(project):
    path = project / "p/story.yaml"
    keep_backup(path)
    for hours in range(1, 24 * 40, 8):
        when = datetime.now(UTC) - timedelta(hours=hours)
        (path.parent / backups.FOLDER / f"story.{when.strftime(backups.STAMP)}.yaml").write_text("old")
    keep_backup(path)
    left = backups.backups(path)
    assert backups.NEWEST < len(left) <= backups.NEWEST + backups.DAYS
    assert len({p.name[6:14] for p in left}) == backups.DAYS
