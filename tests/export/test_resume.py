"""An export that is killed goes on: what it had finished is verified and kept, the rest is made, all is as if whole."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from export_stories import MADE_AT, Workshop, scene

from engine.errors import Busy
from engine.export.folder import Target
from engine.export.journal import Journal
from engine.story.model import Story

OPTIONS = {"per": ("track", "voice"), "file_format": "flac", "formats": ("stems", "reaper", "dawproject")}


def die(shop: Workshop, story: Story, stage: str, fraction: float) -> None:
    """Export in this process and kill it, as the system would, once ``stage`` has come to ``fraction``."""

    def hear(done: float, what: str) -> None:
        if what == stage and done >= fraction:
            os.kill(os.getpid(), signal.SIGKILL)

    shop.export(story, progress=hear, **OPTIONS)


def kill_at(shop: Workshop, story: Story, stage: str, fraction: float = 0.0) -> Path:
    """Return the folder that the killed export leaves."""
    child = multiprocessing.get_context("spawn").Process(target=die, args=(shop, story, stage, fraction))
    child.start()
    child.join(100)
    assert child.exitcode == -signal.SIGKILL
    assert not (shop.folder / "out").exists()
    return shop.folder / ".out.unfinished"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def audio(folder: Path) -> dict[str, bytes]:
    """Everything but what tells the time of day or lists the others."""
    return {name: data for name, data in contents(folder).items() if not name.endswith((".json", ".zip"))}


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path)


def units(unfinished: Path) -> set[str]:
    lines = (unfinished / "journal.jsonl").read_bytes().splitlines()[1:]
    return {json.loads(line)["unit"] for line in lines}


@pytest.mark.parametrize(
    ("stage", "fraction"),
    [
        ("mix", 0.6),
        pytest.param("reaper", 0.0, marks=pytest.mark.extra),
        pytest.param("check sums", 0.0, marks=pytest.mark.extra),
    ],
)
def test_a_killed_export_goes_on_with_what_it_had_and_ends_the_same(shop, stage, fraction, monkeypatch):
    story = scene(shop)
    unfinished = kill_at(shop, story, stage, fraction)
    had = units(unfinished)
    assert "mix" in had
    kept = {path.name: path.stat().st_ino for path in (unfinished / "files").rglob("*.flac")}
    written = []
    finish = Journal.finish
    monkeypatch.setattr(Journal, "finish", lambda self, unit, *rest: written.append(unit) or finish(self, unit, *rest))
    shop.export(story, **OPTIONS)
    assert not had & set(written)
    assert not unfinished.exists()
    inodes = {path.name: path.stat().st_ino for path in (shop.folder / "out").rglob("*.flac")}
    assert kept.items() <= inodes.items()
    monkeypatch.undo()
    shop.export(story, "whole", **OPTIONS)
    assert audio(shop.folder / "out") == audio(shop.folder / "whole")
    listed = [json.loads((shop.folder / to / "manifest.json").read_text()) for to in ("out", "whole")]
    assert listed[0] == listed[1]


def test_what_is_not_whole_any_more_is_made_again(shop):
    story = scene(shop)
    unfinished = kill_at(shop, story, "reaper")
    victim = max((unfinished / "files" / "stems").glob("*.flac"))
    victim.write_bytes(victim.read_bytes()[:-1])
    (unfinished / "files" / "stems" / "leftover.flac").write_bytes(b"half")
    with (unfinished / "journal.jsonl").open("ab") as lines:
        lines.write(b'{"unit": "torn')
    shop.export(story, **OPTIONS)
    shop.export(story, "whole", **OPTIONS)
    assert audio(shop.folder / "out") == audio(shop.folder / "whole")


@pytest.mark.extra
def test_an_export_of_something_else_begins_anew(shop):
    story = scene(shop)
    unfinished = kill_at(shop, story, "reaper")
    shop.export(story, **OPTIONS | {"sends": "none"})
    assert not unfinished.exists()
    assert not list((shop.folder / "out").rglob("*Room*"))


def test_two_exports_into_one_folder_do_not_meet(shop):
    story = scene(shop)
    with Target(shop.folder / "out").staging("key", MADE_AT), pytest.raises(Busy, match="another export"):
        shop.export(story)
    shop.export(story)
