"""The keeper: edits survive, hand edits are offered and never overwritten, a reload loses nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import engine.control.keeper as keeper_module
import engine.story.journal as journal_module
from engine.commands import SetClip, SetStripGain, Turn
from engine.control.keeper import StoryKeeper
from engine.errors import BadRange, Busy
from engine.events import Dropped, Event, StoryChangedOnDisk, StoryReloaded, StorySaved, TurnsWaiting
from engine.story import journal as module
from engine.story.backups import backups
from engine.story.document import StoryDocument
from engine.story.edit import apply_edit
from engine.story.history import History, take_back
from engine.story.journal import Journal
from engine.story.model import Story

TEXT = """\
kind: story
version: 1
title: Kept  # by hand
tracks:
  - id: voice
    gain_db: -3
    clips: [{say: Hello., voice: narrator}]
"""


class Desk:
    """A session's part in it: the story with its edits, and everything it was told."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "story.yaml"
        if not self.path.exists():
            self.path.write_text(TEXT)
        document = StoryDocument.load(self.path)
        journal = Journal(self.path)
        self.history = History(journal.past())
        self.story, self.dropped = journal.replay(document.story, history=self.history)
        self.keeper = StoryKeeper(document, journal, StoryDocument.load)
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self.meanwhile: Callable[[], None] | None = None
        self.adopted = 0

    def turn(self, gain_db: float) -> None:
        """Move the fader: journal first, then the story, as the session does."""
        edit = SetStripGain(strip="voice", gain_db=gain_db)
        fresh = apply_edit(self.story, edit)
        self.keeper.append(edit)
        self.story = fresh

    def name(self, name: str) -> None:
        """Give the story's clip a name, as a step of the history."""
        edit, before = SetClip(clip="voice-1", name=name), self.story
        self.keeper.append(edit)
        self.story = apply_edit(before, edit)
        self.history.replay(before, edit, self.story)

    async def adopt(self, story: Story, meanwhile: Callable[[], tuple[Turn, ...]], keeps: bool) -> tuple[str, ...]:
        self.adopted += 1
        if self.meanwhile is not None:  # somebody turns a knob while the audio process builds the graph
            turn, self.meanwhile = self.meanwhile, None
            turn()
        for edit in meanwhile() if keeps else ():
            story = apply_edit(story, edit)
        self.story = story
        return ()

    async def hear(self, kind: type[Event]) -> Event:
        while not isinstance(event := await asyncio.wait_for(self.told.get(), 30), kind):
            pass
        return event

    @property
    def gain_db(self) -> float:
        return self.story.strips()["voice"].gain_db


def run(folder: Path, show: Callable[[Desk], Awaitable[None]]) -> None:
    """Open the story in ``folder``, let ``show`` go on, close it."""

    async def main() -> None:
        desk = Desk(folder)
        desk.keeper.start(
            lambda: desk.story,
            desk.adopt,
            lambda events: [desk.told.put_nowait(e) for e in events],
            lambda: desk.history.past,
        )
        try:
            await show(desk)
        finally:
            await desk.keeper.close()

    asyncio.run(main())


def test_an_edit_is_there_again_after_a_crash(tmp_path):
    async def show(desk):
        desk.turn(-9.0)

    run(tmp_path, show)
    assert Desk(tmp_path).gain_db == -9.0
    assert (tmp_path / "story.yaml").read_text() == TEXT


def test_a_save_writes_the_file_and_ends_the_journal(tmp_path):
    async def show(desk):
        desk.turn(-9.0)
        desk.keeper.save()
        await desk.hear(StorySaved)

    run(tmp_path, show)
    assert (tmp_path / "story.yaml").read_text() == TEXT.replace("gain_db: -3", "gain_db: -9")
    assert [p.name for p in tmp_path.iterdir() if p.name != ".backups"] == ["story.yaml"]


def test_an_edit_during_a_save_is_not_lost(tmp_path):
    async def show(desk):
        desk.turn(-9.0)
        desk.keeper.save()
        await asyncio.sleep(0)
        desk.turn(-12.0)
        await desk.hear(StorySaved)

    run(tmp_path, show)
    assert Desk(tmp_path).gain_db == -12.0


def test_what_was_saved_can_still_be_taken_back_by_who_opens_the_story_again(tmp_path):
    async def show(desk):
        desk.name("First")
        desk.keeper.save()
        await asyncio.sleep(0)
        desk.name("Second")
        await desk.hear(StorySaved)

    run(tmp_path, show)
    assert "First" in (tmp_path / "story.yaml").read_text()
    again = Desk(tmp_path)
    steps = [(step.version, step.name) for step in again.history.steps]
    assert steps == [(1, "set clip voice-1"), (2, "set clip voice-1")]
    story = take_back(again.story, again.history.last())
    assert story.clips()["voice-1"][1].name == "First"
    again.history.undid("")
    assert take_back(story, again.history.last()) == StoryDocument.load(*backups(tmp_path / "story.yaml")).story


def test_a_hand_edit_is_told_and_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper_module, "WATCH_SECONDS", 0.01)
    edited = TEXT.replace("title: Kept", "title: Mine")

    async def show(desk):
        desk.turn(-9.0)
        desk.path.write_text(edited)
        await desk.hear(StoryChangedOnDisk)
        desk.keeper.save()
        refused = await desk.hear(Dropped)
        assert (refused.what, refused.code) == ("save", "bad_story")
        assert "reload" in refused.text

    run(tmp_path, show)
    assert (tmp_path / "story.yaml").read_text() == edited
    assert Desk(tmp_path).gain_db == -9.0


def test_a_hand_edit_is_told_also_after_a_moment_without_free_handles(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper_module, "WATCH_SECONDS", 0.001)

    async def show(desk):
        desk.turn(-9.0)
        refused = []

        def refuse(_):
            refused.append(True)
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as full:
            full.setattr(os, "dup", refuse)
            async with asyncio.timeout(30):
                while len(refused) < 2:
                    await asyncio.sleep(0.001)
        desk.path.write_text(TEXT.replace("title: Kept", "title: Mine"))
        await desk.hear(StoryChangedOnDisk)

    run(tmp_path, show)


def test_a_file_that_was_looked_at_before_a_reload_is_not_told_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper_module, "WATCH_SECONDS", 0.001)
    look, looking, go_on, later = StoryDocument.changed_on_disk, threading.Event(), threading.Event(), []

    def look_slowly(document):
        if looking.is_set():
            later.append(document)
            return look(document)
        looking.set()
        found = look(document)
        go_on.wait(30)
        return found

    async def show(desk):
        desk.path.write_text(TEXT.replace("title: Kept", "title: By somebody else"))
        monkeypatch.setattr(StoryDocument, "changed_on_disk", look_slowly)
        async with asyncio.timeout(30):
            while not looking.is_set():
                await asyncio.sleep(0.001)
            desk.keeper.reload()
            await desk.hear(StoryReloaded)
            go_on.set()
            while len(later) < 2:
                await asyncio.sleep(0.001)
        assert desk.told.empty()

    run(tmp_path, show)


def test_a_reload_takes_the_file_over_and_keeps_unsaved_edits(tmp_path):
    async def show(desk):
        desk.turn(-9.0)
        desk.path.write_text(TEXT.replace("title: Kept", "title: Mine"))
        desk.keeper.reload()
        assert (await desk.hear(StoryReloaded)).dropped == ()
        assert (desk.story.title, desk.gain_db) == ("Mine", -9.0)
        desk.keeper.save()
        await desk.hear(StorySaved)

    run(tmp_path, show)
    assert "title: Mine  # by hand" in (tmp_path / "story.yaml").read_text()


@pytest.mark.parametrize("recovered", [False, True])
def test_a_reload_does_not_make_all_turns_of_a_knob_again(tmp_path, monkeypatch, recovered):
    made = []
    monkeypatch.setattr(module, "apply_edit", lambda *a: made.append(a) or apply_edit(*a))

    async def show(desk):
        desk.name("first")
        for number in range(500):
            desk.turn(-number / 100)
        desk.name("second")
        desk.path.write_text(TEXT.replace("title: Kept", "title: Mine"))
        made.clear()
        desk.keeper.reload()
        await desk.hear(StoryReloaded)
        assert (len(made), desk.gain_db) == (2, -4.99)

    if recovered:  # from a process that is gone: what it has journalled is read
        before = Desk(tmp_path)
        for number in range(500):
            before.turn(-number / 50)
    run(tmp_path, show)
    after = Desk(tmp_path)
    assert (after.gain_db, after.story.tracks[0].clips[0].name) == (-4.99, "second")
    assert len(after.history.past.done) == 2, "what can be taken back is still there"


def test_a_reload_tells_which_edits_no_longer_fit(tmp_path):
    async def show(desk):
        desk.turn(-9.0)
        desk.path.write_text(TEXT.replace("id: voice", "id: hero"))
        desk.keeper.reload()
        (dropped,) = (await desk.hear(StoryReloaded)).dropped
        assert "voice" in dropped

    run(tmp_path, show)


def test_an_edit_during_a_reload_is_not_lost(tmp_path):
    async def show(desk):
        desk.meanwhile = lambda: desk.turn(-12.0)
        desk.keeper.reload()
        await desk.hear(StoryReloaded)
        assert desk.gain_db == -12.0
        assert desk.adopted == 1, "a fader needs no other mix"

    run(tmp_path, show)


def test_what_needs_another_mix_during_a_reload_is_not_lost(tmp_path):
    async def show(desk):
        desk.meanwhile = lambda: desk.name("fast one")
        desk.keeper.reload()
        await desk.hear(StoryReloaded)
        assert desk.story.tracks[0].clips[0].name == "fast one"
        assert desk.adopted == 2

    run(tmp_path, show)


def test_a_wrong_file_is_refused_and_the_old_story_goes_on(tmp_path):
    async def show(desk):
        desk.path.write_text(TEXT.replace("gain_db: -3", "gain_db: loud"))
        desk.keeper.reload()
        refused = await desk.hear(Dropped)
        assert "tracks[0].gain_db" in refused.text
        assert desk.gain_db == -3.0

    run(tmp_path, show)


@pytest.fixture
def full():
    """Tell whether the disk is full; it isn't at first."""
    patched, write, state = pytest.MonkeyPatch(), os.write, {"full": False}

    def fill(file, data):
        if state["full"]:
            raise OSError(28, "No space left on device")
        return write(file, data)

    patched.setattr(journal_module.os, "write", fill)
    yield state
    patched.undo()


def test_a_full_disk_stops_no_fader_and_what_it_did_is_kept_once_there_is_room(tmp_path, monkeypatch, full):
    monkeypatch.setattr(keeper_module, "WATCH_SECONDS", 0.01)

    async def show(desk):
        full["full"] = True
        desk.turn(-9.0)
        waiting = await desk.hear(TurnsWaiting)
        assert waiting.text == "No space left on device" and waiting.path.endswith(".story.yaml.journal")
        desk.turn(-10.0)
        assert desk.gain_db == -10.0
        desk.keeper.save()
        assert "No space left" in (await desk.hear(Dropped)).text
        desk.keeper.reload()
        await desk.hear(StoryReloaded)
        assert desk.gain_db == -10.0, "a reload loses no move that waits"
        full["full"] = False
        assert (await desk.hear(TurnsWaiting)).text == ""
        assert Desk(tmp_path).gain_db == -10.0

    run(tmp_path, show)


def test_what_can_not_be_kept_to_the_end_is_told(tmp_path, full):
    (tmp_path / "act2.yaml").write_text(SECOND)

    async def show(desk):
        full["full"] = True
        desk.turn(-9.0)
        desk.keeper.load("act2.yaml")
        lost = await desk.hear(Dropped)
        assert lost.what == "turns" and "1 knobs that were turned are not kept" in lost.text
        await desk.hear(StoryReloaded)
        assert desk.gain_db == -20.0

    run(tmp_path, show)


def test_one_thing_at_a_time(tmp_path):
    async def show(desk):
        desk.keeper.reload()
        with pytest.raises(Busy):
            desk.keeper.save()
        await desk.hear(StoryReloaded)

    run(tmp_path, show)


SECOND = TEXT.replace("gain_db: -3", "gain_db: -20")


def test_another_story_is_loaded_and_each_keeps_its_own_edits(tmp_path):
    (tmp_path / "act2.yaml").write_text(SECOND)

    async def show(desk):
        loaded = []
        desk.keeper.on_load = loaded.append
        desk.turn(-9.0)
        desk.keeper.load("act2.yaml")
        reloaded = await desk.hear(StoryReloaded)
        assert (reloaded.path, reloaded.dropped) == (str(tmp_path / "act2.yaml"), ())
        assert loaded == [tmp_path / "act2.yaml"] and desk.gain_db == -20.0
        desk.turn(-21.0)
        desk.keeper.save()
        await desk.hear(StorySaved)
        assert "gain_db: -21" in (tmp_path / "act2.yaml").read_text()
        desk.keeper.load("story.yaml")
        await desk.hear(StoryReloaded)
        assert desk.gain_db == -9.0, "what was not saved is still in force"

    run(tmp_path, show)
    assert (tmp_path / "story.yaml").read_text() == TEXT


@pytest.mark.parametrize(
    "file", ["", "../story.yaml", "/etc/passwd", "x.txt", "a/b.yaml", "a\0.yaml", "link.yaml", ".yaml"]
)
def test_only_stories_beside_this_one_are_loaded(tmp_path, file):
    (tmp_path / "show").mkdir()
    (tmp_path / "story.yaml").write_text(TEXT)
    (tmp_path / "show" / "link.yaml").symlink_to(tmp_path / "story.yaml")

    async def show(desk):
        with pytest.raises(BadRange, match="is no story beside story"):
            desk.keeper.load(file)

    run(tmp_path / "show", show)


def test_a_story_that_is_wrong_changes_nothing(tmp_path):
    (tmp_path / "act2.yaml").write_text("kind: story\nversion: 1\n")

    async def show(desk):
        for file in ("act2.yaml", "act3.yaml"):
            desk.keeper.load(file)
            dropped = await desk.hear(Dropped)
            assert dropped.what == "load" and dropped.code == "bad_story"
        assert desk.keeper.document.path == tmp_path / "story.yaml" and desk.gain_db == -3.0

    run(tmp_path, show)
