"""A history is there again when the story is opened again: made of its journal, and of what the last save has kept."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studio import Studio, small_story

from engine.commands import (
    AddBus,
    AddInsert,
    AddTrack,
    Edit,
    EditStory,
    RemoveBus,
    RemoveTrack,
    SetClip,
    SetCue,
    SetStripGain,
    StoreSnapshot,
)
from engine.edits import AddLine, MoveClip, OrderClip, OrderTrack, Redo, RemoveClip, SplitClip, Undo
from engine.errors import Conflict, EngineError, NotReady
from engine.story.edit import apply_edit
from engine.story.history import History

DONE = st.sampled_from(
    [
        MoveClip(clip="hello", by_frames=11), MoveClip(clip="boo", track="voice"), SetClip(clip="boo", gain_db=-3.0),
        SetClip(clip="boo", gain_db=-6.0), AddLine(track="voice", text="once more"), RemoveClip(clip="after"),
        SplitClip(clip="hello", at_frame=300), AddTrack(track="new", voice="ghost"), RemoveTrack(track="new"),
        AddBus(bus="far"), RemoveBus(bus="far"), SetStripGain(strip="voice", gain_db=-9.0), SetCue(cue="1", name="Go"),
        AddInsert(strip="voice", effect="chorus"), OrderClip(clip="after", position=1), StoreSnapshot(snapshot="now"),
        OrderTrack(track="spook", position=1), EditStory(edits=(MoveClip(clip="boo", by_frames=5),), client="ann"),
        Undo(client="bob"), Undo(), Redo(client="ann"),
    ]
)  # fmt: skip


def opened_again(edits):
    """Return the story and its history as who opens it again makes them of the lines of its journal."""
    story, history = small_story(), History()
    for edit in edits:
        again = msgspec.json.decode(msgspec.json.encode(edit), type=Edit)
        before, story = story, apply_edit(story, again)
        history.replay(before, again, story)
    return story, history


@given(st.lists(DONE, max_size=20))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_whatever_was_done_and_taken_back_the_journal_makes_the_same_history(commands):
    studio = Studio()
    for command in commands:
        try:
            studio.do(command)
        except EngineError:
            continue
    live = studio.session.editor
    story, history = opened_again(studio.keeper.edits)
    assert story == studio.session.story
    assert history.past == live.history.past
    assert history.since(0) == live.history.since(0)
    again = Studio(story, history=history)
    while again.session.editor.history.steps:
        studio.do(Undo())
        again.do(Undo())
        assert again.session.story == studio.session.story
    assert again.session.story == small_story() or SetStripGain in map(type, commands)


def test_an_edit_of_before_is_taken_back_by_name_and_who_looked_away_is_told():
    studio = Studio()
    studio.do(EditStory(edits=(MoveClip(clip="boo", start_frame=10),), client="ann"))
    studio.do(SetClip(clip="hello", pan=-1.0))
    story, history = opened_again(studio.keeper.edits)
    again = Studio(story, history=history)
    assert [step.name for step in again.session.editor.history.steps] == ["move clip boo", "set clip hello"]
    with pytest.raises(Conflict, match="clip boo changed since version 0: 'move clip boo' by ann made version 1"):
        again.do(EditStory(edits=(MoveClip(clip="boo", start_frame=11),), version=0))
    again.do(Undo())
    told = again.do(Undo(client="bob"))
    assert (told[-1].version, told[-1].name) == (4, "undo move clip boo")
    assert again.session.story == small_story()


def test_a_step_that_the_journal_no_longer_has_ends_what_can_be_taken_back():
    studio = Studio()
    studio.do(MoveClip(clip="boo", start_frame=10))
    for gain_db in (-3.0, -6.0):
        studio.do(SetClip(clip="hello", gain_db=gain_db))
    studio.do(Undo())
    first, _, second, undo = studio.keeper.edits  # a long journal keeps the newest of a property only
    story, history = opened_again((first, second, undo))
    assert story == studio.session.story
    assert (history.steps, history.undone, history.version) == ((), (), 4)
    with pytest.raises(NotReady, match="nothing to undo"):
        Studio(story, history=history).do(Undo())


def test_a_knob_that_is_turned_on_and_on_makes_one_step_and_what_was_taken_back_of_it_is_known_again():
    studio = Studio()
    for gain_db in (-1.0, -2.0, -3.0):
        studio.do(SetClip(clip="hello", gain_db=gain_db))
        studio.now -= 47_999  # the next one comes a frame later
    studio.do(SetClip(clip="hello", pan=0.5))
    studio.do(SetClip(clip="hello", gain_db=-9.0))  # a second later
    history = studio.session.editor.history
    assert [step.version for step in history.steps] == [3, 4, 5]
    studio.do(Undo())
    studio.do(Undo())
    assert studio.session.story.clips()["hello"][1].gain_db == -3.0
    studio.do(Undo())
    assert studio.session.story == small_story()
    story, again = opened_again(studio.keeper.edits)
    assert story == small_story() and (again.steps, len(again.undone), again.version) == ((), 3, 8)
    opened = Studio(story, history=again)
    opened.do(Redo())
    assert opened.session.story.clips()["hello"][1].gain_db == -3.0
