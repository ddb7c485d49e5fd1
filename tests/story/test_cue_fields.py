"""Cues that wait and follow, groups, lists, the prompter: read, checked, left out of what the audience hears."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StoryError
from engine.story.document import StoryDocument
from engine.story.model import FireCues, Prompter, Story

HEAD = """\
kind: story
version: 1
title: Cues
tracks:
  - id: voice
    voice: narrator
    sends: {hall: -6, desk: -3}
    clips:
      - {id: hello, say: hello there}
buses:
  - {id: hall}
  - {id: desk, private: true}
"""


def load(folder: Path, text: str) -> Story:
    path = folder / "story.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return StoryDocument.load(path, voices={"narrator"}).story


def test_pan_bus_arming_and_color_are_read(tmp_path: Path) -> None:
    story = load(tmp_path, "cues:\n  - {id: 1, clip: hello, pan: -0.5, bus: hall, armed: no, color: red}\n")
    cue = story.cues[0]
    assert (cue.pan, cue.bus, cue.armed, cue.color) == (-0.5, "hall", False, "red")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("clip: hello, bus: attic", "there is no strip 'attic'; there is: desk, hall, master, voice"),
        ("clip: hello, pan: 2", "2 is outside -1 to 1"),
        ("clip: hello, color: mauve", "expected one of red, orange"),
        ("section: [a], bus: hall", "only a cue of a clip or a line has it"),
        ("clip: hello, armed: perhaps", "expected true or false"),
    ],
)
def test_wrong_ones_are_named(tmp_path: Path, fields: str, said: str) -> None:
    with pytest.raises(StoryError, match=said):
        load(tmp_path, f"markers: [{{id: a, at: 0}}]\ncues:\n  - {{id: 1, {fields}}}\n")


def test_waits_and_follow_ons_are_read(tmp_path: Path) -> None:
    story = load(
        tmp_path,
        "go_debounce: 0.25\n"
        "prompter: {voice: narrator, read_ahead: true}\n"
        "cues:\n"
        "  - {id: 1, clip: hello, pre_wait: 1.5, post_wait: 0:02, follow: end, prompt: Ready}\n"
        "  - {id: 2, group: [3, 4]}\n"
        "  - {id: 3, clip: hello}\n"
        "  - {id: 4, clip: hello, pre_wait: 1}\n"
        "cuelists:\n"
        "  - id: sounds\n"
        "    cues: [{id: 1, clip: hello}]\n",
    )
    first = story.cues[0]
    assert (first.pre_wait_frames, first.post_wait_frames, first.follow, first.prompt) == (72000, 96000, "end", "Ready")
    assert story.cues[1].target == FireCues(cues=("3", "4"))
    assert list(story.cue_lists()) == ["main", "sounds"]
    assert story.go_debounce_seconds == 0.25
    assert story.prompter == Prompter(voice="narrator", read_ahead=True)
    assert story.private_buses() == ("desk",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cues: [{id: 1, group: [7]}]\n", r"group: there is no cue '7'"),
        ("cues: [{id: 1, group: [2]}, {id: 2, group: [1]}]\n", "is a group itself"),
        ("cues: [{id: 1, group: [2]}, {id: 2, clip: hello, follow: end}]\n", "what follows is the group's to say"),
        ("cues: [{id: 1, group: [2], clip: hello}, {id: 2, clip: hello}]\n", "a group only fires the cues"),
        ("cues: [{id: 1, clip: hello, follow: soon}]\n", "none, continue or end|continue"),
        ("cues: [{id: 1, clip: hello, pre_wait: -1}]\n", "outside 0 to 3600"),
        ("go_debounce: 11\n", "outside 0 to 10"),
        ("prompter: {voice: narrator, bus: hall}\n", "there is no private bus 'hall'; there is: desk"),
        ("cuelists: [{id: main}]\ncues: [{id: 1, clip: hello}]\n", "another cue list 'main'"),
        ("cuelists: [{id: x, cues: [{id: 1, clip: hello}, {id: 1, clip: hello}]}]\n", "another cue '1'"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(StoryError, match=complaint):
        load(tmp_path, text)


def test_the_audience_hears_no_private_bus(tmp_path: Path) -> None:
    public = load(tmp_path, "prompter: {voice: narrator}\n").public()
    assert [bus.id for bus in public.buses] == ["hall"]
    assert [send.to for send in public.tracks[0].strip.sends] == ["hall"]
    assert public.prompter is None
    assert public.public() is public
