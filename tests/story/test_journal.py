"""The journal: what was acknowledged survives a crash, and what is torn or no longer fits is told."""

import hashlib
import os

import pytest

from engine.commands import (
    AddBus,
    AddTrack,
    RemoveBus,
    SetInsertParam,
    SetSendGain,
    SetStripGain,
    SetStripMute,
    SetStripPan,
    SetStripSolo,
)
from engine.errors import StoryError
from engine.story import journal as module
from engine.story.edit import apply_edit
from engine.story.history import History, Past
from engine.story.journal import Journal, Made
from engine.story.model import Bus, Effect, Send, Story, Strip, Track

STORY = Story(
    title="T",
    tracks=(Track(id="a", strip=Strip(sends=(Send(to="hall"),), inserts=(Effect(effect="reverb"),))),),
    buses=(Bus(id="hall"),),
)
EDITS = (
    SetStripGain(strip="a", gain_db=-3.0),
    SetStripPan(strip="hall", pan=0.5),
    SetStripMute(strip="master", mute=True),
    SetStripSolo(strip="a", solo=True),
    SetSendGain(strip="a", bus="hall", gain_db=-12.0),
    SetInsertParam(strip="a", insert=1, param="mix", value=0.25),
    SetStripGain(strip="a", gain_db=-6.0),
)


def edited(edits=EDITS):
    story = STORY
    for edit in edits:
        story = apply_edit(story, edit)
    return story


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text("kind: story\n")
    return path


def test_every_edit_is_there_when_append_returns(path):
    journal = Journal(path)
    for number, edit in enumerate(EDITS, 1):
        journal.append(edit)
        assert Journal(path).replay(STORY) == (edited(EDITS[:number]), ())
    journal.sync()
    journal.clear()
    assert [p.name for p in path.parent.iterdir()] == ["story.yaml"]
    assert Journal(path).replay(STORY) == (STORY, ())


@pytest.mark.parametrize("died", ["before the file", "before the journal was cleared", "after a second try"])
def test_nothing_is_edited_twice_by_who_dies_while_saving(path, died):
    journal = Journal(path)
    for edit in EDITS[:4]:
        journal.append(edit)
    mark = journal.mark()
    journal.append(EDITS[4])  # made while the file is being written
    if died == "after a second try":  # one save was done, the next one was not
        journal.saving(mark, hashlib.sha256(b"saved\n").hexdigest())
        path.write_text("saved\n")
        journal = Journal(path)
        journal.append(EDITS[5])
        journal.saving(journal.mark(), hashlib.sha256(b"never written\n").hexdigest())
        assert Journal(path).replay(edited(EDITS[:4])) == (edited(EDITS[:6]), ())
        return
    journal.saving(mark, hashlib.sha256(b"saved\n").hexdigest())
    if died == "before the file":
        assert Journal(path).replay(STORY) == (edited(EDITS[:5]), ())
        return
    path.write_text("saved\n")
    assert Journal(path).replay(edited(EDITS[:4])) == (edited(EDITS[:5]), ())
    story, dropped = Journal(path).replay(STORY)  # told apart by the file alone: the first four are not made again
    assert story == apply_edit(STORY, EDITS[4]) and not dropped


def test_nothing_is_marked_where_nothing_was_edited(path):
    journal = Journal(path)
    assert journal.mark() is None
    journal.saving(None, "")
    assert not journal.path.exists()


def test_a_torn_last_line_is_told_and_the_next_edit_does_not_grow_onto_it(path):
    journal = Journal(path)
    for edit in EDITS:
        journal.append(edit)
    whole = journal.path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last + 1, len(whole)):
        journal.path.write_bytes(whole[:cut])
        story, dropped = Journal(path).replay(STORY)
        assert story == edited(EDITS[:-1])
        assert dropped == ("the last line was cut off while it was written",)
    Journal(path).append(EDITS[0])
    assert Journal(path).replay(STORY) == (edited((*EDITS[:-1], EDITS[0])), ())


def test_a_torn_header_is_written_anew(path):
    Journal(path).path.write_bytes(b'{"journal":1,"st')
    Journal(path).append(EDITS[0])
    assert Journal(path).replay(STORY) == (edited(EDITS[:1]), ())


def test_what_no_longer_fits_is_dropped_and_told(path):
    journal = Journal(path)
    for edit in EDITS:
        journal.append(edit)
    story, dropped = Journal(path).replay(Story(title="T", tracks=(Track(id="a"),)))
    assert story.tracks[0].strip == Strip(gain_db=-6.0, solo=True)
    assert story.master.strip.mute
    assert len(dropped) == 3
    assert dropped[0] == "line 3: no strip named 'hall'; there is: a, master"


def test_a_long_journal_keeps_the_newest_of_each_target(path, monkeypatch):
    monkeypatch.setattr(module, "COMPACT_BYTES", 2000)
    journal = Journal(path)
    for number in range(200):
        journal.append(SetStripGain(strip="a", gain_db=-number / 10))
        if number == 10:
            with journal.path.open("ab") as file:
                file.write(b"rubbish\n")
    journal.append(EDITS[1])
    assert journal.path.stat().st_size < 6000
    story, dropped = Journal(path).replay(STORY)
    assert (story.tracks[0].strip.gain_db, story.buses[0].strip.pan) == (-19.9, 0.5)
    assert len(dropped) == 1
    assert dropped[0].endswith("(JSON is malformed: invalid character (byte 0))")


def test_an_edit_that_cannot_be_kept_is_refused(path):
    journal = Journal(path)
    journal.path.mkdir()
    with pytest.raises(StoryError, match="can't be written, the edit was not made"):
        journal.append(AddBus(bus="far"))


@pytest.fixture
def full(monkeypatch):
    """A disk that is full from the call on, until what it returns is called."""

    def fill():
        patched = pytest.MonkeyPatch()
        patched.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        undo.append(patched.undo)
        return patched.undo

    undo = []
    yield fill
    for each in undo:
        each()


@pytest.mark.parametrize("begun", [False, True])
def test_knobs_are_turned_on_a_full_disk_and_kept_once_there_is_room(path, full, begun):
    journal = Journal(path)
    if begun:
        journal.append(AddTrack(track="b"))
    empty = full()
    for edit in EDITS:
        journal.append(edit, "anna")
    assert journal.owing == "No space left on device"
    assert journal.settle() == len(EDITS) - 1, "of the fader that was moved twice the newest counts"
    with pytest.raises(StoryError, match="the edit was not made: No space left"):
        journal.append(AddBus(bus="far"))
    begin = (AddTrack(track="b"),) if begun else ()
    assert Journal(path).replay(STORY)[0] == edited(begin), "another program finds only what is on the disk"
    assert journal.replay(STORY) == (edited((*begin, *EDITS)), ()), "but a reload knows all of it"
    empty()
    assert (journal.settle(), journal.owing) == (0, "")
    assert Journal(path).replay(STORY) == (edited((*begin, *EDITS)), ())


def test_what_waits_is_kept_before_the_next_edit(path, full):
    journal = Journal(path)
    empty = full()
    journal.append(EDITS[0])
    empty()
    journal.append(AddBus(bus="far"))
    assert journal.owing == ""
    assert Journal(path).replay(STORY) == (edited((EDITS[0], AddBus(bus="far"))), ())


@pytest.mark.parametrize("since", [(), (Made(RemoveBus(bus="hall")),)])
def test_what_waits_is_forgotten_once_the_file_holds_it(path, full, since):
    journal = Journal(path)
    empty = full()
    journal.append(EDITS[0])
    empty()
    journal.prepare(hashlib.sha256(path.read_bytes()).hexdigest(), Past())
    journal.begin_anew(since)
    assert (journal.settle(), journal.owing) == (0, "")
    assert Journal(path).replay(STORY) == (edited([made.edit for made in since]), ())


def test_an_edit_that_finds_the_disk_full_leaves_no_half_line(path, monkeypatch):
    journal = Journal(path)
    journal.append(EDITS[0])
    before, write, calls = journal.path.read_bytes(), os.write, []

    def fill(file, data):
        calls.append(data)
        if len(calls) == 1:
            return write(file, data[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fill)
        with pytest.raises(StoryError, match="the edit was not made: No space left"):
            journal.append(AddBus(bus="far"))
    assert journal.path.read_bytes() == before
    journal.append(EDITS[2])
    assert Journal(path).replay(STORY) == (edited((EDITS[0], EDITS[2])), ())


def steps(*edits):
    """Return a history with these edits in it, and the story behind them."""
    story, history = STORY, History()
    for edit in edits:
        before, story = story, apply_edit(story, edit)
        history.replay(before, edit, story)
    return history, story


def test_what_a_save_takes_in_can_be_taken_back_and_edits_since_are_kept(path):
    journal, (history, saved) = Journal(path), steps(AddTrack(track="b"), AddBus(bus="far"))
    journal.append(AddTrack(track="b"))
    path.write_text("kind: story # saved\n")
    journal.prepare(hashlib.sha256(path.read_bytes()).hexdigest(), history.past)
    assert Journal(path).past() == Past(), "nothing is otherwise before it begins anew"
    journal.begin_anew((Made(RemoveBus(bus="far"), "anna"),))
    journal.append(EDITS[0])
    assert [p.name for p in path.parent.iterdir() if p != path] == [journal.path.name]
    opened = Journal(path)
    again = History(opened.past())
    assert again.past == history.past
    story, dropped = opened.replay(saved, history=again)
    assert story == apply_edit(apply_edit(saved, RemoveBus(bus="far")), EDITS[0]) and not dropped
    assert [(step.version, step.name, step.client) for step in again.steps] == [
        (1, "add track b", ""), (2, "add bus far", ""), (3, "remove bus far", "anna"),
    ]  # fmt: skip
    path.write_text("kind: story # by hand\n")
    assert Journal(path).past() == Past()


def test_who_made_an_edit_is_known_after_a_crash(path, monkeypatch):
    monkeypatch.setattr(module, "COMPACT_BYTES", 500)
    journal, by = Journal(path), 'the "made_by": one, ä'
    journal.append(AddTrack(track="b"), by)
    for number in range(20):
        journal.append(SetStripGain(strip="a", gain_db=-number / 10), "fader")  # compacted meanwhile
    journal.append(AddBus(bus="far"))
    history = History()
    story, dropped = Journal(path).replay(STORY, history=history)
    assert [(step.name, step.client) for step in history.steps] == [("add track b", by), ("add bus far", "")]
    assert not dropped and story.tracks[0].strip.gain_db == -1.9


def test_the_newest_steps_are_kept_as_far_as_there_is_room(path, monkeypatch):
    monkeypatch.setattr(module, "MOST_PAST_BYTES", 600)
    journal, (history, _) = Journal(path), steps(*(AddTrack(track=f"t{number}") for number in range(9)))
    journal.prepare(hashlib.sha256(path.read_bytes()).hexdigest(), history.past)
    journal.begin_anew(())
    kept = Journal(path).past()
    assert 0 < len(kept.done) < 9 and kept.done == history.steps[-len(kept.done) :] and kept.version == 9


def test_a_journal_that_began_anew_is_compacted_with_what_it_begins_with(path, monkeypatch):
    monkeypatch.setattr(module, "COMPACT_BYTES", 2000)
    journal, (history, _) = Journal(path), steps(AddTrack(track="b"))
    journal.prepare(hashlib.sha256(path.read_bytes()).hexdigest(), history.past)
    journal.begin_anew((Made(EDITS[0]),))
    for number in range(100):
        journal.append(SetStripGain(strip="a", gain_db=-number / 10))
    assert journal.path.stat().st_size < 4000
    assert Journal(path).past() == history.past
    assert Journal(path).replay(STORY)[0].tracks[0].strip.gain_db == -9.9
