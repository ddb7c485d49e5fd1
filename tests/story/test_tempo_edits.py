"""The tempo map is edited: points come, change and go, the file and the journal keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands import Edit, RemoveTempo, SetTempo
from engine.errors import EngineError
from engine.story.document import StoryDocument
from engine.story.edit import apply_edit
from engine.story.journal import Journal
from engine.story.model import Story, TempoPoint

STORY = Story(title="Waltz", tempo=(TempoPoint(tempo_bpm=90.0, beats_per_bar=3), TempoPoint(bar=9, tempo_bpm=120.0)))


def test_a_tempo_is_set_where_there_is_one_and_where_there_is_none() -> None:
    story = apply_edit(STORY, SetTempo(bar=1, tempo_bpm=96.0))
    story = apply_edit(story, SetTempo(bar=5, tempo_bpm=60.0))
    story = apply_edit(story, SetTempo(bar=9, beats_per_bar=7))
    assert story.tempo == (
        TempoPoint(tempo_bpm=96.0, beats_per_bar=3),
        TempoPoint(bar=5, tempo_bpm=60.0, beats_per_bar=3),
        TempoPoint(bar=9, tempo_bpm=120.0, beats_per_bar=7),
    )
    assert apply_edit(story, RemoveTempo(bar=5)).tempo == (story.tempo[0], story.tempo[2])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (SetTempo(bar=1, tempo_bpm=9.0), "tempo: 9 is outside 10 to 400 bpm"),
        (SetTempo(bar=0, tempo_bpm=90.0), "bar: 0 is outside 1 to 1e"),
        (SetTempo(bar=1, beats_per_bar=65), "beats per bar: 65 is outside 1 to 64"),
        (RemoveTempo(bar=2), "no tempo at bar named '2'; there is: 1, 9"),
        (RemoveTempo(bar=1), "needs a tempo from bar 1 on"),
    ],
)
def test_what_is_wrong_is_refused(command: Edit, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        apply_edit(STORY, command)


def test_file_and_journal_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "story.yaml"
    path.write_text("kind: story\nversion: 1\ntitle: Waltz\ntempo: 90  # slow\n", encoding="utf-8")
    document, journal = StoryDocument.load(path), Journal(path)
    story = document.story
    for edit in (SetTempo(bar=1, tempo_bpm=100.0), SetTempo(bar=3, tempo_bpm=80.0), RemoveTempo(bar=3)):
        journal.append(edit)
        story = apply_edit(story, edit)
    assert journal.replay(document.story) == (story, ())
    document.save(story)
    assert StoryDocument.load(path).story == story
    assert "tempo: 100  # slow" in path.read_text(encoding="utf-8")
