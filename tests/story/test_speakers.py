"""Lines of clips, cues and slots by name, and other takes of them; the story's file keeps everything else."""

import pytest

from engine.errors import StoryError, UnknownThing
from engine.story.document import StoryDocument
from engine.story.speakers import spoken_by, with_seed

STORY = """\
kind: story
version: 1
title: Lines
tracks:
  - id: t
    voice: narrator
    clips:
      - {id: hello, say: "Hello."}
      - {id: beep, audio: beep.wav}
cues:
  - {id: 1, say: "Doors.", track: t}  # by the door
  - {id: 2, clip: hello}
cuelists:
  - id: side
    cues:
      - {id: 1, say: "Rain.", track: t}
slots:
  - {bank: a, index: 1, say: "Ouch!", track: t}
"""


@pytest.mark.parametrize(
    ("name", "text"), [("hello", "Hello."), ("cue:1", "Doors."), ("cue:side/1", "Rain."), ("slot:a/1", "Ouch!")]
)
def test_another_take_of_a_line_is_written_where_it_is_spoken(tmp_path, name, text):
    path = tmp_path / "story.yaml"
    path.write_text(STORY)
    document = StoryDocument.load(path)
    assert spoken_by(document.story, name).text == text
    document.save(with_seed(document.story, name, 7))
    again = StoryDocument.load(path).story
    assert spoken_by(again, name).delivery.seed == 7
    assert path.read_text().count("seed: 7") == 1 and "# by the door" in path.read_text()


def test_what_speaks_nothing_is_named(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(STORY)
    story = StoryDocument.load(path).story
    with pytest.raises(UnknownThing, match=r"no clip, cue or slot named 'cue:9'; there is: .*cue:1.*slot:a/1"):
        spoken_by(story, "cue:9")
    for name in ("beep", "cue:2"):
        with pytest.raises(StoryError, match=f"{name} has no line of its own"):
            with_seed(story, name, 1)
