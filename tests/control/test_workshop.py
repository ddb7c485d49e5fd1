"""Exports beside a running session: in a process of their own, one at a time, within bounds, anew after a death."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.commands import Export
from engine.control.clerk import Clerk
from engine.control.quota import Quota
from engine.control.workshop import MAX_EXPORTS, Bench, Workshop
from engine.errors import BadRange, Busy, OverQuota, UnknownThing
from engine.events import Event, JobDone, JobFailed, JobProgressed
from engine.questions import Shelves
from engine.realtime.notes import Notes
from engine.render.cache import TakeCache
from engine.story.model import At, Clip, Line, Story, Track
from engine.voices.catalog import load_catalog
from engine.voices.pool import VoicePool

STORY = Story(
    title="Small",
    tracks=(
        Track(
            id="voice",
            clips=(Clip(id="hello", start=At(frame=0), line=Line(text="Hello.", voice="narrator")),),
        ),
    ),
)


class Shop:
    """A workshop, and what it told."""

    def __init__(self, folder: Path, max_bytes: int = 1 << 40) -> None:
        takes = folder / "takes"
        self.folder = folder
        self.pool = VoicePool(catalog=load_catalog([]), cache=TakeCache(takes), sample_rate=STORY.sample_rate)
        bench = Bench(
            base_folder=folder,
            out_folder=folder / "exports",
            takes_folder=str(takes),
            voice_folders=(),
            speak_with="",
        )
        self.notes = Notes()
        self.quota = Quota([folder / "exports"], max_bytes)
        shelves = Shelves(data_folder=str(folder), takes_folder=str(takes), voice_folders=(), speak_with="")
        self.workshop = Workshop(self.pool, bench, self.notes, self.quota, Clerk(shelves))
        self.told: list[Event] = []
        self._news = asyncio.Event()
        self.workshop.tell = self._hear

    def _hear(self, events: tuple[Event, ...]) -> None:
        self.told.extend(events)
        self._news.set()

    async def ended(self, job: str) -> JobDone | JobFailed:
        """Return how a job ended."""
        while True:
            for event in self.told:
                if isinstance(event, (JobDone, JobFailed)) and event.job == job:
                    return event
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        await self.workshop.close()
        await self.pool.close()


def with_shop(folder: Path, test: Callable[[Shop], Awaitable[None]], max_bytes: int = 1 << 40) -> None:
    async def run() -> None:
        shop = Shop(folder, max_bytes)
        try:
            await test(shop)
        finally:
            await shop.close()

    asyncio.run(run())


def test_a_story_is_exported_with_progress(tmp_path: Path) -> None:
    async def test(shop: Shop) -> None:
        shop.workshop.export("7", Export(folder="friday", formats=("stems", "markers")), STORY)
        assert [(j.job, j.stage) for j in shop.workshop.jobs()] == [("7", "waiting")]
        done = await shop.ended("7")
        assert isinstance(done, JobDone), done
        assert done.result == str(tmp_path / "exports" / "friday") and done.seconds > 0.3
        manifest = json.loads((tmp_path / "exports" / "friday" / "manifest.json").read_text())
        assert {file["role"] for file in manifest["files"]} >= {"track", "mix"}
        stages = [e.stage for e in shop.told if isinstance(e, JobProgressed)]
        assert stages[0] == "speak" and len(set(stages)) > 2
        assert not shop.workshop.jobs() and not shop.notes.all("")

    with_shop(tmp_path, test)


def test_one_that_waits_or_goes_on_is_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    async def test(shop: Shop) -> None:
        for job in ("1", "2"):
            shop.workshop.export(job, Export(folder=f"take-{job}"), STORY)
        assert shop.workshop.cancel("2") and shop.workshop.cancel("1") and not shop.workshop.cancel("9")
        for job in ("1", "2"):
            ended = await shop.ended(job)
            assert isinstance(ended, JobFailed) and ended.code == "cancelled"
        assert not list((tmp_path / "exports").rglob("*"))
        assert not shop.notes.all("")

    with_shop(tmp_path, test)


def test_a_successor_begins_anew_what_was_left(tmp_path: Path) -> None:
    async def test(shop: Shop) -> None:
        shop.workshop.export("7", Export(folder="friday", formats=("stems",)), STORY)
        await shop.workshop.close()  # as at the end of its process: nobody was told that it ended
        assert not shop.told
        heir = Shop(tmp_path)
        for name, note in shop.notes.all("").items():
            heir.notes.set(name, note)
        heir.workshop.recall(STORY)
        assert isinstance(await heir.ended("7"), JobDone)
        await heir.close()

    with_shop(tmp_path, test)


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/tmp/x", "a/../../x", "a" * 64, "a\0", "a/b/c/d/e", "x ", ".x", "~"]
)
def test_no_name_leads_out_of_the_exports(tmp_path: Path, name: str) -> None:
    async def test(shop: Shop) -> None:
        with pytest.raises(BadRange, match="export folder"):
            shop.workshop.export("7", Export(folder=name), STORY)

    with_shop(tmp_path, test)


def test_no_link_leads_out_of_the_exports(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "elsewhere").symlink_to(tmp_path)

    async def test(shop: Shop) -> None:
        with pytest.raises(BadRange, match="leads out"):
            shop.workshop.export("7", Export(folder="elsewhere/x"), STORY)

    with_shop(tmp_path, test)


def test_formats_and_numbers_are_bounded_and_the_bound_is_told(tmp_path: Path) -> None:
    async def test(shop: Shop) -> None:
        with pytest.raises(UnknownThing, match="no export format named 'cake'"):
            shop.workshop.export("0", Export(folder="x", formats=("cake",)), STORY)
        for number in range(MAX_EXPORTS):
            shop.workshop.export(str(number), Export(folder=str(number)), STORY)
        with pytest.raises(Busy, match=f"{MAX_EXPORTS} exports"):
            shop.workshop.export("more", Export(folder="more"), STORY)

    with_shop(tmp_path, test)


def test_what_lies_there_already_counts(tmp_path: Path) -> None:
    (tmp_path / "exports" / "old").mkdir(parents=True)
    (tmp_path / "exports" / "old" / "mix.wav").write_bytes(bytes(3_000_000))
    full: list[OverQuota] = []

    async def test(shop: Shop) -> None:
        shop.quota.on_full = full.append
        await shop.quota.look()
        assert len(full) == 1
        with pytest.raises(OverQuota, match=r"take 3 MB, and at most 2 MB may \(setting outputs_max_mb\)"):
            shop.workshop.export("7", Export(folder="new"), STORY)
        (tmp_path / "exports" / "old" / "mix.wav").unlink()
        await shop.quota.look()
        shop.workshop.export("7", Export(folder="new", formats=("markers",)), STORY)

    with_shop(tmp_path, test, max_bytes=2_000_000)
