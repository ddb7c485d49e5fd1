"""A story's file is changed without an engine: what one has left unsaved is taken in, never lost, never made twice."""

import pytest

from engine.commands import AddTrack, SetClip, SetStripGain
from engine.errors import Busy, StoryError
from engine.story.claim import Claim
from engine.story.document import StoryDocument
from engine.story.edit import apply_edit
from engine.story.history import History
from engine.story.journal import Journal
from engine.story.unsaved import Unsaved

TEXT = """\
kind: story
version: 1
title: Left  # by hand
tracks:
  - id: a
    clips: [{id: k1, say: Hello., voice: narrator}]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(TEXT)
    return path


def left(path, *edits):
    """Have an engine acknowledge edits, and be killed."""
    journal = Journal(path)
    for edit in edits:
        journal.append(edit, "tablet")
    journal.close()


def named(story):
    return story.tracks[0].clips[0].name


def test_what_a_killed_engine_has_left_is_saved_with_the_change_and_both_can_be_taken_back(path):
    left(path, AddTrack(track="b"), SetClip(clip="k1", name="theirs"))
    document = StoryDocument.load(path)
    with Unsaved(document) as unsaved:
        assert unsaved.recovered and named(unsaved.story) == "theirs"
        unsaved.save(
            apply_edit(unsaved.story, SetStripGain(strip="b", gain_db=-6.0)), "set strip gain b", "cuevox edit"
        )
    assert "# by hand" in path.read_text() and "theirs" in path.read_text() and "-6" in path.read_text()
    story, dropped = Journal(path).replay(StoryDocument.load(path).story)
    assert (story, dropped) == (StoryDocument.load(path).story, ()), "nothing is made twice"
    history = History(Journal(path).past())
    assert [(step.name, step.client) for step in history.steps] == [
        ("add track b", "tablet"), ("set clip k1", "tablet"), ("set strip gain b", "cuevox edit"),
    ]  # fmt: skip
    assert not list(path.parent.glob(".*.lock"))


def test_while_an_engine_has_edits_of_its_own_nothing_is_changed(path):
    claim = Claim(path)
    with Unsaved(StoryDocument.load(path)) as unsaved:
        left(path, SetClip(clip="k1", name="theirs"))
        with pytest.raises(Busy, match="meanwhile"):
            unsaved.save(apply_edit(unsaved.story, AddTrack(track="b")), "", "")
    with pytest.raises(Busy, match="have it save them first"):
        Unsaved(StoryDocument.load(path))
    assert path.read_text() == TEXT and Journal(path).path.exists()
    claim.give_back()
    with Unsaved(StoryDocument.load(path)) as unsaved:
        assert named(unsaved.story) == "theirs"


def test_edits_that_no_longer_fit_are_not_lost_by_a_change(path):
    left(path, SetClip(clip="k1", name="theirs"))
    path.write_text(TEXT.replace("k1", "k2"))
    with pytest.raises(StoryError, match="no longer fit, and would be lost: line 2: "):
        Unsaved(StoryDocument.load(path))
    assert Journal(path).path.exists() and Claim(path).held


def test_a_change_that_undoes_what_was_left_leaves_no_journal_to_bring_it_back(path):
    left(path, SetClip(clip="k1", name="theirs"))
    document = StoryDocument.load(path)
    with Unsaved(document) as unsaved:
        unsaved.save(document.story, "", "")
    assert path.read_text() == TEXT
    assert Journal(path).replay(document.story) == (document.story, ())


def test_without_a_journal_a_change_leaves_nothing_beside_the_file(path):
    with Unsaved(StoryDocument.load(path)) as unsaved:
        assert not unsaved.recovered
        unsaved.save(apply_edit(unsaved.story, AddTrack(track="b")), "", "")
    assert {p.name for p in path.parent.iterdir() if p.is_file()} == {"story.yaml"}
