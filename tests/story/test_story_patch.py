"""Saving patches the user's own text: what changed, and nothing else."""

import difflib

import pytest
from hypothesis import given
from msgspec.structs import replace
from stories import edited_stories, few, foreign_text, read, seeds, stories, text_of

from engine.errors import StoryError
from engine.story.model import At, Bus, Send, Story, Track
from engine.story.patch import patch


@few(200)
@given(stories())
def test_a_valid_story_reads_back_as_the_same(story):
    assert read(text_of(story)) == story


@few(100)
@given(stories(), seeds())
def test_other_layouts_read_as_the_same_story(story, seed):
    assert read(foreign_text(story, seed)) == story


@few(200)
@given(edited_stories())
def test_a_patched_file_tells_the_new_story(pair):
    old, new = pair
    assert read(patch(text_of(old), old, new)) == new


@few(120)
@given(edited_stories(), seeds())
def test_a_patched_file_in_any_layout_tells_the_new_story(pair, seed):
    old, new = pair
    assert read(patch(foreign_text(old, seed), old, new)) == new


@few(100)
@given(stories(), stories())
def test_a_file_becomes_any_other_story(old, new):
    assert read(patch(text_of(old), old, new)) == new


HAND = """\
# The top comment stays.
kind: story
version: 1
title: 'It''s a test'   # single quotes stay

tempo: 90

tracks:
  - name: Anna          # a name before the id
    id: anna
    voice: narrator
    mute: no
    gain_db: -6.0       # loud enough
    sends: {hall: -12}
    clips:
      # the first one
      - {id: a, start: 0:01.500, say: "Hi", trim: [0:00.5, null]}
      - id: b
        say: |
          First,
          second.
        start: 2|1      # on the beat

  - id: door
    clips: [{id: c, start: after b + 0.4, audio: door.wav}, {id: d, audio: knock.wav}]
buses:
- id: hall
  inserts:
  - reverb: {room_size: 0.3}
  - invert
master:
  limiter_db: off
"""


def strip_of(story, at=0, **changes):
    track = story.tracks[at]
    track = replace(track, strip=replace(track.strip, **changes))
    return replace(story, tracks=(*story.tracks[:at], track, *story.tracks[at + 1 :]))


def clip_of(story, at, clip_at, **changes):
    track = story.tracks[at]
    clip = replace(track.clips[clip_at], **changes)
    track = replace(track, clips=(*track.clips[:clip_at], clip, *track.clips[clip_at + 1 :]))
    return replace(story, tracks=(*story.tracks[:at], track, *story.tracks[at + 1 :]))


def difference(before, after):
    """Return the lines that went, and the lines that came."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [x[2:] for x in lines if x.startswith("- ")], [x[2:] for x in lines if x.startswith("+ ")]


ONE_LINE = {
    "title": (lambda s: replace(s, title="It's mine"), "title: 'It''s mine'   # single quotes stay"),
    "number": (lambda s: strip_of(s, gain_db=-3.5), "    gain_db: -3.5       # loud enough"),
    "switch": (lambda s: strip_of(s, mute=True), "    mute: yes"),
    "send": (lambda s: strip_of(s, sends=(Send(to="hall", gain_db=-9.0),)), "    sends: {hall: -9}"),
    "clock": (
        lambda s: clip_of(s, 0, 0, start=At(frame=96000)),
        '      - {id: a, start: 0:02, say: "Hi", trim: [0:00.5, null]}',
    ),
    "bar": (lambda s: clip_of(s, 0, 1, start=At(frame=4800)), "        start: 0.1      # on the beat"),
    "flow list": (
        lambda s: clip_of(s, 1, 1, gain_db=2.0),
        "    clips: [{id: c, start: after b + 0.4, audio: door.wav}, {id: d, audio: knock.wav, gain_db: 2}]",
    ),
    "limiter": (lambda s: replace(s, master=replace(s.master, limiter_db=-2.0)), "  limiter_db: -2"),
    "tempo": (lambda s: replace(s, tempo=(replace(s.tempo[0], tempo_bpm=91.5),)), "tempo: 91.5"),
}


@pytest.mark.parametrize(("edit", "line"), ONE_LINE.values(), ids=ONE_LINE)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_changing_one_value_changes_one_line(edit, line, line_end):
    text = HAND.replace("\n", line_end)
    old = read(text)
    after = patch(text, old, edit(old))
    gone, came = difference(text, after)
    assert (len(gone), came) == (1, [line])
    assert read(after) == edit(old)
    assert after.count(line_end) == text.count(line_end) == after.count("\n")


def test_a_block_of_text_becomes_one_line_and_nothing_around_it_moves():
    old = read(HAND)
    line = replace(old.tracks[0].clips[1].line, text="Third.")
    gone, came = difference(HAND, patch(HAND, old, clip_of(old, 0, 1, line=line)))
    assert gone == ["        say: |", "          First,", "          second."]
    assert came == ['        say: "Third."']


@pytest.mark.parametrize("mark", ["|", "|-", "|+", ">", ">+", ">2-"])
def test_a_field_goes_below_a_block_of_text(mark):
    head = "kind: story\nversion: 1\ntitle: T\ntracks:\n- id: a\n  voice: v\n"
    text = f"{head}  clips:\n  - say: {mark}\n      Hi.\n\n\n- id: b\n"
    old = read(text)
    new = clip_of(old, 0, 0, gain_db=-3.0)
    assert read(patch(text, old, new)) == new


def test_several_new_rows_keep_their_order():
    old = read(HAND)
    new = replace(old, tracks=(*old.tracks, Track(id="x"), Track(id="z")), buses=(*old.buses, Bus(id="v"), Bus(id="u")))
    text = patch(HAND, old, new)
    assert read(text) == new
    assert difference(HAND, text) == ([], ["  - id: x", "  - id: z", "- id: v", "- id: u"])


def test_comments_stay_where_things_go():
    old = read(HAND)
    text = patch(HAND, old, replace(old, tracks=(replace(old.tracks[0], name="", clips=()), old.tracks[1])))
    assert "# The top comment stays." in text
    assert "# loud enough" in text


@few(60)
@given(edited_stories())
def test_comments_on_every_line_are_in_nobodys_way(pair):
    old, new = pair
    text = "".join(f"{line} # c\n" if line else "\n" for line in text_of(old).splitlines())
    assert read(patch(text, old, new)) == new


def test_what_an_alias_says_is_not_changed_in_place():
    text = "kind: story\nversion: 1\ntitle: T\nbuses: [{id: a, gain_db: &g -3}, {id: b, gain_db: *g}]\n"
    old = read(text)
    louder = replace(old.buses[1], strip=replace(old.buses[1].strip, gain_db=0.5))
    with pytest.raises(StoryError, match="line 4: a value that has an anchor or alias can't be changed in place"):
        patch(text, old, replace(old, buses=(old.buses[0], louder)))


def test_what_a_merge_brings_is_not_changed_in_place():
    text = "kind: story\nversion: 1\ntitle: T\nbuses:\n- &x {id: a, gain_db: -3}\n- {<<: *x, id: b}\n"
    old = read(text)
    louder = replace(old.buses[1], strip=replace(old.buses[1].strip, gain_db=0.5))
    with pytest.raises(StoryError, match="'gain_db' comes from a merged mapping"):
        patch(text, old, replace(old, buses=(old.buses[0], louder)))


def test_no_change_changes_nothing():
    assert patch(HAND, read(HAND), read(HAND)) == HAND
    assert patch("\ufeff" + HAND, read(HAND), Story(title="T")).startswith("\ufeff# The top")


def test_a_row_that_is_put_in_between_leaves_comments_alone():
    head = "kind: story\nversion: 1\ntitle: t\ntracks:\n  - id: a\n    voice: v\n    clips:\n"
    text = (
        head + "      # first\n      - {id: x, say: One, start: 0}  # why\n      # second\n      - {id: y, say: Two}\n"
    )
    old = read(text)
    track = old.tracks[0]
    first, second = track.clips
    new = replace(old, tracks=(replace(track, clips=(replace(first, id="w"), first, replace(first, id="z"), second)),))
    made = patch(text, old, new)
    assert read(made) == new
    for row in (
        "      # first\n      - {id: x, say: One, start: 0}  # why\n",
        "      # second\n      - {id: y, say: Two}\n",
    ):
        assert row in made
