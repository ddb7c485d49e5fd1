"""Screenplays, tables and subtitles become stories."""

import pytest

from engine.errors import StoryError
from engine.story.checks import check_story
from engine.story.model import After, At
from engine.story.script import import_script
from engine.story.script_formats import reader_of

FOUNTAIN = """\
Title: The Storm
Author: Nobody

INT. LIGHTHOUSE - NIGHT

The lamp TURNS.

CAPTAIN (V.O.)
(quietly)
Is it *still* raining?
It is.

@McKeeper ^
[[a note]] Always. (beat) Always.

CUT TO:

.THE ROCKS

/* CUT
OUT */
CAPTAIN
Go.
"""
CSV = 'Speaker,Text,Start,Gap\nAnna,"Well, hello",1.5,\nBert,Hi,,0.25\n,And then.,0:03.5,\n'
SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\nANNA: Hello\nthere <i>you</i>.\n\n"
    "2\n00:01:00,040 --> 00:01:02,000\nNobody speaks\n"
)
VTT = "WEBVTT\n\nNOTE no\n\n00:01.500 --> 00:02.000 align:left\n<v Anna>Hello</v>\n"


def told(text, suffix):
    story = import_script(text, voices=("v",), read=reader_of(suffix))
    assert check_story(story) == ()
    clips = sorted(
        ((t.name, c.line.text, c.start) for t in story.tracks for c in t.clips),
        key=lambda each: text.find(each[1][-4:]),
    )
    return clips, story


def test_a_screenplay():
    clips, story = told(FOUNTAIN, ".fountain")
    assert sorted(clip[:2] for clip in clips) == [
        ("CAPTAIN", "Go."),
        ("CAPTAIN", "Is it still raining? It is."),
        ("McKeeper", "Always. Always."),
    ]
    assert [marker.name for marker in story.markers] == ["INT. LIGHTHOUSE - NIGHT", "THE ROCKS"]


def test_tables_with_and_without_names_of_columns():
    clips, _ = told(CSV, ".csv")
    assert clips == [
        ("Anna", "Well, hello", At(frame=72_000)),
        ("Bert", "Hi", After(clip="anna-1", gap_frames=12_000)),
        ("narrator", "And then.", At(frame=168_000)),
    ]
    clips, _ = told("ANNA\tHello: you\nBERT\tYes.\n", ".tsv")
    assert [clip[:2] for clip in clips] == [("ANNA", "Hello: you"), ("BERT", "Yes.")]


@pytest.mark.parametrize("row", ["Anna,,1", "Anna,Hello,soon"])
def test_a_row_that_can_not_be_read_is_named(row):
    with pytest.raises(StoryError, match="script:2"):
        told(f"speaker,text,start\n{row}\n", ".csv")


def test_subtitles_keep_their_times():
    clips, _ = told(SRT, ".srt")
    assert clips == [
        ("ANNA", "Hello there you.", At(frame=48_000)),
        ("narrator", "Nobody speaks", At(frame=60 * 48_000 + 1920)),
    ]
    assert told(VTT, ".vtt")[0] == [("Anna", "Hello", At(frame=72_000))]
