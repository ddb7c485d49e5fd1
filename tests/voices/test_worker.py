"""The worker's inside, without a process: what it remembers, stops, answers."""

import numpy as np
import pytest
import soundfile

from engine.errors import MediaError
from engine.render.cache import TakeCache
from engine.voices import registry, speaker, wire, worker
from engine.voices.preset import Preset
from engine.voices.take import Take
from engine.voices.worker import Memory, Worker
from tests.voices.fake_voice import ToneVoice
from tests.voices.tone_backend import ToneBackend

RATE = 22050
PRESET = Preset(id="tone", name="Tone", backend="tone", settings={})


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Return ``work(*requests) -> answers``: a worker that does these and ends."""
    monkeypatch.setattr(speaker, "backend", {"tone": ToneBackend()}.__getitem__)
    arena = np.zeros(200_000, np.float32)

    def work(*requests, arena=arena):
        answers = []
        each = Worker(answers.append, TakeCache(tmp_path), arena)
        for request in requests:
            each.ask(request)
        each._requests.put(None)
        each.run()
        return answers

    work.arena = arena
    work.cache = TakeCache(tmp_path)
    return work


def render(job: int, text: str = "one two", digest: str = "d1") -> wire.Render:
    return wire.Render(job=job, digest=digest, text=text, preset=PRESET, sample_rate=RATE)


def test_a_take_is_rendered_then_stored(bench):
    rendered, stored = bench(render(1))
    assert (rendered.job, rendered.take.digest, stored) == (1, "d1", wire.Stored(job=1))
    assert bench.cache.get("d1") == rendered.take


def test_what_was_rendered_is_loaded_without_the_cache(bench, monkeypatch):
    (take,) = [a.take for a in bench(render(1)) if isinstance(a, wire.Rendered)]
    monkeypatch.setattr(TakeCache, "audio", None)
    answers = bench(render(1), wire.LoadTake(job=2, take=take, offset=5))
    assert wire.Done in map(type, answers)
    assert np.abs(bench.arena[5 : 5 + take.frames]).max() == pytest.approx(take.peak)


def test_what_another_worker_kept_is_loaded_from_the_cache(bench):
    (take,) = [a.take for a in bench(render(1)) if isinstance(a, wire.Rendered)]
    (done,) = bench(wire.LoadTake(job=2, take=take, offset=0))
    assert done.facts.frames == take.frames
    np.testing.assert_array_equal(bench.arena[: take.frames], bench.cache.audio(take)[:, 0])


def test_a_take_and_a_file_are_loaded_at_their_speed(bench, tmp_path):
    (take,) = [a.take for a in bench(render(1)) if isinstance(a, wire.Rendered)]
    soundfile.write(tmp_path / "a.wav", np.full((1000, 2), 0.5), RATE)
    loaded, read = bench(
        wire.LoadTake(job=2, take=take, offset=0, speed=0.5),
        wire.LoadFile(
            job=3, path=str(tmp_path / "a.wav"), sample_rate=RATE, offset=100_000, max_floats=1000, speed=2.0
        ),
    )
    assert loaded.facts.frames == 2 * take.frames
    assert (read.facts.frames, read.facts.channels) == (500, 2)
    assert bench.arena[: take.frames * 2].any()
    assert bench.arena[100_000:101_000].any()
    assert not bench.arena[101_000:].any()


def test_what_nobody_kept_is_not_loaded(bench):
    take = Take(digest="gone", text="", voice="tone", sample_rate=RATE, frames=9, channels=1, words=())
    assert bench(wire.LoadTake(job=2, take=take, offset=0)) == [wire.NoTake(job=2)]


def test_a_job_that_failed_does_not_end_the_worker(bench):
    failed, rendered, _ = bench(render(1, "..."), render(2))
    assert (failed.code, rendered.job) == ("voice_failed", 2)


def test_a_worker_without_an_arena_says_so(bench):
    take = Take(digest="d", text="", voice="tone", sample_rate=RATE, frames=9, channels=1, words=())
    bench.cache.put(take, np.zeros((9, 1), np.float32))
    (failed,) = bench(wire.LoadTake(job=1, take=take, offset=0), arena=None)
    assert (failed.code, failed.text) == ("memory_short", "this voice worker was started without a clip arena")


def test_a_cancelled_job_is_stopped_and_may_come_again():
    answers, voices = [], []

    class Recorder(ToneBackend):
        def open(self, settings, report):
            voices.append(ToneVoice())
            return voices[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speaker, "backend", {"tone": Recorder()}.__getitem__)
        each = Worker(answers.append, TakeCache(None), None)
        each.ask(render(1, "one two three"))
        each.ask(wire.Cancel(job=1))
        each._do(each._requests.get())
        assert answers == [wire.Cancelled(job=1)] and voices[0].spoken == 0
        each.ask(wire.Cancel(job=1))  # too late, and meant for the time before
        each.ask(render(1, "one two three"))
        each._do(each._requests.get())
        assert isinstance(answers[-1], wire.Rendered)


def test_the_memory_forgets_the_oldest_but_never_the_last():
    memory = Memory(most_bytes=100)
    for number in range(4):
        memory.keep(str(number), np.zeros((10, 1), np.float32))
    assert [memory.get(str(n)) is not None for n in range(4)] == [False, False, True, True]
    memory.keep("3", np.zeros((10, 1), np.float32))
    assert memory.get("2") is not None
    memory.keep("large", np.zeros((1000, 1), np.float32))
    assert memory.get("large") is not None and memory.get("3") is None


@pytest.mark.parametrize("frames", [RATE - 60, RATE + 60, RATE])
def test_a_take_spoken_again_fits_where_the_first_was_to_lie(frames):
    take = Take(digest="d", text="", voice="v", sample_rate=RATE, frames=RATE, channels=1, words=())
    again = np.ones((frames, 1), np.float32)
    fitted = worker._fitted(again, take)
    assert len(fitted) == RATE and fitted.sum() == min(frames, RATE)


def test_another_take_does_not_fit():
    take = Take(digest="d", text="", voice="v", sample_rate=RATE, frames=RATE, channels=1, words=())
    for other in (np.ones((RATE // 2, 1), np.float32), np.ones((RATE, 2), np.float32)):
        with pytest.raises(MediaError, match="is another now"):
            worker._fitted(other, take)


def test_the_registry_finds_a_backend_by_its_row(monkeypatch):
    monkeypatch.setitem(registry.BACKENDS, "tone", "tests.voices.tone_backend")
    assert registry.backend("tone").version() == "tone 1"
    registry.backend.cache_clear()
