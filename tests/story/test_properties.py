"""Properties of cues, slots and clips: set one by one, refused as a whole, kept in the file and in the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands import Edit, RenumberCue, SetClip, SetCue, SetSlot
from engine.errors import EngineError, UnknownThing
from engine.story.document import StoryDocument
from engine.story.edit import apply_edit
from engine.story.journal import Journal
from engine.story.model import At, Clip, FireCues, Story, Track

TEXT = """\
kind: story
version: 1
title: Properties
tracks:
  - id: voice
    voice: anna
    clips:
      - {id: hello, say: "Hello."}  # the first word
      - {id: boo, audio: boo.wav, start: 0:05}
cues:
  - {id: 1, clip: hello}
  - {id: 2, clip: boo, pre_wait: 0.5}
  - {id: 3, group: [1]}
cuelists:
  - id: lights
    cues:
      - {id: 1, clip: boo}
slots:
  - {bank: a, index: 1, clip: hello}
"""

EDITS: tuple[SetCue | SetSlot | SetClip, ...] = (
    SetCue(cue="2", name="Thunder", gain_db=-6.0, pre_wait_frames=48_000, post_wait_frames=24_000, follow="end"),
    SetCue(cue="1", cuelist="lights", name="Dark"),
    SetCue(cue="1", pan=-0.5, bus="voice", armed=False, color="red"),
    SetSlot(bank="a", index=1, mode="gate", choke="doors", name="Hello", gain_db=-3.0),
    SetClip(clip="hello", name="Greeting", gain_db=-1.0, pan=0.5, mute=True, seed=7),
)


def load(folder: Path) -> StoryDocument:
    path = folder / "story.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return StoryDocument.load(path, voices={"anna"})


def edited(story: Story) -> Story:
    for edit in EDITS:
        story = apply_edit(story, edit)
    return story


def test_what_is_given_is_set_and_the_rest_stays(tmp_path: Path) -> None:
    story = load(tmp_path).story
    now = edited(story)
    cue = now.cues[1]
    assert (cue.name, cue.gain_db, cue.pre_wait_frames, cue.post_wait_frames, cue.follow) == (
        "Thunder", -6.0, 48_000, 24_000, "end",
    )  # fmt: skip
    assert now.cues[2] == story.cues[2] and now.cuelists[0].cues[0].name == "Dark"
    first = now.cues[0]
    assert (first.pan, first.bus, first.armed, first.color) == (-0.5, "voice", False, "red")
    assert apply_edit(now, SetCue(cue="1", pan=0.0, bus="", armed=True, color="")).cues[0] == story.cues[0]
    slot = now.slots[0]
    assert (slot.mode, slot.choke, slot.name, slot.gain_db) == ("gate", "doors", "Hello", -3.0)
    assert apply_edit(now, SetSlot(bank="a", index=1, choke="")).slots[0].choke is None
    clip = now.clips()["hello"][1]
    assert (clip.name, clip.gain_db, clip.pan, clip.mute) == ("Greeting", -1.0, 0.5, True)
    assert clip.line is not None and clip.line.delivery.seed == 7
    assert now.clips()["boo"][1] is story.clips()["boo"][1]


def test_it_is_saved_into_the_file_and_read_again(tmp_path: Path) -> None:
    document = load(tmp_path)
    now = edited(document.story)
    document.save(now)
    assert StoryDocument.load(document.path, voices={"anna"}).story == now
    assert "# the first word" in document.path.read_text(encoding="utf-8")


def test_the_journal_keeps_it_and_only_the_newest_of_a_property(tmp_path: Path) -> None:
    document = load(tmp_path)
    journal = Journal(document.path)
    for edit in EDITS:
        journal.append(edit)
    for number in range(40_000):
        journal.append(SetClip(clip="hello", gain_db=-number / 1000))
    assert journal.path.stat().st_size < 2_000_000
    story, dropped = journal.replay(document.story)
    assert not dropped
    assert story == apply_edit(edited(document.story), SetClip(clip="hello", gain_db=-39.999))


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (SetCue(cue="9", name="x"), "no cue named '9'"),
        (SetCue(cue="1", cuelist="x", name="x"), "no cue list named 'x'"),
        (SetCue(cue="1", name="x" * 201), "201 characters; at most 200"),
        (SetCue(cue="1", name="\ud800"), "half a character"),
        (SetCue(cue="1", gain_db=30.0), "30 is outside -100 to 24 dB"),
        (SetCue(cue="1", pre_wait_frames=-1), "outside 0 to 3600 s"),
        (SetCue(cue="1", post_wait_frames=3601 * 48_000), "cue 1 post-wait: 3601 is outside 0 to 3600 s"),
        (SetCue(cue="2", follow="later"), "no follow named 'later'; there is: continue, end, none"),
        (SetCue(cue="1", follow="end"), "a group fires cue 1"),
        (SetCue(cue="1", pan=1.5), "cue 1 pan: 1.5 is outside -1 to 1"),
        (SetCue(cue="1", bus="attic"), "no strip named 'attic'; there is: master, voice"),
        (SetCue(cue="3", bus="voice"), "cue 3 plays neither a clip nor a line"),
        (SetCue(cue="1", color="mauve"), "no color named 'mauve'; there is: blue, brown"),
        (SetSlot(bank="b", index=1, name="x"), "no slot named 'b/1'; there is: a/1"),
        (SetSlot(bank="a", index=1, mode="loud"), "no mode named 'loud'"),
        (SetSlot(bank="a", index=1, choke="No!"), "choke"),
        (SetClip(clip="x", pan=0.0), "no clip named 'x'; there is: boo, hello"),
        (SetClip(clip="hello", pan=2.0), "2 is outside -1 to 1"),
        (SetClip(clip="boo", seed=1), "clip boo is a file"),
        (SetClip(clip="hello", seed=-1), "outside 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, command: Edit, text: str) -> None:
    with pytest.raises(EngineError, match=text):
        apply_edit(load(tmp_path).story, command)


def test_of_very_many_clips_those_that_are_called_alike_are_told():
    clips = tuple(Clip(id=f"k{number:04}", start=At(frame=0), audio="a.wav") for number in range(5000))
    with pytest.raises(UnknownThing) as refused:
        apply_edit(Story(title="t", tracks=(Track(id="t", clips=clips),)), SetClip(clip="k1234x", pan=0.0))
    told = str(refused.value)
    assert "k1234, k1235" in told and told.endswith(" and 4,940 more") and len(told) < 600


def test_a_cue_is_renumbered_and_its_group_follows(tmp_path: Path) -> None:
    document = load(tmp_path)
    now = apply_edit(document.story, RenumberCue(cue="1", number="12a"))
    assert [cue.id for cue in now.cues] == ["12a", "2", "3"]
    assert now.cues[2].target == FireCues(cues=("12a",)) and now.cuelists == document.story.cuelists
    for command, text in (
        (RenumberCue(cue="1", number="2"), "has a cue '2' already"),
        (RenumberCue(cue="1", number="No!"), "cue 1 number: "),
        (RenumberCue(cue="9", number="4"), "no cue named '9'"),
    ):
        with pytest.raises(EngineError, match=text):
            apply_edit(document.story, command)
    document.save(now)
    assert StoryDocument.load(document.path, voices={"anna"}).story == now
