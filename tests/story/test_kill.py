"""Killed with SIGKILL at any moment, a story loses no edit that was acknowledged, and its file is never torn."""

import random
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from engine.commands import SetClip, SetStripGain
from engine.story.backups import backups
from engine.story.document import StoryDocument
from engine.story.edit import apply_edit
from engine.story.history import History, take_back
from engine.story.journal import Journal

pytestmark = pytest.mark.extra

KILLS = 200
TEXT = """\
kind: story
version: 1
title: Small
tracks:
  - id: t
    voice: narrator
    gain_db: 0
    clips:
      - {id: a, start: 0, say: Hello.}
"""


def work(path: Path, first: int, tell: Connection) -> None:
    """Edit for ever, as the keeper does: journal, acknowledge; now and then save, and begin the journal anew."""
    document, journal = StoryDocument.load(path), Journal(path)
    history = History(journal.past())
    story, _ = journal.replay(document.story, history=history)
    for number in range(first, first + 100_000):
        for edit in (SetStripGain(strip="t", gain_db=-(number % 600) / 10), SetClip(clip="a", name=f"n{number}")):
            before, story = story, apply_edit(story, edit)
            journal.append(edit)
            history.replay(before, edit, story)
        tell.send(number)
        if number % 7 == 0:
            mark, patched = journal.mark(), document.patched(story)
            journal.saving(mark, patched.digest)
            document.write(patched, story)
            journal.prepare(document.digest, history.past)
            journal.begin_anew(())


def killed(path: Path, first: int, delay_edits: int, chance: random.Random) -> int:
    """Run a program that works, kill it after so many edits and a little more, and return its last acknowledgement."""
    clean = get_context("forkserver")  # what else runs here has threads, whose locks would be copied as they are
    clean.set_forkserver_preload(["pytest", "engine.story.backups", "engine.story.document", "engine.story.journal"])
    reading, writing = clean.Pipe(duplex=False)
    child = clean.Process(target=work, args=(path, first, writing))
    child.start()
    writing.close()
    with reading:
        heard = [reading.recv() for _ in range(delay_edits)]
        for _ in range(chance.randrange(20_000)):  # anywhere between two acknowledgements
            pass
        child.kill()
        try:
            while True:
                heard.append(reading.recv())
        except EOFError:
            child.join()
            return int(heard[-1])


def test_nothing_acknowledged_is_lost_whenever_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "story.yaml"
    path.write_text(TEXT)
    chance, last, torn, known = random.Random(7), 0, 0, 0
    for _ in range(KILLS):
        last = killed(path, last + 1, chance.randrange(1, 12), chance)
        journal = Journal(path)
        history = History(journal.past())
        story, dropped = journal.replay(StoryDocument.load(path).story, history=history)
        torn += len(dropped)
        clip = story.tracks[0].clips[0]
        assert int(clip.name[1:]) in (last, last + 1), dropped  # the next one may be there, unacknowledged
        gains = {-(n % 600) / 10 for n in (last, last + 1)}
        assert story.tracks[0].strip.gain_db in gains
        for step in reversed(history.steps[-20:]):
            number = int(story.clips()["a"][1].name[1:])
            story = take_back(story, step)
            assert story.clips()["a"][1].name in (f"n{number - 1}", "")
        known += bool(history.steps)
    assert torn <= KILLS  # at most the one line that was being written
    assert known > KILLS // 2, "who dies between the file and the journal begins a new history, nobody else does"
    assert backups(path)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".story.yaml-") and p.stat().st_size > 10_000]
