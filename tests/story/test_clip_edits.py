"""Edits of the timeline: whatever is asked for, every invariant holds, undo gives the exact story, nothing drifts."""

from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.edits import (
    AddLine,
    AddMarker,
    AlignWord,
    CloseGaps,
    CopyClip,
    CrossfadeClips,
    EditWords,
    FadeClip,
    FitLine,
    GroupClip,
    InsertTime,
    MergeClips,
    MoveClip,
    MoveMarker,
    OrderClip,
    OrderTrack,
    RemoveClip,
    RemoveGaps,
    RemoveTime,
    SetLine,
    SetOverlap,
    SlipClip,
    SplitClip,
    SpreadLines,
    TrimClip,
    TrimEdge,
)
from engine.errors import BadRange, Conflict, EngineError, NotReady, StoryError, UnknownThing
from engine.story.change import apply_change, change_between
from engine.story.checks import check_story
from engine.story.edit_clips import edit_clips
from engine.story.history import History, do_again, take_back
from engine.story.layout import Layout
from engine.story.model import After, At, Beat, Clip, Delivery, Line, Marker, PlayClip, Slot, Story, Track
from engine.story.timeline import overlaps, place

RATE = 48_000
SECOND = RATE


class Said(NamedTuple):
    text: str
    start_frame: int
    end_frame: int


class Takes:
    """Every line lasts a tenth of a second per letter, its words as long as they are."""

    def frames(self, clip):
        return len(clip.line.text) * RATE // 10 if clip.line else 2 * RATE

    def words(self, clip):
        found, at = [], 0
        for word in clip.line.text.split() if clip.line else ():
            found.append(Said(word, at * RATE // 10, (at + len(word)) * RATE // 10))
            at += len(word) + 1
        return found

    def sound(self, clip):
        """Every word is a tone, and between them it is silent."""
        sound = np.zeros((self.frames(clip), 1), np.float32)
        for word in self.words(clip):
            count = word.end_frame - word.start_frame
            sound[word.start_frame : word.end_frame, 0] = 0.3 * np.sin(np.arange(count) * 0.05)
        return sound


TAKES = Takes()


def clip(name, start, text="one two three", voice="anna", **fields):
    return Clip(id=name, start=start, line=Line(text=text, voice=voice), **fields)


def story(**fields):
    return Story(
        title="Edits",
        tracks=(
            Track(
                id="anna",
                voice="anna",
                clips=(
                    clip("a1", At(frame=SECOND)),
                    clip("a2", After(gap_frames=4_801), "and then —"),
                    clip("a3", Beat(bar=3), fade_in_frames=480, fade_out_frames=960),
                ),
            ),
            Track(
                id="bert",
                voice="bert",
                clips=(
                    clip("b1", After(clip="a2", gap_frames=-100), "no", "bert"),
                    clip("b2", After(), "well …", "bert"),
                ),
            ),
        ),
        markers=(Marker(id="mid", at=At(frame=4 * SECOND)), Marker(id="tail", at=After(clip="b1", gap_frames=5))),
        **fields,
    )


def at(changed):
    lengths = {c.id: TAKES.frames(c) for t in changed.tracks for c in t.clips}
    return {p.clip.id: (p.start_frame, p.end_frame) for p in place(changed, lengths)}


def edited(*edits, of=None):
    changed = of or story()
    for edit in edits:
        changed = edit_clips(changed, edit, TAKES)
    return changed


NAMES = st.sampled_from(["a1", "a2", "a3", "b1", "b2", "anna-2", "bert-2", "a1-2", "nobody"])
FRAMES = st.integers(-2 * SECOND, 8 * SECOND)
WHAT = st.sampled_from(["silences", "breaths", "both"])
TRACKS = st.sampled_from(["anna", "bert"])
PLACES = st.sampled_from(
    ["", "2.5", "0:03.1", "2|1", "after b1 + 0.3", "after a3", "@mid", "a1:two", "b2:nothing", "what"]
)
EDITS = st.one_of(
    st.builds(AddLine, track=TRACKS, text=st.just("a new line"), place=PLACES),
    st.builds(RemoveClip, clip=NAMES, ripple=st.booleans()),
    st.builds(MoveClip, clip=NAMES, start_frame=FRAMES),
    st.builds(MoveClip, clip=NAMES, by_frames=FRAMES),
    st.builds(MoveClip, clip=NAMES, place=PLACES, track=TRACKS),
    st.builds(CopyClip, clip=NAMES, place=PLACES),
    st.builds(OrderClip, clip=NAMES, position=st.integers(0, 4)),
    st.builds(TrimClip, clip=NAMES, from_frame=FRAMES, to_frame=st.none() | FRAMES),
    st.builds(TrimEdge, clip=NAMES, edge=st.sampled_from(["start", "end"]), timeline_frame=FRAMES),
    st.builds(SlipClip, clip=NAMES, by_frames=FRAMES),
    st.builds(SplitClip, clip=NAMES, at_frame=FRAMES),
    st.builds(SplitClip, clip=NAMES, word=st.sampled_from(["two", "three", "#2", "x"])),
    st.builds(MergeClips, clip=NAMES, other=NAMES),
    st.builds(FadeClip, clip=NAMES, fade_in_frames=FRAMES, shape_out=st.sampled_from(["", "s_curve", "round"])),
    st.builds(CrossfadeClips, clip=NAMES, other=NAMES, length_frames=FRAMES),
    st.builds(GroupClip, clip=NAMES, group=st.sampled_from(["", "g"])),
    st.builds(SetLine, clip=NAMES, text=st.sampled_from(["other words", " "]), voice=st.none()),
    st.builds(InsertTime, timeline_frame=FRAMES, length_frames=FRAMES, tracks=st.sampled_from([(), ("anna",)])),
    st.builds(RemoveTime, from_frame=FRAMES, to_frame=FRAMES, tracks=st.sampled_from([(), ("bert",)])),
    st.builds(CloseGaps, track=TRACKS, gap_frames=FRAMES),
    st.builds(AlignWord, clip=NAMES, word=st.sampled_from(["two", "no"]), place=PLACES),
    st.builds(SpreadLines, gap_frames=FRAMES, overlap_frames=FRAMES),
    st.builds(EditWords, clip=NAMES, words=st.sampled_from(["two", "three one", "then and", ""])),
    st.builds(
        RemoveGaps, clips=st.sampled_from([("a1",), ("b1", "a2"), ()]), what=st.sampled_from(["silences", "both"])
    ),
    st.builds(FitLine, clip=NAMES, seconds=st.floats(0.2, 9.0)),
    st.builds(MoveClip, clip=NAMES, start_frame=FRAMES, snap=st.sampled_from(["beat", "word clip", "marker sentence"])),
    st.builds(
        TrimEdge, clip=NAMES, edge=st.just("end"), timeline_frame=FRAMES, snap=st.sampled_from(["word fade", "zero"])
    ),
    st.builds(SetOverlap, track=TRACKS, overlap=st.sampled_from(["allow", "crossfade", "forbid", "maybe"])),
    st.builds(OrderTrack, track=TRACKS, position=st.integers(0, 3)),
    st.builds(AddMarker, marker=st.sampled_from(["new", "mid"]), place=PLACES),
)


@given(st.lists(EDITS, max_size=12))
@settings(max_examples=150, derandomize=True, deadline=None)
def test_random_edits_keep_the_story_whole_and_undo_is_exact(edits):
    now, history, before = story(), History(), []
    for edit in edits:
        try:
            after = edit_clips(now, edit, TAKES)
        except EngineError as error:
            assert str(error)
            continue
        assert check_story(after) == ()
        assert all(0 <= start < end for start, end in at(after).values())
        strict = [t.id for t in after.tracks if t.overlap == "forbid"]
        lengths = {c.id: TAKES.frames(c) for t in after.tracks for c in t.clips}
        assert not [pair for pair in overlaps(place(after, lengths)) if pair[0].track.id in strict]
        step = history.step(now, after, "edit", "me")
        assert (step is None) == (after == now)
        if step is not None:
            history.take(step)
            before.append(now)
            now = apply_change(now, step.change)
            assert now == after
    newest, states = now, list(before)
    while states:
        now = take_back(now, history.last())
        history.undid("me")
        assert now == states.pop()
    while history.undone:
        now = do_again(now, history.next())
        history.redid("me")
    assert now == newest


@given(st.integers(1, 62_399), st.sampled_from(["a1", "a2", "a3", "b1", "b2"]))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_split_then_merge_is_the_same_story_and_moves_nothing(frame, name):
    try:
        cut = edited(SplitClip(clip=name, at_frame=frame, new="new"))
    except BadRange:
        return
    start, end = at(story())[name]
    assert at(cut)[name] == (start, start + frame)
    assert at(cut)["new"] == (start + frame, end)
    others = {k: v for k, v in at(cut).items() if k not in (name, "new")}
    assert others == {k: v for k, v in at(story()).items() if k != name}
    joined = edited(MergeClips(clip=name, other="new"), of=cut)
    length = joined.clips()[name][1].length_frames
    assert length is None
    assert joined == story()


@given(st.lists(st.integers(-SECOND, SECOND), min_size=1, max_size=20), st.sampled_from(["a1", "a2", "b1"]))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_positions_never_drift(moves, name):
    now = edited(MoveClip(clip="a1", by_frames=30 * SECOND))
    first = at(now)[name][0]
    for by in moves:
        now = edit_clips(now, MoveClip(clip=name, by_frames=by), TAKES) if by else now
    assert at(now)[name][0] == first + sum(moves)


def test_a_word_lands_on_its_frame():
    now = edited(AlignWord(clip="a1", word="two", place="0:12.000"))
    assert at(now)["a1"][0] + 4 * RATE // 10 == 12 * SECOND
    now = edited(AlignWord(clip="b2", word="well", place="a3:three"))
    assert at(now)["b2"][0] == at(now)["a3"][0] + 8 * RATE // 10
    assert at(now)["a1"] == at(story())["a1"]


def test_what_comes_after_a_clip_stays_when_it_goes_and_moves_up_when_it_ripples():
    was = at(story())
    now = edited(RemoveClip(clip="a2"))
    assert at(now) == {name: span for name, span in was.items() if name != "a2"}
    now = edited(RemoveClip(clip="a2", ripple=True))
    gone = was["a2"][1] - was["a2"][0]
    assert at(now)["a3"][0] == was["a3"][0] - gone
    assert at(now)["b1"] == was["b1"]


def test_time_is_put_in_and_cut_out_again():
    was = at(story())
    now = edited(InsertTime(timeline_frame=2 * SECOND, length_frames=SECOND))
    assert at(now)["a1"] == (SECOND, 2 * SECOND)
    assert at(now)["a3"][0] == was["a3"][0] + SECOND
    assert {m.id: m.at for m in now.markers}["mid"] == At(frame=5 * SECOND)
    now = edited(RemoveTime(from_frame=2 * SECOND, to_frame=3 * SECOND), of=now)
    assert at(now)["a3"] == was["a3"]
    assert at(now)["b2"] == was["b2"]


def test_a_conversation_breaks_in_and_hesitates():
    now = edited(SpreadLines(gap_frames=1000, overlap_frames=300))
    spans = at(now)
    assert spans["a2"][0] == spans["a1"][1] + 1000
    assert spans["b1"][0] == spans["a2"][1] - 300
    assert spans["b2"][0] == spans["b1"][1] + 1000
    assert spans["a3"][0] == spans["b2"][1] + 2000


def test_overlaps_are_refused_or_faded_as_the_track_has_it():
    forbids = edited(SetOverlap(track="anna", overlap="forbid"))
    with pytest.raises(BadRange, match=r"'a1' and 'a2' would overlap by 0\.1 s.*may start at 2\.3 s or later"):
        edited(MoveClip(clip="a2", start_frame=RATE * 22 // 10), of=forbids)
    fades = edited(SetOverlap(track="anna", overlap="crossfade"), MoveClip(clip="a2", start_frame=RATE * 22 // 10))
    first, second = (fades.clips()[name][1] for name in ("a1", "a2"))
    assert first.fade_out_frames == second.fade_in_frames == 4800
    assert first.fade_out_shape == "equal_power"


@pytest.mark.parametrize("overlap", ["forbid", "crossfade"])
def test_what_overlapped_before_keeps_nobody_from_edits_that_move_nothing(overlap):
    moved = edited(MoveClip(clip="a2", start_frame=RATE + 100))
    before = replace(moved, tracks=tuple(replace(track, overlap=overlap) for track in moved.tracks))
    now = edited(GroupClip(clip="a1", group="g"), GroupClip(clip="a2", group="g"), of=before)
    assert [now.clips()[name][1].group for name in ("a1", "a2")] == ["g", "g"]
    with pytest.raises(BadRange, match="would overlap"):
        edited(MoveClip(clip="a2", start_frame=RATE + 90), of=before)


def test_groups_move_together():
    now = edited(GroupClip(clip="a1", group="g"), GroupClip(clip="a3", group="g"), MoveClip(clip="a3", by_frames=77))
    was = at(story())
    assert {name: at(now)[name][0] - was[name][0] for name in was} == dict.fromkeys(was, 77)


@pytest.mark.parametrize(
    ("edit", "error", "says"),
    [
        (MoveClip(clip="a1", start_frame=-1), BadRange, "before the start"),
        (MoveClip(clip="a1", place="a1:two:x"), EngineError, "no word of clip a1"),
        (MoveClip(clip="a1", place="soon"), BadRange, "@MARKER or CLIP:WORD"),
        (MoveClip(clip="a1", place="after b2"), StoryError, "wait for one another"),
        (TrimClip(clip="a1", from_frame=0, to_frame=90_000), BadRange, "from 0 to 1.3 s"),
        (TrimClip(clip="a1", from_frame=10, to_frame=10), BadRange, "no length"),
        (SplitClip(clip="a1", at_frame=0), BadRange, "from 1 to 62399"),
        (MergeClips(clip="a1", other="a2"), StoryError, "not made of the same take"),
        (FadeClip(clip="a1", fade_in_frames=60_000, fade_out_frames=60_000), StoryError, "lasts 1.3 s"),
        (SetLine(clip="a1", text=" "), BadRange, "nothing to say"),
        (AddLine(track="anna", text="x", clip="A B"), BadRange, "is no id"),
        (AddMarker(marker="mid", place="1"), StoryError, "already"),
        (AddMarker(marker="", place="1"), BadRange, "marker: '' is no id"),
        (AddMarker(marker="new", place="-1"), BadRange, "place '-1': 1 s before the start of the timeline"),
        (MoveMarker(marker="mid", place="2|9"), BadRange, "bar 2 has no beat 9: it has 4"),
    ],
)  # fmt: skip
def test_an_edit_that_can_not_be_made_says_why(edit, error, says):
    with pytest.raises(error, match=says):
        edited(edit)


def test_a_clip_that_a_slot_plays_stays():
    played = story(slots=(Slot(bank="a", index=1, target=PlayClip(clip="a1")),))
    with pytest.raises(StoryError, match="slot a/1 plays clip 'a1'"):
        edited(RemoveClip(clip="a1"), of=played)


def test_an_edit_of_what_has_changed_is_refused_with_who_did_it():
    now, history = story(), History()
    for name, client in (("a1", "ann's tablet"), ("b1", "the DAW")):
        after = edit_clips(now, MoveClip(clip=name, by_frames=7), TAKES)
        history.take(history.step(now, after, f"move {name}", client))
        now = after
    mine = history.step(now, edit_clips(now, MoveClip(clip="b1", by_frames=1), TAKES), "mine", "me")
    things = frozenset({"clip b1"})
    history.check(2, things)
    history.check(0, frozenset({"clip b2"}))
    with pytest.raises(Conflict, match="clip b1 changed since version 1: 'move b1' by the DAW made version 2"):
        history.check(1, things)
    with pytest.raises(Conflict, match="no version 9 yet"):
        history.check(9, things)
    assert mine.version == 3


def test_what_was_not_edited_stays_when_an_edit_is_taken_back():
    before = story()
    after = edit_clips(before, MoveClip(clip="a1", by_frames=7), TAKES)
    undo = change_between(after, before)
    turned = edit_clips(after, SetOverlap(track="bert", overlap="forbid"), TAKES)
    assert apply_change(turned, undo).tracks[1].overlap == "forbid"


def test_what_is_not_known_yet_is_waited_for():
    class Nothing(Takes):
        def frames(self, clip):
            return None

        def words(self, clip):
            return ()

    with pytest.raises(NotReady, match="is not known yet"):
        edit_clips(story(), SplitClip(clip="a1", at_frame=5), Nothing())
    moved = edit_clips(story(), MoveClip(clip="a1", start_frame=9), Nothing())
    assert moved.clips()["a1"][1].start == At(frame=9)


def heard(changed):
    """Return the words of each clip of Anna's track, in the order in which they are played."""
    rows = []
    for each in changed.tracks[0].clips:
        end = each.trim_start_frames + (each.length_frames or TAKES.frames(each))
        rows.append(" ".join(w.text for w in TAKES.words(each) if each.trim_start_frames <= w.start_frame < end))
    return rows


@given(st.permutations(["one", "two", "three"]), st.integers(1, 3))
@settings(max_examples=12, derandomize=True, deadline=None)
def test_words_are_left_out_and_put_in_another_order(order, count):
    wanted = " ".join(order[:count])
    now = edited(EditWords(clip="a1", words=wanted))
    rows = heard(now)[: len(now.tracks[0].clips) - 2]
    assert " ".join(rows) == wanted
    assert check_story(now) == ()
    starts = at(now)
    ends = [starts[c.id] for c in now.tracks[0].clips[: len(rows)]]
    assert all(end == start for (_, end), (start, _) in pairwise(ends))
    assert starts["a2"][0] == ends[-1][1] + 4_801


def test_every_word_is_named_once_and_what_there_is_is_told():
    with pytest.raises(UnknownThing, match="no word of clip a1 that is left named 'four'; there is: one, three, two"):
        edited(EditWords(clip="a1", words="one four"))
    with pytest.raises(BadRange, match="named twice"):
        edited(EditWords(clip="a1", words="#1 one#1"))
    with pytest.raises(BadRange, match="would say nothing"):
        edited(EditWords(clip="a1", words=" "))


def test_silences_are_left_out_and_cuts_are_faded():
    now = edited(RemoveGaps(clips=("a1",), least_seconds=0.05, keep_seconds=0.0))
    assert heard(now)[:3] == ["one", "two", "three"]
    first, second = now.tracks[0].clips[:2]
    assert first.fade_out_frames == second.fade_in_frames == 240
    assert at(now)["a1"][1] == at(now)[second.id][0]


@pytest.mark.parametrize(
    ("snap", "wanted"),
    [("word", 14_400), ("word zero", 14_400), ("silence", 14_400), ("sentence", 14_000), ("beat within:0.01", 14_000)],
)
def test_a_cut_is_drawn_to_what_it_is_told(snap, wanted):
    now = edited(SplitClip(clip="a1", at_frame=14_000, new="n", snap=snap))
    assert abs(now.clips()["n"][1].trim_start_frames - wanted) <= (250 if "silence" in snap else 70)


def test_a_move_is_drawn_to_a_beat_a_marker_or_a_clip():
    assert at(edited(MoveClip(clip="a1", start_frame=23_000, snap="beat")))["a1"][0] == 24_000
    assert at(edited(MoveClip(clip="a1", start_frame=4 * SECOND + 9, snap="marker")))["a1"][0] == 4 * SECOND
    end = at(story())["a3"][1]
    assert at(edited(MoveClip(clip="b2", start_frame=end - 700, snap="clips within:0.1")))["b2"][0] == end
    with pytest.raises(BadRange, match="'wrd' is nothing to snap to; write any of word"):
        edited(MoveClip(clip="a1", start_frame=0, snap="wrd"))


def test_a_line_is_spoken_otherwise_and_keeps_the_rest():
    slower = SetLine(clip="a1", speed=0.8, pitch_semitones=-2.0)
    now = edited(slower, SetLine(clip="a1", temperature=0.5), SetLine(clip="a1", instruct=" softly "))
    assert now.clips()["a1"][1].line.delivery == Delivery(
        speed=0.8, pitch_semitones=-2.0, temperature=0.5, instruct="softly"
    )
    with pytest.raises(BadRange, match="clip a1 pitch: 30 is outside -24 to 24 semitones"):
        edited(SetLine(clip="a1", pitch_semitones=30.0))
    with pytest.raises(BadRange, match="clip a1 temperature: 9 is outside 0 to 2"):
        edited(SetLine(clip="a1", temperature=9.0))


def test_a_line_is_fitted_and_limits_are_told():
    now = edited(FitLine(clip="a1", seconds=1.0)).clips()["a1"][1].line.delivery
    assert (now.seconds, now.speed) == (1.0, 1.3)
    with pytest.raises(BadRange, match=r"can last 0.33 to 5.20 s, spoken 4 times as fast or 0.25 times; got 9"):
        edited(FitLine(clip="a1", seconds=9.0))


@given(st.integers(0, 2**32))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_a_layout_that_follows_edits_knows_what_a_new_one_finds(seed):
    dice, now, layout = Random(seed), story(), Layout(TAKES)
    for _ in range(6):
        edit = dice.choice(
            [
                MoveClip(clip=dice.choice(["a1", "a2", "b1"]), by_frames=dice.randrange(SECOND)),
                CopyClip(clip="a2", place="after b1"), RemoveClip(clip=dice.choice(["a1", "a2", "b2"])),
                SplitClip(clip="a1", at_frame=9_000), MoveClip(clip="b2", track="anna"),
                AddLine(track="bert", text="x"),
            ]
        )  # fmt: skip
        try:
            now = edit_clips(now, edit, TAKES, layout)
        except EngineError:
            continue
        layout.follow(now)
        assert {name: (layout.span(name).start, layout.span(name).end) for name in layout.places} == at(now)
