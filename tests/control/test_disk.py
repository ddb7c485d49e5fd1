"""Clips from the disk with a real io process and a real mixer: the sound of the export, and it outlives a kill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from io_rig import io_running
from numpy.typing import NDArray

from engine.control.disk import Disk
from engine.control.io_link import IoLink
from engine.errors import MediaError
from engine.mixer.graph import compile_graph
from engine.platform import process_bytes
from engine.realtime.core import AudioCore
from engine.realtime.link import AudioLink
from engine.realtime.pages import PageTable, table_floats
from engine.realtime.records import ENTRY, Kind, Report, records
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.session.library import Loaded
from engine.story.model import Master, Story, Track
from engine.voices.file_reader import FileReader
from tests.signals import RATE

GRAPH = compile_graph(Story(title="disk", tracks=(Track(id="a"),), master=Master(limiter_db=None)))
HOUR = 3600 * RATE
POOL_BYTES = 4 << 20
AHEAD = 3 * RATE // 2
"""Less than what the io process reads ahead."""


class Stage:
    """An audio core that is rendered by hand, control's link to the io process, and one file on the disk."""

    def __init__(self, memory: EngineMemory, io: IoLink) -> None:
        self.memory, self.io = memory, io
        self.link = AudioLink(memory)
        self.core = AudioCore(memory, GRAPH, sample_rate=RATE)
        self.disk = Disk(io, memory.arena.view(np.float32), RATE)
        self.reports: list[NDArray[np.void]] = []

    async def open(self, path: Path) -> Loaded:
        with FileReader(path, RATE) as file:
            frames, channels = file.frames, file.channels
        offset = self.link.arena.allocate(table_floats(frames, channels))
        loaded = Loaded(offset=offset, frames=frames, channels=channels, digest="", paged=True)
        await self.disk.open(loaded, path)
        return loaded

    def timeline(self, loaded: Loaded, start: int = 0, trim: int = 0) -> None:
        entries = np.zeros(1, ENTRY)
        entries["start_frame"], entries["length"], entries["offset"] = start, loaded.frames - trim, trim
        entries["table"], entries["channels"], entries["gain"] = loaded.offset + 1, loaded.channels, 1.0
        entries["player"] = 1
        self.link.publish(entries)

    def push(self, kind: Kind, value: float = 0.0) -> None:
        record = records(1)
        record["kind"], record["value"] = kind, value
        assert self.link.push(record) == 1

    def block(self, frames: int = 512) -> NDArray[np.float32]:
        out = self.core.render(frames).copy()
        self.reports.append(self.link.reports())
        return out

    async def play(self, frames: int) -> NDArray[np.float32]:
        """Play what is there, much faster than in life."""
        parts = []
        for _ in range(frames // 512):
            parts.append(self.block())
            await asyncio.sleep(0)
        return np.concatenate(parts)

    async def follow(self, loaded: Loaded, begin: int, frames: int) -> NDArray[np.float32]:
        """Play from frame ``begin`` of a clip on, never without AHEAD before it, as in life."""
        parts = []
        for at in range(begin, begin + frames - 511, 512):
            ahead = 512 if at == begin else AHEAD  # nobody knows that it plays before it does
            await self.loaded(loaded, at, min(ahead, loaded.frames - at))
            parts.append(self.block())
            await asyncio.sleep(0)
        return np.concatenate(parts)

    async def loaded(self, loaded: Loaded, frame: int, frames: int) -> None:
        """Wait until ``frames`` frames from ``frame`` on lie in the pool."""
        table = PageTable(self.memory.arena.view(np.float32), loaded.offset)
        pages = range(frame // table.page_frames, (frame + frames - 1) // table.page_frames + 1)
        await self.until(lambda: all(table.page(page) is not None for page in pages), playing=False)

    async def until(self, happened: Callable[[], bool], playing: bool = True) -> None:
        for _ in range(20_000):
            if happened():
                return
            if playing:
                self.block(64)
            await asyncio.sleep(0.002)
        raise AssertionError("waited in vain")

    def count(self, kind: Report) -> int:
        told = np.concatenate(self.reports)
        return int((told["kind"] == kind).sum())


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    memory = EngineMemory.create(MemoryConfig(arena_bytes=1 << 20, pool_bytes=POOL_BYTES))
    try:
        async with io_running(memory) as (io, _):
            yield Stage(memory, io)
    finally:
        memory.close()


def run(show: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with stage() as each:
            await show(each)

    asyncio.run(whole())


def file(path: Path, seconds: float, rate: int, channels: int = 2) -> Path:
    audio = np.random.default_rng(4).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(path, audio.astype(np.float32), rate)
    return path


def whole(path: Path) -> NDArray[np.float32]:
    with FileReader(path, RATE) as reader:
        sound = np.empty((reader.frames, reader.channels), np.float32)
        reader.read(0, sound)
    return np.repeat(sound, 2, axis=1) if sound.shape[1] == 1 else sound


@pytest.mark.parametrize(("name", "rate", "channels"), [("a.wav", RATE, 2), ("a.flac", 44100, 1), ("a.aiff", 22050, 2)])
def test_it_plays_bit_for_bit_what_an_export_reads(tmp_path: Path, name: str, rate: int, channels: int) -> None:
    path = file(tmp_path / name, 6.0, rate, channels)
    expected = whole(path)

    async def show(stage: Stage) -> None:
        loaded = await stage.open(path)
        stage.timeline(loaded, trim=1000)
        stage.push(Kind.PLAY)
        got = await stage.follow(loaded, 1000, len(expected) - 1000)
        assert stage.count(Report.UNDERRUN) == 0
        np.testing.assert_array_equal(got, expected[1000 : 1000 + len(got)])

    run(show)


def test_locating_and_looping_begin_at_once_where_they_were_expected(tmp_path: Path) -> None:
    path = file(tmp_path / "a.flac", 40.0, RATE)
    expected = whole(path)

    async def show(stage: Stage) -> None:
        loaded = await stage.open(path)
        places = (0, 10 * RATE, 30 * RATE)
        stage.io.set_heads((loaded.offset, place) for place in places)
        for place in places:
            await stage.loaded(loaded, place, 8192)
        stage.timeline(loaded)
        stage.push(Kind.PLAY)
        for place in (30 * RATE, 10 * RATE, 0):
            stage.push(Kind.LOCATE, float(place))
            got = await stage.play(8192)
            np.testing.assert_array_equal(got[512:], expected[place + 512 : place + 8192])
        assert stage.count(Report.UNDERRUN) == 0

    run(show)


def test_a_jump_into_the_unknown_is_silent_for_a_moment_and_then_in_its_place(tmp_path: Path) -> None:
    path = file(tmp_path / "a.flac", 40.0, RATE)
    expected = whole(path)

    async def show(stage: Stage) -> None:
        loaded = await stage.open(path)
        stage.timeline(loaded)
        stage.push(Kind.PLAY)
        stage.push(Kind.LOCATE, 20.0 * RATE)
        assert not stage.block().any()
        await stage.until(lambda: stage.count(Report.REFILLED) == 1)
        begin = stage.link.status().timeline_frame
        await stage.loaded(loaded, begin, 8192)  # played without a pause, faster than a busy disk would follow
        got = await stage.play(8192)
        np.testing.assert_array_equal(got[512:], expected[begin + 512 : begin + 8192])
        assert stage.count(Report.UNDERRUN) == 1

    run(show)


def test_another_io_process_goes_on_while_it_plays(tmp_path: Path) -> None:
    path = file(tmp_path / "a.wav", 20.0, RATE)
    expected = whole(path)

    async def show(stage: Stage) -> None:
        anew: list[bool] = []
        stage.io.on_started_anew = lambda: anew.append(True)
        loaded = await stage.open(path)
        stage.timeline(loaded)
        stage.push(Kind.PLAY)
        got = [await stage.follow(loaded, 0, RATE)]
        process = psutil.Process(stage.io.pid)
        process.kill()
        got.append(await stage.play(RATE))  # from what lies ahead
        await stage.until(lambda: bool(anew), playing=False)
        got.append(await stage.follow(loaded, 2 * RATE // 512 * 512, 3 * RATE))
        sound = np.concatenate(got)
        assert stage.count(Report.UNDERRUN) == 0
        np.testing.assert_array_equal(sound, expected[: len(sound)])

    run(show)


def test_another_audio_process_goes_on_with_it(tmp_path: Path) -> None:
    path = file(tmp_path / "a.wav", 20.0, RATE)
    expected = whole(path)

    async def show(stage: Stage) -> None:
        loaded = await stage.open(path)
        stage.timeline(loaded)
        stage.push(Kind.PLAY)
        begun = time.time() - 1.5  # it is half a second after its last block that the other one takes over
        for _ in range(RATE // 480):
            await stage.loaded(loaded, stage.core.frame, AHEAD if stage.core.frame else 480)
            stage.core.render(480, begun + stage.core.frame / RATE)
        stage.core = AudioCore(stage.memory, GRAPH, sample_rate=RATE)
        stage.core.take_over()
        first = stage.core.frame
        assert first > RATE
        parts = []
        for _ in range(100):
            await stage.loaded(loaded, stage.link.status().timeline_frame, RATE // 2)
            parts.append(stage.core.render(480, begun + stage.core.frame / RATE).copy())
        got = np.concatenate(parts)
        begin = stage.link.status().timeline_frame - len(got)
        np.testing.assert_array_equal(got[480:], expected[begin + 480 : begin + len(got)])

    run(show)


def test_an_hour_of_music_takes_no_more_memory_than_the_pool(tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as hour:
        hour.seek(HOUR - 1)  # a hole: the disk keeps it for nothing
        hour.write(np.zeros((1, 2), np.float32))

    async def show(stage: Stage) -> None:
        loaded = await stage.open(path)
        assert loaded.frames == HOUR
        assert stage.link.arena.used_floats * 4 < 100_000  # the table
        process = psutil.Process(stage.io.pid)
        before = process_bytes(process.pid), process_bytes(psutil.Process().pid)
        stage.timeline(loaded)
        stage.push(Kind.PLAY)
        for place in range(0, HOUR, HOUR // 60):
            stage.push(Kind.LOCATE, float(place))
            await stage.play(8192)
        grown = process_bytes(process.pid) - before[0], process_bytes(psutil.Process().pid) - before[1]
        assert max(grown) < POOL_BYTES + (4 << 20)

    run(show)


def test_what_cannot_be_opened_is_refused_and_what_is_closed_is_forgotten(tmp_path: Path) -> None:
    path = file(tmp_path / "a.wav", 3.0, RATE)

    async def show(stage: Stage) -> None:
        loaded = await stage.open(path)
        closed: list[bool] = []
        stage.disk.let_go(loaded, lambda: closed.append(True))
        await stage.until(lambda: bool(closed), playing=False)
        path.write_bytes(b"RIFF no more")
        with pytest.raises(MediaError, match=r"a\.wav can't be read"):
            await stage.disk.open(loaded, path)

    run(show)
