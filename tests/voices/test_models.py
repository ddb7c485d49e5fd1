"""Models in workers of their own: states, memory, failures, hangs, batches. With a backend that needs no library."""

import asyncio
import os
import signal

import numpy as np
import psutil
import pytest

from engine.errors import VoiceError
from engine.realtime.memory import Segment
from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices import patience, registry, slot
from engine.voices.catalog import Catalog
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset, complete_settings
from tests.voices.model_backend import RATE, STEP_FRAMES

pytestmark = pytest.mark.whole

LONG = 60.0
"""Seconds: what is waited for comes long before, whatever the machine does."""


def line(text: str, voice: str = "a") -> Line:
    return Line(text=text, voice=voice)


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    """Run ``test(pool, states)`` with voices ``{id: settings}``; afterwards no worker exists."""
    monkeypatch.setitem(registry.BACKENDS, "steps", "tests.voices.model_backend")
    monkeypatch.setattr("engine.voices.worker_process.MODULE", "tests.voices.model_backend")
    monkeypatch.setattr(slot, "FIRST_PAUSE_SECONDS", 0.05)
    registry.backend.cache_clear()

    def run(test, voices=None, **options):
        presets = {
            id_: Preset(id=id_, name=id_, backend="steps", settings=complete_settings("steps", settings))
            for id_, settings in (voices or {"a": {}}).items()
        }
        presets["plain"] = Preset(id="plain", name="", backend="espeak", settings=complete_settings("espeak", {}))
        pids, states = set(), []

        async def main():
            pool = VoicePool(
                catalog=Catalog(presets=presets),
                cache=TakeCache(tmp_path / "takes"),
                sample_rate=RATE,
                on_state=states.append,
                **options,
            )
            try:
                return await test(pool, states)
            finally:
                pids.update(pool.pids)
                await pool.close()

        result = asyncio.run(main())
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        return result

    yield run
    registry.backend.cache_clear()


def told(states, model="steps m"):
    return [state.state for state in states if state.model == model]


def test_a_model_has_a_worker_of_its_own_that_tells_how_it_is(pooled):
    async def test(pool, states):
        assert pool.state("a").state == "cold" and pool.state("plain").state == "warm"
        take = await pool.render(line("Ten steps."), seed=3, stored=True)
        assert (take.frames, take.words, take.source, take.seed) == (10 * STEP_FRAMES, (), "none", 3)
        await pool.render(line("Hello", "plain"))
        assert len(pool.pids) == 2
        assert {state.model for state in states} == {"steps m"}
        assert told(states)[:4] == ["loading", "loading", "warm", "speaking"]
        assert states[1].stage == "reading weights" and pool.state("a").bytes["cpu"] > 1e6

    pooled(test)


def test_load_makes_warm_and_unload_gives_the_memory_back(pooled):
    async def test(pool, states):
        await pool.load("a")
        (pid,) = pool.pids
        await pool.unload("a")
        assert not psutil.pid_exists(pid) and pool.state("a").state == "cold" and pool.deaths == 0
        assert (await pool.render(line("Again."))).frames == 6 * STEP_FRAMES
        assert told(states)[:8] == ["loading", "loading", "warm", "cold", "loading", "loading", "warm", "speaking"]

    pooled(test)


@pytest.mark.extra
def test_another_seed_is_another_take(pooled):
    async def test(pool, _):
        takes = [await pool.render(line("One."), seed=seed, stored=True) for seed in (0, 1, 0)]
        assert takes[0] == takes[2] != takes[1]
        first, other = (pool.cache.audio(take) for take in takes[:2])
        assert np.abs(first - other).max() > 0.1

    pooled(test)


def test_what_a_model_just_made_is_loaded_from_its_worker_and_later_from_the_cache(pooled):
    arena = Segment.create(1 << 20)

    async def test(pool, _):
        take = await pool.render(line("Here."), stored=True)
        await pool.load_take(take, 10, urgent=True)
        await pool.unload("a")
        await pool.load_take(take, 10 + take.frames, urgent=True)
        assert pool.state("a").state == "cold"
        floats = arena.view(np.float32)
        np.testing.assert_array_equal(floats[10 : 10 + take.frames], floats[10 + take.frames : 10 + 2 * take.frames])
        assert floats[10 : 10 + take.frames].any()

    pooled(test, arena=arena)
    arena.close()


def test_the_longest_unused_model_makes_room(pooled):
    voices = {id_: {"model": id_, "megabytes": 400} for id_ in "abc"}

    async def test(pool, _):
        for voice in "ab":
            await pool.render(line("Hi.", voice))
        await pool.render(line("Hi again.", "a"))
        await pool.render(line("Hi.", "c"))
        assert [pool.state(voice).state == "cold" for voice in "abc"] == [False, True, False]
        assert sum(pool.state(voice).bytes.get("gpu", 0) for voice in "abc") == 800e6

    pooled(test, voices, model_bytes=1_000_000_000)


@pytest.mark.extra
def test_a_busy_model_is_asked_to_make_room_and_finishes_later(pooled):
    voices = {"a": {"model": "a", "megabytes": 700, "step_seconds": 0.01}, "b": {"model": "b", "megabytes": 700}}

    async def test(pool, states):
        begun = asyncio.Event()
        await pool.load("b", warm=False)  # what it takes is known from now on: room is made before it is loaded again
        batch = asyncio.create_task(pool.render(line("x" * 200, "a"), on_progress=lambda _: begun.set()))
        await begun.wait()
        assert (await pool.render(line("Now!", "b"), urgent=True)).frames
        assert not batch.done()
        assert (await batch).frames == 200 * STEP_FRAMES
        for state in states:
            assert state.bytes.get("gpu", 0) <= 700e6

    pooled(test, voices, model_bytes=1_000_000_000)


def test_a_model_that_never_fits_says_so_and_leaves_nothing_running(pooled):
    async def test(pool, _):
        for _ in range(2):
            with pytest.raises(VoiceError, match="takes 3,000 MB on gpu; model_memory_mb allows 1,000 MB"):
                await pool.render(line("Too big."))
        assert pool.state("a").state == "failed" and not pool.pids

    pooled(test, {"a": {"megabytes": 3000}}, model_bytes=1_000_000_000)


@pytest.mark.extra
def test_a_failed_load_is_told_at_once_until_somebody_asks_for_it_by_name(pooled, monkeypatch):
    monkeypatch.setattr(slot, "FIRST_PAUSE_SECONDS", LONG)

    async def test(pool, states):
        for _ in range(3):
            with pytest.raises(VoiceError, match="no such weights"):
                await pool.render(line("Hello?"))
        assert pool.state("a").reason == "there are no such weights" and not pool.pids
        assert told(states).count("loading") == 2
        with pytest.raises(VoiceError, match="no such weights"):
            await pool.load("a")
        assert told(states).count("loading") == 4

    pooled(test, {"a": {"mischief": "no model"}})


@pytest.mark.parametrize("mischief", ["die", pytest.param("die loading", marks=pytest.mark.extra)])
def test_a_line_that_kills_two_workers_is_given_up_and_others_go_on(pooled, mischief):
    async def test(pool, _):
        with pytest.raises(VoiceError, match="two voice workers died of this: speaking 'Boo'"):
            await pool.render(line("Boo"))
        assert pool.deaths == 2
        assert (await pool.render(line("Fine.", "b"))).frames

    pooled(test, {"a": {"mischief": mischief}, "b": {"model": "b"}})


@pytest.mark.extra
def test_a_hung_worker_is_ended_and_its_line_given_up(pooled):
    async def test(pool, _):
        with pytest.raises(VoiceError, match="two voice workers died of this"):
            await pool.render(line("Zzz"))
        assert pool.deaths == 2

    pooled(test, {"a": {"mischief": "hang"}}, hung_seconds=0.4)


@pytest.mark.extra
def test_a_worker_that_was_stopped_from_outside_is_replaced_and_the_line_spoken(pooled, monkeypatch):
    async def test(pool, _):
        await pool.load("a")
        monkeypatch.setattr(patience, "patience", lambda *_: LONG if pool.deaths else 0.3)
        told = []
        pool.on_death = told.append
        os.kill(pool.pids[0], signal.SIGSTOP)
        assert (await pool.render(line("Wake up."))).frames == 8 * STEP_FRAMES
        assert pool.deaths == 1
        assert [why.partition(" for")[0] for why in told] == ["it gave no sign of life"]

    pooled(test)


@pytest.mark.extra
def test_a_worker_that_does_not_stop_is_ended(pooled, monkeypatch):
    monkeypatch.setattr(patience, "CANCEL_SECONDS", 0.3)

    async def test(pool, _):
        await pool.load("a")
        rendering = asyncio.create_task(pool.render(line("On and on"), urgent=True))
        async with asyncio.timeout(LONG):
            while pool.state("a").state != "speaking":
                await asyncio.sleep(0.01)
            rendering.cancel()
            assert (await pool.render(line("Next.", "b"))).frames
            while pool.deaths == 0:
                await asyncio.sleep(0.01)

    pooled(test, {"a": {"mischief": "stubborn"}, "b": {"model": "b"}})


def test_a_line_that_is_called_off_while_its_model_is_loaded_is_not_spoken(pooled):
    async def test(pool, states):
        gone = asyncio.create_task(pool.render(line("x" * 2000)))
        while not states:
            await asyncio.sleep(0)
        assert told(states) == ["loading"]
        gone.cancel()
        assert (await pool.render(line("Next."), urgent=True)).frames == 5 * STEP_FRAMES
        assert told(states).count("speaking") == 1 and pool.deaths == 0

    pooled(test, {"a": {"step_seconds": 0.01}})


@pytest.mark.extra
def test_a_line_that_is_called_off_leaves_time_to_those_spoken_with_it(pooled, monkeypatch):
    monkeypatch.setattr(patience, "CANCEL_SECONDS", 0.0)

    async def test(pool, states):
        await pool.load("a")
        texts = ["x", *(letter * 200 for letter in "abcd")]
        alone, *together = (asyncio.create_task(pool.render(line(text))) for text in texts)
        await alone
        async with asyncio.timeout(LONG):
            while told(states).count("speaking") < 2:
                await asyncio.sleep(0.005)
        together[0].cancel()
        assert [take.frames for take in await asyncio.gather(*together[1:])] == [200 * STEP_FRAMES] * 3
        assert pool.deaths == 0 and told(states).count("speaking") == 2

    pooled(test, {"a": {"lines": 4, "step_seconds": 0.01}})


@pytest.mark.extra
def test_a_performer_interrupts_a_batch_of_the_same_model_then_comes_the_next_cue(pooled):
    async def test(pool, _):
        begun, done = asyncio.Event(), []

        def note(name, work):
            task = asyncio.create_task(work)
            task.add_done_callback(lambda _: done.append(name))
            return task

        batch = note("batch", pool.render(line("x" * 300), on_progress=lambda _: begun.set()))
        await begun.wait()
        cue = note("cue", pool.render(line("A cue."), soon=True))
        await note("now", pool.render(line("Now!"), urgent=True))
        await asyncio.gather(batch, cue)
        assert done == ["now", "cue", "batch"] and pool.deaths == 0

    pooled(test, {"a": {"step_seconds": 0.005}})


@pytest.mark.extra
def test_several_workers_keep_a_model_where_lines_wait_and_are_one_model_to_those_who_look(pooled):
    async def test(pool, states):
        await pool.load("a", warm=False)
        assert len(pool.pids) == 2 and told(states).count("cold") == 0
        first = asyncio.create_task(pool.render(line("a" * 2000), urgent=True))
        await pool.render(line("b"), urgent=True)  # beside the first one, which is far from done
        assert not first.done() and pool.state("a").state == "speaking"
        assert pool.state("a").bytes["gpu"] == 2 * 300_000_000
        first.cancel()
        await pool.unload("a")
        assert pool.pids == () and (pool.state("a").state, pool.state("a").bytes) == ("cold", {})

    pooled(test, {"a": {"step_seconds": 0.01, "megabytes": 300}}, model_workers=2)


@pytest.mark.extra
def test_a_further_worker_makes_nobody_leave(pooled):
    async def test(pool, states):
        await pool.load("b")
        takes = await asyncio.gather(*(pool.render(line(letter * 9)) for letter in "abcdef"))
        assert len(takes) == 6 and pool.deaths == 0
        assert pool.state("b").state == "warm" and "cold" not in told(states, "steps n")
        assert pool.state("a").bytes["gpu"] == 300_000_000

    voices = {"a": {"step_seconds": 0.01, "megabytes": 300}, "b": {"model": "n", "megabytes": 300}}
    pooled(test, voices, model_workers=2, model_bytes=800_000_000)


@pytest.mark.extra
def test_background_lines_are_spoken_together(pooled):
    texts = ["a" * 5, "b" * 9, "c" * 6, "d" * 7, "e" * 300]

    async def test(pool, states):
        await pool.load("a")
        takes = await asyncio.gather(*(pool.render(line(text), seed=n, stored=True) for n, text in enumerate(texts)))
        assert [take.frames for take in takes] == [len(text) * STEP_FRAMES for text in texts]
        assert told(states).count("speaking") < len(texts)
        alone = await pool.render(line("d" * 7), seed=3, urgent=True)
        assert alone == takes[3]

    pooled(test, {"a": {"lines": 4}})
