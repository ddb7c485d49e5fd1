"""The loader: sources into the arena through real workers, eviction, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.control.loader import AT_ONCE, TakeLoader
from engine.errors import EngineError
from engine.realtime.arena import ArenaAllocator
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.render.cache import TakeCache
from engine.session.library import AudioFile, Library, Loaded, Source, Stretched
from engine.story.model import Line
from engine.voices.beside import Said, keep_beside
from engine.voices.catalog import load_catalog
from engine.voices.pool import VoicePool
from engine.voices.take import Word

RATE = 48000
HELLO = Line(text="Hello.", voice="narrator")


class Players:
    """Nothing sounds, or what the test says."""

    def __init__(self) -> None:
        self.sounding: set[Source] = set()

    def sources(self) -> set[Source]:
        return self.sounding


class Ear:
    """As much of a session as a loader talks to."""

    def __init__(self, loader: TakeLoader, pool: VoicePool) -> None:
        self.loader, self.pool = loader, pool
        self.library = Library(loader)
        self.players = Players()
        self.put_off_sources: list[Source] = []
        self.news: asyncio.Queue[tuple[Source, Loaded | EngineError]] = asyncio.Queue()

    def known(self, source: Source, frames: int) -> None:
        self.library.known(source, frames)

    def loaded(self, source: Source, loaded: Loaded) -> None:
        self.library.load(source, loaded)
        self.news.put_nowait((source, loaded))

    def failed(self, source: Source, error: EngineError) -> None:
        self.library.fail(source, str(error))
        self.news.put_nowait((source, error))

    def put_off(self, source: Source) -> None:
        self.library.put_off(source)
        self.put_off_sources.append(source)

    def is_near(self, source: Source) -> bool:
        return self.library.shelf(source).near

    def make_room(self, *, pressing: bool) -> bool:
        oldest = self.library.oldest(self.players.sources(), pressing=pressing)
        if oldest is not None:
            self.library.release(self.library.evict(oldest))
        return oldest is not None

    async def wait(self, source: Source) -> Loaded | EngineError:
        while (news := await asyncio.wait_for(self.news.get(), 60))[0] != source:
            pass
        return news[1]


def run(folder: Path, show: Callable[[Ear, np.ndarray], Awaitable[None]], arena_bytes: int = 4 << 20) -> None:
    """Let ``show`` use a loader with a real worker and an arena of its own, as floats.

    What is freed comes back at once, as if the audio process acknowledged it in the next block.
    """

    async def main() -> None:
        memory = EngineMemory.create(MemoryConfig(arena_bytes=arena_bytes))
        pool = VoicePool(
            catalog=load_catalog([]), cache=TakeCache(folder / "takes"), sample_rate=RATE, arena=memory.arena
        )
        loop = asyncio.get_running_loop()

        def acknowledge(epoch: int) -> bool:
            loop.call_soon(arena.acknowledge, epoch)
            return True

        arena = ArenaAllocator(memory.arena_floats, acknowledge)
        loader = TakeLoader(pool, arena, folder, memory.arena.view(np.float32))
        ear = Ear(loader, pool)
        loader.attach(ear)
        await pool.start()
        try:
            await show(ear, memory.arena.view(np.float32))
        finally:
            await loader.close()
            await pool.close()
            memory.close()

    asyncio.run(main())


def write_tone(folder: Path, name: str, seconds: float = 1.0) -> AudioFile:
    tone = 0.5 * np.sin(2 * np.pi * 441 * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(folder / name, tone.astype(np.float32), RATE, subtype="FLOAT")
    return AudioFile(path=name)


def test_a_line_lies_in_the_arena_as_its_take(tmp_path):
    async def show(ear, arena):
        ear.library.ask(HELLO, urgent=True)
        loaded = await ear.wait(HELLO)
        await ear.pool.render(HELLO, stored=True)
        (wav,) = (tmp_path / "takes").glob("*.wav")
        take = soundfile.read(wav, dtype="float32")[0]
        assert np.array_equal(arena[loaded.offset : loaded.offset + loaded.frames], take)
        assert [word.text for word in loaded.words] == ["Hello"]

    run(tmp_path, show)


def write_words(folder: Path, name: str) -> None:
    word = Word(text="beep", start_frame=RATE // 4, end_frame=RATE // 2, text_start=0, text_end=4)
    keep_beside(folder / name, Said(text="beep!", sample_rate=RATE, words=(word,)))


def test_a_file_lies_in_the_arena_as_it_is(tmp_path):
    tone = write_tone(tmp_path, "tone.wav")
    write_words(tmp_path, "tone.wav")

    async def show(ear, arena):
        ear.library.ask(tone, urgent=False)
        loaded = await ear.wait(tone)
        assert (loaded.frames, loaded.channels) == (RATE, 1)
        assert [(word.text, word.start_frame) for word in loaded.words] == [("beep!", RATE // 4)]
        expected = soundfile.read(tmp_path / "tone.wav", dtype="float32")[0]
        assert np.array_equal(arena[loaded.offset : loaded.offset + RATE], expected)

    run(tmp_path, show)


@pytest.mark.parametrize("path", ["../secret.wav", "/etc/hostname", "link/secret.wav"])
def test_nothing_outside_the_folder_is_opened(tmp_path, path):
    inside, outside = tmp_path / "story", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    write_tone(tmp_path, "secret.wav")
    write_tone(outside, "secret.wav")
    (inside / "link").symlink_to(outside)

    async def show(ear, arena):
        ear.library.ask(AudioFile(path=path), urgent=False)
        refused = await ear.wait(AudioFile(path=path))
        assert refused.code == "bad_media"
        assert "outside" in str(refused)

    run(inside, show)


def test_a_missing_file_is_named(tmp_path):
    async def show(ear, arena):
        ear.library.ask(AudioFile(path="gone.wav"), urgent=False)
        assert "gone.wav" in str(await ear.wait(AudioFile(path="gone.wav")))

    run(tmp_path, show)


def test_the_oldest_idle_source_makes_room(tmp_path):
    tones = [write_tone(tmp_path, f"{n}.wav", seconds=4) for n in range(6)]

    async def show(ear, arena):
        for tone in tones:  # six times 768 kB into four megabytes
            ear.library.ask(tone, urgent=False)
            assert isinstance(await ear.wait(tone), Loaded)
            ear.library.use(tone)
        assert ear.library.shelf(tones[0]).state == "empty"
        assert ear.library.shelf(tones[-1]).state == "ready"

    run(tmp_path, show)


def test_what_sounds_is_never_evicted(tmp_path):
    tones = [write_tone(tmp_path, f"{n}.wav", seconds=4) for n in range(6)]

    async def show(ear, arena):
        ear.players.sounding = {tones[0]}
        for tone in tones:
            ear.library.ask(tone, urgent=False)
            assert isinstance(await ear.wait(tone), Loaded)
        assert ear.library.shelf(tones[0]).state == "ready"
        assert ear.library.shelf(tones[1]).state == "empty"

    run(tmp_path, show)


def test_what_can_never_fit_is_told(tmp_path):
    long = write_tone(tmp_path, "long.wav", seconds=30)

    async def show(ear, arena):
        ear.library.ask(long, urgent=False)
        assert (await ear.wait(long)).code == "memory_short"

    run(tmp_path, show)


def test_another_speed_is_a_sound_of_its_own_with_its_words(tmp_path):
    slow = Stretched(source=HELLO, speed=0.5)
    fast = Stretched(source=write_tone(tmp_path, "a.wav"), speed=2.0)
    write_words(tmp_path, "a.wav")

    async def show(ear, arena):
        for source in (HELLO, slow, fast):
            ear.library.ask(source, urgent=True)
        plain, slowed, sped = [await ear.wait(source) for source in (HELLO, slow, fast)]
        assert slowed.frames == 2 * plain.frames
        assert slowed.words[0].end_frame == 2 * plain.words[0].end_frame
        assert sped.frames == RATE // 2 and sped.words[0].start_frame == RATE // 8
        for loaded in (slowed, sped):
            assert np.abs(arena[loaded.offset : loaded.offset + loaded.frames]).max() > 0.1

    run(tmp_path, show)


def test_nothing_more_is_begun_once_it_is_closed(tmp_path):
    tones = [write_tone(tmp_path, f"{n}.wav", seconds=0.1) for n in range(AT_ONCE + 4)]

    async def show(ear, arena):
        for tone in tones:
            ear.library.ask(tone, urgent=False)
        await asyncio.sleep(0)
        before = asyncio.all_tasks()
        await ear.loader.close()
        assert asyncio.all_tasks() <= before, "what waited has been begun"

    run(tmp_path, show)
