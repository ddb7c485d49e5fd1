"""Stories of older and later formats: the former become today's with their comments, the latter say what to do."""

import pytest

from engine.errors import StoryError
from engine.story import document
from engine.story.document import StoryDocument
from engine.story.formats import VERSION, upgraded

STEPS = {
    0: lambda text: text.replace("name:", "title:"),
    1: lambda text: text + "markers: []\n",
}
OLD = "# mine\nkind: story\nversion: 0  # the first\nname: Old\ntracks: []\n"


def test_a_text_takes_every_step_and_keeps_its_comments():
    assert upgraded(OLD, "s.yaml", steps=STEPS, to=2) == (
        "# mine\nkind: story\nversion: 2  # the first\ntitle: Old\ntracks: []\nmarkers: []\n"
    )
    today = "kind: story\r\nversion: 2\r\n"
    assert upgraded(today, "s.yaml", steps=STEPS, to=2) == today
    assert upgraded("kind: story\n", "s.yaml", steps=STEPS, to=2) == "kind: story\n"


def test_a_later_one_is_refused_with_its_line():
    with pytest.raises(
        StoryError, match=rf"s\.yaml:2: version 99 is of a later Cuevox; this one reads up to {VERSION}"
    ):
        upgraded("kind: story\nversion: 99\n", "s.yaml")


def test_an_older_file_is_read_and_saved_as_todays_behind_a_backup(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "upgraded", lambda text, name: upgraded(text, name, steps=STEPS, to=1))
    path = tmp_path / "story.yaml"
    path.write_text(OLD)
    opened = StoryDocument.load(path)
    assert opened.story.title == "Old" and path.read_text() == OLD
    opened.save(document.replace(opened.story, title="New"))
    assert path.read_text() == OLD.replace("version: 0", "version: 1").replace("name: Old", "title: New")
    (copy,) = (tmp_path / ".backups").iterdir()
    assert copy.read_text() == OLD
    StoryDocument.restore(path, copy)
    assert StoryDocument.load(path).story.title == "Old"
