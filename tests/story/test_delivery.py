"""How lines are spoken, and the dictionary, in the story's file."""

import pytest

from engine.errors import StoryError
from engine.story.document import read_story
from engine.story.dump import dump
from engine.story.model import Delivery, Pronunciation
from engine.story.tree import Planter

HEAD = "kind: story\nversion: 1\ntitle: t\n"
TEXT = f"""{HEAD}pronounce:
  Hermione: "h3:maI@ni"
  Siobhan: {{say: Shivawn}}
  WWF: {{phonemes: "dVb@lju:", say: "double you"}}
tracks:
  - id: a
    voice: narrator
    clips:
      - {{say: "Hermione waits.", delivery: {{speed: 1.2, pitch: -2, seed: 7, temperature: 0.4, instruct: softly}}}}
      - {{say: "[pause 0.5] *No*body."}}
cues:
  - {{id: 1, say: "siobhan's here", track: a, delivery: {{seed: 3}}}}
"""


def test_lines_get_their_delivery_and_what_they_need_of_the_dictionary():
    story = read_story(TEXT, "s")
    first, second = (clip.line for clip in story.tracks[0].clips)
    assert first.delivery == Delivery(speed=1.2, pitch_semitones=-2.0, seed=7, temperature=0.4, instruct="softly")
    assert first.pronounce == (Pronunciation(word="Hermione", phonemes="h3:maI@ni"),)
    assert (second.delivery, second.pronounce) == (Delivery(), ())
    cue = story.cues[0].target.line
    assert (cue.delivery.seed, cue.pronounce) == (3, (Pronunciation(word="Siobhan", say="Shivawn"),))
    assert story.line("Siobhan!", "x").pronounce == cue.pronounce


def test_they_are_written_as_they_were_read():
    story = read_story(TEXT, "s")
    text = dump(Planter().story(story))
    assert read_story(text, "s") == story
    assert "pronounce" not in dump(Planter().story(read_story(HEAD, "s")))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("pronounce: [a]", "pronounce: expected a mapping of words"),
        ("pronounce: {Anna: {ipa: x}}", "unknown key; allowed are phonemes"),
        ("pronounce: {Anna: ''}", "needs phonemes"),
        ("pronounce: {Anna: '[[x]]'}", "without brackets"),
        ("pronounce: {'!': x}", "is no word"),
        ("tracks: [{id: a, voice: v, clips: [{say: '[puase 1]'}]}]", "no such tag"),
        ("tracks: [{id: a, voice: v, clips: [{say: x, delivery: {speed: 9}}]}]", "9 is outside 0.25 to 4"),
        ("tracks: [{id: a, voice: v, clips: [{say: x, delivery: {tempo: 1}}]}]", "allowed are speed"),
        ("tracks: [{id: a, clips: [{audio: x.wav, delivery: {seed: 1}}]}]", "only a clip that has say: has a delivery"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(body, says):
    with pytest.raises(StoryError, match=says):
        read_story(HEAD + body, "s")
