"""The voice pool with real workers: fast, shared, cancelled, killed, and nothing left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
import soundfile

from engine.errors import Busy, MediaError, MemoryShort, UnknownThing, VoiceError
from engine.realtime.memory import Segment
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices import pool as pool_module
from engine.voices import registry
from engine.voices.catalog import Catalog, load_catalog
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from tests.control.stage_rig import Gate
from tests.voices.paced_backend import GO, STEP_FRAMES
from tests.voices.paced_backend import RATE as PACED_RATE

pytestmark = pytest.mark.whole

RATE = 48000
LONG = Line(text="A very long line that goes on and on, number 25. " * 40, voice="plain")
HELD = Line(text="abcdefghij" * 30, voice="held")
"""A line that a worker speaks step by step, as the test lets it."""
HELD_FRAMES = len(HELD.text) * STEP_FRAMES * RATE // PACED_RATE
SOME, REST = 60 * GO, 2 * len(HELD.text) * GO
"""Enough for a word of its progress; enough for all of it, whatever a worker that was killed took of it."""


def line(text: str, voice: str = "plain") -> Line:
    return Line(text=text, voice=voice)


@pytest.fixture(scope="module")
def catalog():
    plain = Preset(id="plain", name="Plain", backend="espeak", settings=complete_settings("espeak", {}))
    return Catalog(presets={"plain": plain, "giant": load_catalog().get("giant")})


@pytest.fixture
def gate(tmp_path, monkeypatch, catalog):
    """What lets ``HELD`` go on: none of these tests asks who is quicker, the worker or the test."""
    monkeypatch.setitem(registry.BACKENDS, "paced", "tests.voices.paced_backend")
    monkeypatch.setattr("engine.voices.worker_process.MODULE", "tests.voices.paced_backend")
    registry.backend.cache_clear()
    gate = Gate(tmp_path)
    held = Preset(id="held", name="Held", backend="paced", settings={"gate": str(gate.path)})
    monkeypatch.setitem(catalog.presets, "held", held)
    yield gate
    gate.close()
    registry.backend.cache_clear()


async def while_it_goes_on(gate, work):
    """Return what ``work`` does, while the line that is held goes on: a step at a time, none for what comes later."""
    doing = asyncio.ensure_future(work)
    while not doing.done():
        if gate.heard:
            gate.tell(GO)
        await asyncio.sleep(0.005)
    return await doing


@pytest.fixture
def arena():
    segment = Segment.create(8 << 20)
    yield segment
    segment.close()


@pytest.fixture
def pooled(catalog, arena, tmp_path):
    """Run ``test(pool)`` with a pool of real workers; afterwards none of them exists."""

    def run(test, **options):
        pids = set()

        async def main():
            options.setdefault("cache", TakeCache(tmp_path / "takes"))
            pool = VoicePool(catalog=catalog, sample_rate=RATE, arena=arena, **options)
            try:
                return await test(pool)
            finally:
                pids.update(pool.pids)
                await pool.close()

        result = asyncio.run(main())
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        return result

    return run


def test_a_line_becomes_a_take_that_lies_in_the_arena_and_in_the_cache(pooled, arena):
    async def test(pool):
        take = await pool.render(line("Hello there, friend."), urgent=True)
        assert [w.text for w in take.words] == ["Hello", "there", "friend"]
        assert (take.voice, take.sample_rate, take.channels) == ("plain", RATE, 1)
        await pool.load_take(take, 1000, urgent=True)
        kept = await pool.render(line("Hello there, friend."), stored=True)
        assert kept == take == pool.cache.get(take.digest)
        floats = arena.view(np.float32)
        np.testing.assert_array_equal(floats[1000 : 1000 + take.frames], pool.cache.audio(take)[:, 0])
        assert not floats[:1000].any() and not floats[1000 + take.frames :].any()

    pooled(test)


def test_effects_are_in_the_take(pooled):
    async def test(pool):
        plain, giant = [await pool.render(line("I see you.", voice), stored=True) for voice in ("plain", "giant")]
        assert giant.frames > 1.3 * plain.frames
        assert len(giant.words) == 3 and giant.words[-1].end_frame < giant.frames

    pooled(test)


def test_a_cached_take_starts_no_worker(pooled):
    async def first(pool):
        return await pool.render(line("Once."), stored=True)

    async def second(pool):
        return await pool.render(line("Once."), stored=True), pool.pids

    take = pooled(first)
    assert pooled(second) == (take, ())


def test_the_same_line_asked_for_at_once_is_spoken_once(pooled):
    async def test(pool):
        takes = await asyncio.gather(*(pool.render(line("Twice, and thrice."), urgent=n == 2) for n in range(5)))
        assert all(take is takes[0] for take in takes)

    pooled(test)


def test_a_killed_worker_s_line_is_spoken_by_a_fresh_one(pooled, gate):
    async def test(pool):
        await pool.start()
        first = pool.pids
        killed = []

        def kill_once(_frames):
            if not killed:
                killed.extend(pool.pids)
                os.kill(killed[0], signal.SIGKILL)
                gate.tell(REST)

        gate.tell(SOME)
        take = await pool.render(HELD, stored=True, on_progress=kill_once)
        assert take.frames == HELD_FRAMES
        assert killed == list(first) and pool.pids and pool.pids != first
        assert pool.deaths == 1

    pooled(test)


def test_a_worker_killed_while_it_keeps_a_take_costs_nothing_but_time(pooled, monkeypatch):
    kept = pool_module._is_kept
    killed = []

    async def test(pool):
        async def kill_first(job):
            if not killed:
                killed.extend(pool.pids)
                os.kill(killed[0], signal.SIGKILL)
            return await kept(job)

        monkeypatch.setattr(pool_module, "_is_kept", kill_first)
        take = await pool.render(LONG, stored=True)
        assert pool.cache.get(take.digest) == take
        assert killed

    pooled(test)


def test_a_line_that_kills_two_workers_is_given_up(pooled, gate):
    async def test(pool):
        def kill(_frames):
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)
            gate.tell(SOME)

        gate.tell(SOME)
        with pytest.raises(VoiceError, match="two voice workers died of this: speaking 'abcdefghij"):
            await pool.render(HELD, on_progress=kill)
        assert (await pool.render(line("Life goes on."))).frames > 0

    pooled(test)


def test_an_idle_worker_that_dies_is_replaced(pooled):
    async def test(pool):
        await pool.render(line("One."), stored=True)
        os.kill(pool.pids[0], signal.SIGKILL)
        assert (await pool.render(line("Two."))).frames > 0
        assert pool.deaths == 1

    pooled(test)


def test_a_cancelled_line_stops_in_the_worker(pooled, gate):
    async def test(pool):
        begun = asyncio.Event()
        rendering = asyncio.create_task(pool.render(HELD, on_progress=lambda _: begun.set()))
        gate.tell(SOME)
        await begun.wait()
        pids = pool.pids
        rendering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rendering
        after = await while_it_goes_on(gate, pool.render(line("Next, please."), stored=True))
        assert after.frames > 0 and pool.pids == pids and pool.deaths == 0
        return len(list(pool.cache.folder.glob("*.wav")))

    assert pooled(test) == 1


def test_one_of_two_who_gives_up_takes_nothing_from_the_other(pooled, gate):
    async def test(pool):
        begun = asyncio.Event()
        first = asyncio.create_task(pool.render(HELD, on_progress=lambda _: begun.set()))
        second = asyncio.create_task(pool.render(HELD))
        gate.tell(SOME)
        await begun.wait()
        first.cancel()
        gate.tell(REST)
        assert (await second).frames == HELD_FRAMES

    pooled(test)


def test_a_line_asked_for_again_while_it_is_being_stopped_is_spoken(pooled, gate):
    async def test(pool):
        begun = asyncio.Event()
        first = asyncio.create_task(pool.render(HELD, on_progress=lambda _: begun.set()))
        gate.tell(SOME)
        await begun.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        again = asyncio.create_task(pool.render(HELD))
        await asyncio.sleep(0)
        gate.tell(REST)
        assert (await again).frames == HELD_FRAMES

    pooled(test)


def test_background_work_gives_way_to_a_performer_and_is_finished_later(pooled, gate):
    async def test(pool):
        begun, done = asyncio.Event(), []
        background = asyncio.create_task(pool.render(HELD, on_progress=lambda _: begun.set()))
        background.add_done_callback(lambda _: done.append("background"))
        gate.tell(SOME)
        await begun.wait()
        take = await while_it_goes_on(gate, pool.render(line("Now!"), urgent=True))
        await while_it_goes_on(gate, pool.load_take(take, 0, urgent=True))
        done.append("performer")
        gate.tell(REST)
        assert (await background).frames == HELD_FRAMES
        assert done == ["performer", "background"] and pool.deaths == 0

    pooled(test)


def test_a_full_queue_is_busy(pooled):
    async def test(pool):
        rendering = [asyncio.create_task(pool.render(line(f"Line {n}."))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.render(line("One more."))
        assert len(await asyncio.gather(*rendering)) == 3

    pooled(test, most_queued=2)


def test_two_workers_share_the_work(pooled, arena):
    async def test(pool):
        await pool.start()
        assert len(pool.pids) == 2
        takes = await asyncio.gather(*(pool.render(line(f"Line number {n}.")) for n in range(8)))
        for take in takes:
            await pool.load_take(take, 0)
            assert np.abs(arena.view(np.float32)[: take.frames]).max() == pytest.approx(take.peak)

    pooled(test, workers=2)


def test_a_full_disk_does_not_stop_the_show(pooled, tmp_path):
    (tmp_path / "file").write_text("no folder")

    async def test(pool):
        told = []
        pool.on_unkept = told.append
        take = await pool.render(line("On with the show."))
        with pytest.raises(MediaError, match="can't be kept"):
            await pool.render(line("On with the show."), stored=True)
        assert "can't be kept" in told[0]
        await pool.load_take(take, 0)
        assert await pool.render(line("On with the show.")) is not None

    pooled(test, cache=TakeCache(tmp_path / "file"))


def test_a_take_that_vanished_from_the_cache_is_spoken_again(pooled, arena):
    async def make(pool):
        for text in ("Something first.", "And another."):
            await pool.render(line(text), stored=True)
        return await pool.render(line("Where did I go?"), stored=True)

    take = pooled(make)

    async def test(pool):
        pool.cache.audio_path(take.digest).unlink()
        await pool.load_take(take, 0)
        assert np.abs(arena.view(np.float32)[: take.frames]).max() == pytest.approx(take.peak, rel=0.1)

    pooled(test)


def test_audio_files_are_probed_and_loaded(pooled, arena, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full((RATE, 2), 0.25), RATE, subtype="FLOAT")

    async def test(pool):
        facts = await pool.probe(tmp_path / "a.wav")
        assert (facts.frames, facts.channels) == (RATE, 2)
        await pool.load_file(tmp_path / "a.wav", 10, 2 * RATE)
        with pytest.raises(MediaError, match=r"gone\.wav can't be opened"):
            await pool.probe(tmp_path / "gone.wav")

    pooled(test)
    floats = arena.view(np.float32)
    assert (floats[10 : 10 + 2 * RATE] == 0.25).all() and not floats[:10].any()


def test_a_worker_writes_nowhere_else_than_into_the_arena(pooled, arena):
    async def test(pool):
        take = await pool.render(line("Too far."))
        for offset in (len(arena.view(np.float32)) - 10, -1):
            with pytest.raises(MemoryShort, match="lie outside the arena"):
                await pool.load_take(take, offset)

    pooled(test)


def test_mistakes_name_what_is_allowed(pooled):
    async def test(pool):
        with pytest.raises(UnknownThing, match="no voice named 'nobody'; there is: giant, plain"):
            await pool.render(line("Hm.", "nobody"))
        with pytest.raises(VoiceError, match=r"nothing to speak in '\.\.\.'"):
            await pool.render(line("..."))

    pooled(test)


def test_closing_tells_those_who_wait(pooled, gate):
    async def test(pool):
        begun = asyncio.Event()
        waiting = [asyncio.create_task(pool.render(HELD, on_progress=lambda _: begun.set()))]
        waiting.append(asyncio.create_task(pool.render(line("Later."))))
        gate.tell(SOME)
        await begun.wait()
        await while_it_goes_on(gate, pool.close())
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in told] == [VoiceError] * 2
        with pytest.raises(VoiceError, match="shutting down"):
            await pool.render(line("Too late."))

    pooled(test)


def test_a_worker_that_cannot_start_is_an_error_not_a_loop(pooled, monkeypatch):
    monkeypatch.setattr("engine.voices.worker_process.MODULE", "engine.voices.no_such_worker")

    async def test(pool):
        with pytest.raises(VoiceError, match=r"does not start \(exit 1\)"):
            await pool.start()
        with pytest.raises(VoiceError, match="does not start"):
            await pool.render(line("Anyone?"))

    pooled(test)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_no_worker_outlives_a_killed_parent(tmp_path):
    code = f"""
import asyncio, pathlib
from engine.render.cache import TakeCache
from engine.voices import pool as pool_module
from engine.voices.catalog import load_catalog
from engine.voices.pool import VoicePool
async def main():
    pool = VoicePool(catalog=load_catalog(), cache=TakeCache(pathlib.Path({str(tmp_path)!r})), sample_rate=48000)
    await pool.start()
    print(pool.pids[0], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    psutil.wait_procs([worker], timeout=20)
    with contextlib.suppress(psutil.NoSuchProcess):
        assert worker.status() == psutil.STATUS_ZOMBIE  # nobody's child any more: init reaps it
