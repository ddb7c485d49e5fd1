"""The editor: steps of the history in a running session, made, taken back and done again by several clients."""

import pytest
from studio import Studio, small_story

from engine.capture.kept import CAPTURES, Kept, write_kept
from engine.commands import AddInsert, AddTrack, EditStory, GoCue, RemoveTrack, SetClip, SetStripGain
from engine.edits import AddCapture, AddLine, AlignWord, ChangeStory, MoveClip, Redo, RemoveClip, SplitClip, Undo
from engine.errors import Conflict, EngineError, NotReady, UnknownThing
from engine.events import ClipEdited, ClipsChanged, MixChanged, StoryEdited
from engine.session.captures import NoCaptures
from engine.session.library import AudioFile
from engine.story.edit import apply_edit
from engine.story.model import At


def test_an_edit_is_kept_before_it_is_told_and_the_journal_makes_the_same_story():
    studio = Studio()
    told = studio.do(EditStory(edits=(SplitClip(clip="hello", word="there"),), client="ann"))
    assert [type(event) for event in told][:2] == [ClipsChanged, ClipEdited]
    assert told[-1] == StoryEdited(
        version=1, name="split clip hello", client="ann", what=("clip hello", "clip hello-2")
    )
    kept = studio.keeper.edits[-1]
    assert isinstance(kept, ChangeStory)
    assert apply_edit(small_story(), kept) == studio.session.story
    assert studio.session.stale


def test_undo_and_redo_give_the_exact_story():
    studio = Studio()
    states = [studio.session.story]
    for edit in (
        MoveClip(clip="hello", start_frame=5000), AddTrack(track="new", voice="ghost"), SetClip(clip="boo", pan=-1.0),
        AddLine(track="new", text="a new line", clip="line"), AddInsert(strip="new", effect="chorus"),
        RemoveClip(clip="after"),
    ):  # fmt: skip
        studio.do(edit)
        states.append(studio.session.story)
    for state in reversed(states[:-1]):
        studio.do(Undo(client="me"))
        assert studio.session.story == state
    with pytest.raises(NotReady, match="nothing to undo"):
        studio.do(Undo())
    for state in states[1:]:
        studio.do(Redo())
        assert studio.session.story == state
    story = small_story()
    for kept in studio.keeper.edits:
        story = apply_edit(story, kept)
    assert story == states[-1]


def test_a_level_that_was_turned_stays_when_an_edit_is_taken_back():
    studio = Studio()
    studio.do(AddInsert(strip="voice", effect="chorus"))
    studio.do(SetStripGain(strip="voice", gain_db=-9.0))
    told = studio.do(Undo())
    assert studio.session.story.tracks[0].strip.inserts == ()
    assert studio.session.story.tracks[0].strip.gain_db == -9.0
    assert any(isinstance(event, MixChanged) for event in told)


def test_a_cue_list_that_is_at_its_end_stays_there_when_something_else_is_edited():
    studio = Studio()
    studio.do(GoCue(cue="3"))
    assert studio.session.cues.next_cue is None
    studio.do(MoveClip(clip="hello", start_frame=5000))
    studio.do(Undo())
    assert studio.session.cues.next_cue is None


def test_a_track_comes_back_with_its_clips():
    studio = Studio()
    studio.do(AddTrack(track="spare", voice="ghost"))
    studio.do(AddLine(track="spare", text="still here", clip="still"))
    studio.do(RemoveTrack(track="spare"))
    assert "still" not in studio.session.context.index.clips
    studio.do(Undo())
    assert studio.session.context.index.clips["still"][0] == "spare"


def test_edits_that_are_made_as_one_are_all_made_or_none():
    studio = Studio()
    move = MoveClip(clip="hello", start_frame=7)
    with pytest.raises(UnknownThing, match="no clip named 'nobody'"):
        studio.do(EditStory(edits=(move, MoveClip(clip="nobody", start_frame=1))))
    assert studio.session.story == small_story()
    assert studio.keeper.edits == []
    told = studio.do(EditStory(edits=(move, MoveClip(clip="boo", start_frame=8)), name="both"))
    assert told[-1].name == "both"
    studio.do(Undo())
    assert studio.session.story == small_story()


def test_who_edits_what_has_changed_meanwhile_is_told_what_and_by_whom():
    studio = Studio()
    studio.do(EditStory(edits=(MoveClip(clip="boo", start_frame=10),), client="ann"))
    studio.do(EditStory(edits=(MoveClip(clip="hello", start_frame=10),), client="bob", version=0))
    with pytest.raises(Conflict, match="clip boo changed since version 0: 'move clip boo' by ann made version 1"):
        studio.do(EditStory(edits=(MoveClip(clip="boo", start_frame=11),), client="bob", version=0))
    with pytest.raises(Conflict, match="clip hello changed since version 1"):
        studio.do(Undo(client="ann", version=1))
    assert [news.client for news in studio.session.editor.since(0)] == ["ann", "bob"]
    assert studio.session.story.clips()["boo"][1].start == At(frame=10)


def test_the_digest_tells_edits_apart_and_lets_levels_be():
    studio = Studio()
    editor = studio.session.editor
    first = editor.digest()
    studio.do(SetStripGain(strip="voice", gain_db=-9.0))
    assert editor.digest() == first
    studio.do(MoveClip(clip="hello", by_frames=1))
    assert editor.digest() != first
    studio.do(Undo())
    assert editor.digest() == first
    assert editor.history.version == 2


def test_new_lines_are_made_and_unknown_voices_refused():
    studio = Studio()
    studio.do(AddLine(track="voice", text="a new line"))
    assert studio.loader.asked[-1][0].text == "a new line"
    with pytest.raises(EngineError, match="no voice named 'nobody'"):
        studio.do(AddLine(track="voice", text="x", voice="nobody"))


def test_words_can_be_aligned_as_soon_as_the_take_is_there():
    waiting = Studio(load=False)
    with pytest.raises(NotReady, match="words of clip 'hello' are not known"):
        waiting.do(AlignWord(clip="hello", word="there", place="1.0"))
    studio = Studio()
    studio.do(AlignWord(clip="hello", word="there", place="1.0"))
    assert studio.session.story.clips()["hello"][1].start == At(frame=48_000 - 400)


def test_a_captured_line_becomes_a_clip_as_a_step_like_others(tmp_path):
    studio = Studio()
    with pytest.raises(UnknownThing, match="no capture named 'line'"):
        studio.do(AddCapture(track="voice", capture="line"))
    studio.session.editor.clip_of = NoCaptures(tmp_path).clip_of
    (tmp_path / CAPTURES).mkdir()
    write_kept(tmp_path / CAPTURES, Kept(name="line", sample_rate=48_000, frames=100, text="Who is there?"))
    told = studio.do(EditStory(edits=(AddCapture(track="voice", capture="line", place="9", clip="k"),), client="ann"))
    assert (told[-1].name, told[-1].client) == ("add capture k", "ann")
    clip = studio.session.story.clips()["k"][1]
    assert (clip.start, clip.audio, clip.name) == (At(frame=9 * 48_000), "captures/line.wav", "Who is there?")
    assert studio.loader.asked[-1][0] == AudioFile(path="captures/line.wav")
    assert apply_edit(small_story(), studio.keeper.edits[-1]) == studio.session.story
    studio.do(Undo())
    assert studio.session.story == small_story()
