"""The job ledger: what the library is told of a running engine's jobs, also across the death of their process."""

from __future__ import annotations

import asyncio

from engine.control import job_ledger as module
from engine.control.job_ledger import INTERRUPTED, JobLedger
from engine.errors import EngineError
from engine.events import JobDone, JobFailed, JobProgressed
from engine.questions import JobNews, NoteJobs
from engine.realtime.notes import Notes


class Shelf:
    """Keeps the newest of each job, as the store would; ``full``: it takes nothing."""

    def __init__(self) -> None:
        self.rows: dict[str, JobNews] = {}
        self.full = False
        self.asked = 0

    async def ask(self, question: NoteJobs) -> None:
        self.asked += 1
        if self.full:
            raise EngineError("no room")
        self.rows.update({news.key: news for news in question.jobs})

    @property
    def told(self) -> list[tuple[str, str, str, float, str]]:
        return [(n.name, n.what, n.state, n.fraction, n.result) for n in self.rows.values()]


def ledger(shelf: Shelf, notes: Notes) -> JobLedger:
    return JobLedger(shelf.ask, notes, lambda: "story.yaml")


def progress(job: str, fraction: float) -> tuple[JobProgressed, ...]:
    return (JobProgressed(job=job, verb="export", fraction=fraction, stage="mix"),)


def test_jobs_are_told_with_their_progress_and_end() -> None:
    async def show() -> None:
        shelf, notes = Shelf(), Notes()
        jobs = ledger(shelf, notes)
        for job in "1234":
            jobs.begun(job, "export", f"to mixes/{job}", "tablet")
        for step in range(100):
            jobs.hear(progress("1", step / 100))
        jobs.hear(progress("a line", 0.5))  # is none of the ledger's
        jobs.hear((JobDone(job="2", verb="export", result="mixes/2", seconds=1.0),))
        jobs.hear((JobFailed(job="3", verb="export", code="disk_full", text="no room"),))
        jobs.hear((JobFailed(job="4", verb="export", code="cancelled", text="cancelled"),))
        await asyncio.sleep(0)
        assert shelf.told == [
            ("1", "story.yaml to mixes/1", "running", 0.99, ""),
            ("2", "story.yaml to mixes/2", "done", 1.0, "mixes/2"),
            ("3", "story.yaml to mixes/3", "failed", 0.0, "no room"),
            ("4", "story.yaml to mixes/4", "cancelled", 0.0, "cancelled"),
        ]
        assert shelf.asked == 1 and {news.client for news in shelf.rows.values()} == {"tablet"}
        await jobs.close()
        assert shelf.told[0] == ("1", "story.yaml to mixes/1", "interrupted", 0.99, INTERRUPTED)
        assert notes.all("") == {}

    asyncio.run(show())


def test_a_successor_goes_on_with_what_goes_on_and_the_rest_was_interrupted() -> None:
    async def show() -> None:
        shelf, notes = Shelf(), Notes()
        killed = ledger(shelf, notes)
        for job in ("kept", "lost"):
            killed.begun(job, "render", "", "")
        heir = ledger(shelf, notes)
        heir.settle({"kept"})
        heir.hear(progress("kept", 0.5))
        heir.hear((JobDone(job="kept", verb="render", result="3 takes", seconds=0.0),))
        await asyncio.sleep(0)
        assert shelf.told == [
            ("kept", "story.yaml", "done", 1.0, "3 takes"),
            ("lost", "story.yaml", "interrupted", 0.0, INTERRUPTED),
        ]
        await heir.close()
        await killed.close()

    asyncio.run(show())


def test_what_the_library_does_not_take_is_told_later(monkeypatch) -> None:
    async def show() -> None:
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
        shelf = Shelf()
        shelf.full = True
        jobs = ledger(shelf, Notes())
        jobs.begun("1", "render", "", "")
        async with asyncio.timeout(60):
            while shelf.asked < 3:
                await asyncio.sleep(0)
        shelf.full = False
        jobs.hear((JobDone(job="1", verb="render", result="3 takes", seconds=0.0),))
        async with asyncio.timeout(60):
            while not shelf.rows:
                await asyncio.sleep(0)
        await jobs.close()
        assert shelf.told == [("1", "story.yaml", "done", 1.0, "3 takes")]

    asyncio.run(show())
