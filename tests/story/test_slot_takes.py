"""Takes by velocity: read, refused with a reason, written back, spoken ahead, and played by MIDI files."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.errors import StoryError
from engine.render.plan import plan
from engine.story.document import StoryDocument
from engine.story.midi_clips import midi_lines, with_midi_clips
from engine.story.midi_notes import FileNote, MidiNotes
from engine.story.model import MidiTrack
from engine.story.slot_takes import share

STORY = """\
kind: story
version: 1
title: Takes
tracks:
  - id: voice
    voice: narrator
    clips:
      - {id: hello, say: Hello there.}
      - {id: knock, audio: knock.wav}
markers: [{id: top, at: 0}]
slots:
  - {bank: a, index: 1, say: Go away!, track: voice, velocity_take: [3, 0, 7]}
  - {bank: a, index: 2, clip: hello, velocity_take: [5, 0]}
"""


def load(folder: Path, text: str = STORY) -> StoryDocument:
    path = folder / "story.yaml"
    path.write_text(text, encoding="utf-8")
    return StoryDocument.load(path, voices={"narrator"})


def seeds(lines) -> list[tuple[str, int]]:
    return [(line.text, line.delivery.seed) for line in lines]


def test_takes_are_read_and_all_are_spoken(tmp_path: Path) -> None:
    story = load(tmp_path).story
    assert [slot.velocity_take for slot in story.slots] == [(3, 0, 7), (5, 0)]
    assert seeds(plan(story)) == [
        ("Hello there.", 0), ("Go away!", 3), ("Go away!", 0), ("Go away!", 7), ("Hello there.", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("slot", "words"),
    [
        ("clip: hello, velocity_take: []", "expected [seed, seed, …]"),
        ("clip: hello, velocity_take: [1, loud]", "expected [seed, seed, …]"),
        ("clip: hello, velocity_take: [1, 9999999999]", "velocity_take"),
        ("clip: knock, velocity_take: [1, 2]", "clip 'knock', a sound file, has no takes"),
        ("section: top, velocity_take: [1, 2]", "a section has no takes"),
    ],
)
def test_what_is_no_choice_of_takes_is_refused(tmp_path: Path, slot: str, words: str) -> None:
    with pytest.raises(StoryError) as refused:
        load(tmp_path, STORY + f"  - {{bank: a, index: 3, {slot}}}\n")
    assert words in str(refused.value) and "story.yaml:14" in str(refused.value)


@pytest.mark.parametrize(("velocity", "which"), [(0.001, 0), (0.33, 0), (0.34, 1), (0.99, 2), (1.0, 2)])
def test_each_take_has_an_equal_share(velocity: float, which: int) -> None:
    assert share(3, velocity) == which
    assert share(1, velocity) == 0


def test_a_file_on_the_timeline_picks_as_a_hand_does(tmp_path: Path) -> None:
    story = load(tmp_path).story
    notes = tuple(
        FileNote(tick=480 * n, length_ticks=240, note=note, velocity=velocity, channel=1)
        for n, (note, velocity) in enumerate([(36, 10), (36, 127), (37, 10), (37, 127)])
    )
    track = MidiTrack(file="x.mid", bank="a", notes=MidiNotes(ticks_per_beat=480, notes=notes))
    story = replace(story, midi=(track,))
    assert set(seeds(midi_lines(story))) == {("Go away!", s) for s in (3, 0, 7)} | {("Hello there.", s) for s in (5, 0)}
    clips = with_midi_clips(story, lambda _: 4800).tracks[0].clips[2:]
    assert seeds(clip.line for clip in clips if clip.line) == [
        ("Go away!", 3), ("Go away!", 7), ("Hello there.", 5), ("Hello there.", 0),
    ]  # fmt: skip


def test_takes_are_written_back(tmp_path: Path) -> None:
    document = load(tmp_path)
    soft, clip = document.story.slots
    changed = replace(document.story, slots=(replace(soft, velocity_take=(8, 9)), replace(clip, velocity_take=())))
    document.save(changed)
    text = (tmp_path / "story.yaml").read_text(encoding="utf-8")
    assert "track: voice, velocity_take: [8, 9]}" in text and "{bank: a, index: 2, clip: hello}" in text
    assert load(tmp_path, text).story.slots == changed.slots
