"""Recordings written down as jobs: part by part, bounded, refused with reasons, begun anew by a successor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.commands import Transcribe
from engine.control.job_tasks import JobTasks
from engine.control.transcriber import MAX_HEARD, Transcriber
from engine.errors import BadRange, Busy, MediaError, ModelMissing
from engine.events import Event, JobDone, JobFailed, JobProgressed, PassageHeard, WordHeard
from engine.realtime.notes import Notes
from engine.speech.transcript import HeardWord, Passage, Transcript, whole

WORD = HeardWord(text="Friday.", start_seconds=0.2, end_seconds=0.7, source="dtw", confidence=0.5)
PASSAGES = (
    Passage(text="Friday.", language="en", words=(WORD,), heard_seconds=2.0, total_seconds=4.0),
    Passage(text="", language="", words=(), heard_seconds=4.0, total_seconds=4.0),
)


class FakePool:
    """Hears two passages in everything but ``bad.wav``; waits for ``go``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, object]]] = []
        self.go = asyncio.Event()

    async def transcribe(
        self,
        path: Path,
        *,
        language: str = "",
        settings: dict[str, object],
        on_passage: Callable[[Passage], None] | None = None,
    ) -> Transcript:
        self.asked.append((path.name, language, settings))
        await self.go.wait()
        if path.name == "bad.wav":
            raise MediaError("bad.wav is no sound")
        for passage in PASSAGES:
            if on_passage is not None:
                on_passage(passage)
        return whole(list(PASSAGES))


class Room:
    """A transcriber, and what it told."""

    def __init__(self, folder: Path, notes: Notes | None = None) -> None:
        self.pool, self.notes, self.told = FakePool(), notes or Notes(), list[Event]()
        self._news = asyncio.Event()
        self.tasks = JobTasks(self._hear)
        self.transcriber = Transcriber(self.pool, folder, self.notes, self.tasks)  # type: ignore[arg-type]

    def _hear(self, events: tuple[Event, ...]) -> None:
        self.told.extend(events)
        self._news.set()

    async def ended(self) -> None:
        while not any(isinstance(event, (JobDone, JobFailed)) for event in self.told):
            self._news.clear()
            await self._news.wait()


def with_room(folder: Path, test: Callable[[Room], Awaitable[None]]) -> None:
    async def run() -> None:
        room = Room(folder)
        try:
            await asyncio.wait_for(test(room), 20.0)
        finally:
            await room.tasks.close()

    asyncio.run(run())


def test_what_is_said_is_told_as_it_is_heard(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        room.transcriber.begin("7", Transcribe(file="a.wav", language="en", model="whisper-tiny"))
        assert [(state.verb, state.stage) for state in room.tasks.jobs()] == [("transcribe", "waiting")]
        room.pool.go.set()
        await room.ended()
        assert room.pool.asked == [("a.wav", "en", {"model": "whisper-tiny"})]
        assert room.told == [
            PassageHeard(job="7", text="Friday.", language="en", start_seconds=0.0, end_seconds=2.0),
            WordHeard(job="7", text="Friday.", start_seconds=0.2, end_seconds=0.7, source="dtw", confidence=0.5),
            JobProgressed(job="7", verb="transcribe", fraction=0.5, stage="listen"),
            JobProgressed(job="7", verb="transcribe", fraction=1.0, stage="listen"),
            JobDone(job="7", verb="transcribe", result="en", seconds=4.0),
        ]
        assert not room.tasks.jobs() and not room.notes.all("")

    with_room(tmp_path, test)


@pytest.mark.parametrize(
    ("command", "error", "says"),
    [
        (Transcribe(file="../a.wav"), BadRange, "no file of the story's folder"),
        (Transcribe(file="a.wav", model="./mine"), BadRange, "a short name or a hub id"),
        (Transcribe(file="a.wav", model="whisper-enormous"), ModelMissing, "no model named 'whisper-enormous'"),
    ],
)
def test_what_can_t_begin_is_refused_at_once(tmp_path: Path, command: Transcribe, error: type, says: str) -> None:
    async def test(room: Room) -> None:
        with pytest.raises(error, match=says):
            room.transcriber.begin("7", command)
        assert not room.tasks.jobs() and not room.notes.all("")

    with_room(tmp_path, test)


def test_failures_and_cancelling_are_told_and_the_number_is_bounded(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        for number in range(MAX_HEARD):
            room.transcriber.begin(str(number), Transcribe(file="bad.wav"))
        with pytest.raises(Busy, match=f"{MAX_HEARD} recordings are being written down already"):
            room.transcriber.begin("more", Transcribe(file="a.wav"))
        assert room.tasks.cancel("3") and not room.tasks.cancel("more")
        await room.ended()
        assert room.told == [JobFailed(job="3", verb="transcribe", code="cancelled", text="cancelled")]
        room.told.clear()
        room.pool.go.set()
        await room.ended()
        assert room.told[0] == JobFailed(job="0", verb="transcribe", code="bad_media", text="bad.wav is no sound")

    with_room(tmp_path, test)


def test_a_successor_begins_anew_what_was_left(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        room.transcriber.begin("7", Transcribe(file="a.wav"))
        await room.tasks.close()  # as at the end of its process: nobody was told that it ended
        assert not room.told
        heir = Room(tmp_path, room.notes)
        assert heir.transcriber.recall() == ()
        heir.pool.go.set()
        await heir.ended()
        assert heir.told[-1] == JobDone(job="7", verb="transcribe", result="en", seconds=4.0)

    with_room(tmp_path, test)
