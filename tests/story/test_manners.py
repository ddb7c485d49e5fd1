"""What a story file says of words, loops, pads and fades: read, checked, and written back the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StoryError
from engine.story.document import StoryDocument
from engine.story.model import Manner, PlayClip, SpeakLine, Story

HEAD = """\
kind: story
version: 1
title: Words
tracks:
  - id: voice
    voice: narrator
    clips:
      - {id: hello, say: "the dragon and the knight", fade_in: 0.5, fade_in_shape: equal_power}
"""


def load(folder: Path, text: str) -> Story:
    path = folder / "story.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return StoryDocument.load(path, voices={"narrator"}).story


@pytest.mark.parametrize(
    ("keys", "manner"),
    [
        ("from: dragon", Manner(from_word="dragon")),
        ("word: the#2", Manner(from_word="the#2", to_word="the#2")),
        ("words: [dragon, knight], loop: true", Manner(from_word="dragon", to_word="knight", loop=True)),
        ("from: dragon, repeat: 4, reverse: yes", Manner(from_word="dragon", repeat=4, reverse=True)),
        ("semitones: -7, speed: 0.5", Manner(semitones=-7.0, speed=0.5)),
        ("from_time: 0:00.125, loop: true", Manner(from_frame=6000, loop=True)),
    ],
)
def test_a_manner_is_read_beside_clips_and_lines(tmp_path: Path, keys: str, manner: Manner) -> None:
    story = load(
        tmp_path,
        f"cues:\n  - {{id: 1, clip: hello, {keys}}}\n"
        f"slots:\n  - {{bank: a, index: 1, say: hi there, track: voice, {keys}}}\n",
    )
    assert isinstance(story.cues[0].target, PlayClip)
    assert story.cues[0].target.manner == manner
    assert isinstance(story.slots[0].target, SpeakLine)
    assert story.slots[0].target.manner == manner


def test_a_pad_has_a_curve_a_grid_and_shapes_are_read(tmp_path: Path) -> None:
    keys = "velocity: linear, quantise: grid, grid: 0.5"
    story = load(tmp_path, f"slots:\n  - {{bank: a, index: 1, clip: hello, {keys}}}\n")
    assert (story.slots[0].velocity, story.slots[0].quantise, story.slots[0].grid_beats) == ("linear", "grid", 0.5)
    assert story.tracks[0].clips[0].fade_in_shape == "equal_power"


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("from: a, word: b", r"cues\[0\]\.word: .*only one of from, word, words and from_time; there is from already"),
        ("from_time: 1, word: b", r"cues\[0\]\.from_time: .*; there is word already"),
        ("from_time: dragon", "from_time: "),
        ("words: [a]", r"words: .*\[from word, to word\]"),
        ("word: '#x'", "names no word"),
        ("semitones: 25", "25 is outside -24 to 24"),
        ("speed: 0", "0 is outside 0.25 to 4"),
        ("repeat: 0", "0 is outside 1 to 999"),
        ("loop: true, repeat: 2", "a loop is for ever"),
    ],
)
def test_a_manner_that_makes_no_sense_is_named(tmp_path: Path, keys: str, complaint: str) -> None:
    with pytest.raises(StoryError, match=complaint):
        load(tmp_path, f"cues:\n  - {{id: 1, clip: hello, {keys}}}\n")


def test_a_section_has_no_words(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match="only a target with clip: or say: has it"):
        load(tmp_path, "markers:\n  - {id: m, at: 0}\ncues:\n  - {id: 1, section: [m], from: dragon}\n")
