"""The story's file: saved by patching, never over somebody's edit, never half."""

import os
import shutil
import subprocess

import pytest
from msgspec.structs import replace

import engine.story.document as document_module
from engine.errors import StoryError
from engine.story.document import StoryDocument
from engine.story.model import At, Clip, Story, Track

TEXT = "# mine\nkind: story\nversion: 1\ntitle: 'One' # short\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        os.geteuid() != 0
        or not mount
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "none", folder]).returncode
    ):
        pytest.skip("a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_save_changes_the_value_and_keeps_the_rest(path):
    path.chmod(0o640)
    document = StoryDocument.load(path)
    document.save(replace(document.story, title="Two"))
    assert path.read_text() == TEXT.replace("One", "Two")
    assert path.stat().st_mode & 0o777 == 0o640
    document.save(replace(document.story, title="Three"))
    assert StoryDocument.load(path).story.title == "Three"
    assert {p.name for p in path.parent.iterdir()} == {".backups", "story.yaml"}


def test_a_document_saves_clips_that_come_and_go_again_and_again(path):
    document = StoryDocument.load(path)
    for i in range(200):
        clips = tuple(Clip(id=f"c{i}-{k}", start=At(frame=100 * i + k), audio=f"{i}.wav") for k in range(3))
        document.save(replace(document.story, tracks=(Track(id="one", clips=clips),)))
    assert StoryDocument.load(path).story == document.story


@pytest.fixture
def just_after(monkeypatch):
    """Return a list of what is called in the moment after a file has been replaced."""
    calls, write = [], document_module._write

    def write_and_call(*args):
        write(*args)
        for call in calls:
            call()

    monkeypatch.setattr(document_module, "_write", write_and_call)
    return calls


def test_a_save_is_at_no_moment_taken_for_an_edit_on_disk(path, just_after):
    document, found = StoryDocument.load(path), []
    just_after.append(lambda: found.append(document.changed_on_disk()))
    for title in ("Two", "Three"):
        document.save(replace(document.story, title=title))
        found.append(document.changed_on_disk())
    assert found == [False] * 4


def test_an_edit_on_disk_just_after_a_save_is_not_overwritten(path, just_after):
    document, edited = StoryDocument.load(path), TEXT.replace("One", "By hand")
    just_after.append(lambda: path.write_text(edited))
    document.save(replace(document.story, title="Two"))
    assert document.changed_on_disk()
    with pytest.raises(StoryError, match="edited on disk"):
        document.save(replace(document.story, title="Three"))
    assert path.read_text() == edited


def test_an_edit_on_disk_is_never_overwritten(path):
    document = StoryDocument.load(path)
    os.utime(path, ns=(1, 1))
    assert not document.changed_on_disk()
    path.write_text(TEXT + "tempo: 90\n")
    assert document.changed_on_disk()
    with pytest.raises(StoryError, match="was edited on disk since it was read; reload it first"):
        document.save(replace(document.story, title="Two"))
    assert path.read_text() == TEXT + "tempo: 90\n"
    path.unlink()
    with pytest.raises(StoryError, match="edited on disk"):
        document.save(replace(document.story, title="Two"))


def test_create_never_overwrites_and_writes_nothing_wrong(path, tmp_path):
    with pytest.raises(StoryError, match="there is a file of that name already"):
        StoryDocument.create(path, Story(title="New"))
    with pytest.raises(StoryError, match=r"new.yaml: tracks\[0\].id: 'A' is no id"):
        StoryDocument.create(tmp_path / "new.yaml", Story(title="New", tracks=(Track(id="A"),)))
    with pytest.raises(StoryError, match="can't be written: No such file"):
        StoryDocument.create(tmp_path / "nowhere" / "new.yaml", Story(title="New"))
    assert StoryDocument.create(tmp_path / "new.yaml", Story(title="New")).story == Story(title="New")


def test_a_link_goes_on_leading_to_the_story(path, tmp_path):
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    document = StoryDocument.load(link)
    document.save(replace(document.story, title="Two"))
    assert link.is_symlink()
    assert "Two" in path.read_text()


def test_a_crash_while_writing_leaves_the_old_file(path, monkeypatch):
    def fail(_handle):
        raise OSError(5, "Input/output error")

    document = StoryDocument.load(path)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoryError, match="can't be written: Input/output error"):
        document.save(replace(document.story, title="Two"))
    assert path.read_text() == TEXT
    assert {p.name for p in path.parent.iterdir()} == {".backups", "story.yaml"}


def test_a_full_disk_leaves_the_old_file(small_disk):
    path = small_disk / "story.yaml"
    path.write_text(TEXT)
    document = StoryDocument.load(path)
    with pytest.raises(StoryError, match="can't be written: No space left"):
        document.save(replace(document.story, title="x" * 100_000))
    assert path.read_text() == TEXT
    assert [p.name for p in small_disk.iterdir() if p.name != ".backups"] == ["story.yaml"]


def test_an_unwritable_folder_is_told(small_disk):
    path = small_disk / "story.yaml"
    path.write_text(TEXT)
    document = StoryDocument.load(path)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoryError, match="can't be written: Read-only file system"):
        document.save(replace(document.story, title="Two"))
    assert path.read_text() == TEXT


@pytest.mark.parametrize(("data", "text"), [(b"\xff", "story.yaml:1: this is not UTF-8"), (b"", "the file is empty")])
def test_what_is_no_story(path, data, text):
    path.write_bytes(data)
    with pytest.raises(StoryError, match=text):
        StoryDocument.load(path)
    path.unlink()
    with pytest.raises(StoryError, match="No such file"):
        StoryDocument.load(path)
