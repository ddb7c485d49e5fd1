"""Further takes as jobs: made by the voices, noted in the store, begun anew with the same seed by a successor."""

from __future__ import annotations

import asyncio

import pytest

from engine.control.job_tasks import JobTasks
from engine.control.take_maker import TakeMaker
from engine.errors import UnknownThing, VoiceError
from engine.events import Event, JobDone, JobFailed
from engine.questions import NextSeed, NoteTake, Question, Row
from engine.realtime.notes import Notes
from engine.story.model import Line
from engine.voices.catalog import Catalog
from engine.voices.preset import Preset
from engine.voices.take import Take

LINE = Line(text="Hello.", voice="anna")
ANNA = Preset(id="anna", name="", backend="espeak", settings={})


class FakeClerk:
    """Knows takes by their digests, which are their seeds."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    async def ask(self, question: Question) -> tuple[Row, ...]:
        if isinstance(question, NextSeed):
            return ((max(self.seeds, default=question.line.delivery.seed) + 1, len(self.seeds)),)
        assert isinstance(question, NoteTake)
        seed = int(question.digest)
        if seed not in self.seeds:
            self.seeds.append(seed)
        return ((self.seeds.index(seed) + 1, seed),)


class FakePool:
    """Speaks once ``go`` is set; not the voice of a line that says BAD."""

    def __init__(self) -> None:
        self.catalog, self.go = Catalog(presets={"anna": ANNA}), asyncio.Event()

    async def render(self, line: Line, *, seed: int, stored: bool) -> Take:
        assert stored
        await self.go.wait()
        if line.text == "BAD":
            raise VoiceError("no such sound")
        return Take(
            digest=str(seed), text=line.text, voice=line.voice, sample_rate=48_000, frames=24_000, channels=1, words=(),
            seed=seed,
        )  # fmt: skip


class Room:
    """A take maker in one control process, beside a clerk and notes that outlive it."""

    def __init__(self, clerk: FakeClerk, notes: Notes) -> None:
        self.pool, self.told, self._news = FakePool(), list[Event](), asyncio.Event()
        self.tasks = JobTasks(self._hear)
        self.maker = TakeMaker(self.pool, clerk, self.tasks, notes)  # type: ignore[arg-type]

    def _hear(self, events: tuple[Event, ...]) -> None:
        self.told.extend(events)
        self._news.set()

    async def end(self) -> Event:
        self.pool.go.set()
        await asyncio.wait_for(self._news.wait(), 20.0)
        return self.told[-1]


def test_a_take_is_made_with_a_seed_that_no_take_has() -> None:
    async def test() -> None:
        clerk, notes = FakeClerk(), Notes()
        room = Room(clerk, notes)
        room.maker.make("7", LINE, None)
        assert await room.end() == JobDone(job="7", verb="takes", result="2", seconds=0.5)
        assert clerk.seeds == [0, 1] and not notes.all("")

    asyncio.run(test())


def test_a_successor_makes_what_was_left_and_with_the_seed_that_was_chosen() -> None:
    async def test() -> None:
        clerk, notes = FakeClerk(), Notes()
        room = Room(clerk, notes)
        clerk.seeds = [0, 1]
        room.maker.make("7", LINE, None)
        await asyncio.sleep(0)  # its seed is chosen; now its process ends
        clerk.seeds.append(2)  # and noted, but nobody was told
        await room.tasks.close()
        heir = Room(clerk, notes)
        assert not room.told and heir.maker.recall() == ()
        assert await heir.end() == JobDone(job="7", verb="takes", result="3", seconds=0.5)
        assert clerk.seeds == [0, 1, 2] and not notes.all("")

    asyncio.run(test())


def test_what_can_t_be_made_is_told() -> None:
    async def test() -> None:
        clerk, notes = FakeClerk(), Notes()
        room = Room(clerk, notes)
        with pytest.raises(UnknownThing, match="no voice named 'bert'"):
            room.maker.make("7", Line(text="Hello.", voice="bert"), None)
        room.maker.make("8", Line(text="BAD", voice="anna"), 5)
        assert await room.end() == JobFailed(job="8", verb="takes", code="voice_failed", text="no such sound")
        assert not notes.all("")
        room.maker.make("9", LINE, 5)
        await room.tasks.close()
        heir = Room(clerk, notes)
        heir.pool.catalog.presets.clear()
        (failed,) = heir.maker.recall()
        assert isinstance(failed, JobFailed) and failed.code == "no_such_thing" and not notes.all("")

    asyncio.run(test())
