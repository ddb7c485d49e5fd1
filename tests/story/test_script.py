"""A plain script becomes a story."""

import pytest

from engine.errors import StoryError
from engine.story.checks import check_story
from engine.story.model import After, At
from engine.story.script import import_script

SCRIPT = """\
# The counter

(pause 1)
ANNA: Good evening. (looks up)
And good night.

# The door
Émile Ørsted: Is it? (pause 0.5)

(He leaves.)
ANNA: (pause 0.25) It is 3: o'clock.
"""


def test_a_script():
    story = import_script(SCRIPT, title="S", voices=("v1", "v2"), cast={"ANNA": "ghost"})
    assert [(t.id, t.name, t.voice) for t in story.tracks] == [
        ("anna", "ANNA", "ghost"),
        ("emile-rsted", "Émile Ørsted", "v2"),
    ]
    anna, emile = story.tracks
    assert [c.line.text for c in anna.clips] == ["Good evening. And good night.", "It is 3: o'clock."]
    assert [c.start for c in anna.clips] == [At(frame=48000), After(clip="emile-rsted-1", gap_frames=55200)]
    assert emile.clips[0].start == After(clip="anna-1", gap_frames=19200)
    assert [(m.id, m.name, m.at) for m in story.markers] == [
        ("the-counter", "The counter", anna.clips[0].start),
        ("the-door", "The door", emile.clips[0].start),
    ]
    assert check_story(story) == ()


def test_ids_are_unique_whatever_the_names_are():
    names = ("A", "A 1", "A-1", "Master", "go", "日本", "Жук", "a!", "x" * 59)
    script = "".join(f"{name}: one\n\n{name}: two\n\n# Scene\n" for name in names)
    story = import_script(script + "A: three\n")
    assert len(story.tracks) == len(names)
    assert check_story(story) == ()


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("", ["s.txt:1: nobody says anything; a speech is written NAME: words"]),
        (
            "hello\nA: x\n\nand\n",
            ["s.txt:1: who says this? 'hello' has no NAME: before it", "s.txt:4: who says this? 'and'"],
        ),
        ("A: x\n(pause 9999)\n", ["s.txt:2: a pause lasts at most 3600 s"]),
    ],
)
def test_errors_name_their_lines(script, lines):
    with pytest.raises(StoryError) as caught:
        import_script(script, name="s.txt")
    told = str(caught.value).splitlines()
    assert len(told) == len(lines)
    assert all(line.startswith(start) for line, start in zip(told, lines, strict=True))
