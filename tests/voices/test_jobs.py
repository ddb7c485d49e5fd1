"""The queue of the voice pool, and waiting for a job."""

import asyncio

import pytest

from engine.errors import Busy, VoiceError
from engine.voices import wire
from engine.voices.jobs import Job, JobQueue, Priority, TakeLost
from engine.voices.preset import Preset

PRESET = Preset(id="v", name="V", backend="espeak", settings={})


def job(number: int, priority: Priority = Priority.BACKGROUND, slot: int | None = None) -> Job:
    return Job(wire.Probe(job=number, path=f"{number}.wav", sample_rate=48000), priority, slot)


def line(
    number: int, text: str = "", priority: Priority = Priority.BACKGROUND, model: str = "m", batch: int = 1
) -> Job:
    request = wire.Render(job=number, digest=str(number), text=text, preset=PRESET, sample_rate=48000)
    return Job(request, priority, model=model, batch=batch)


def numbers(taken: list[Job]) -> list[int]:
    return [each.number for each in taken]


def run(test):
    asyncio.run(test())


def test_the_performer_goes_first_then_age_decides():
    async def test():
        queue = JobQueue(10)
        for each in (job(1), job(2, Priority.SOON), job(3, Priority.NOW), job(4, Priority.NOW), job(5)):
            queue.put(each)
        assert queue.pressing("", {0}) == 2 and queue.pressing("m", {1}) == 0
        assert [numbers(queue.take(0)) for _ in range(6)] == [[3], [4], [2], [1], [5], []]

    run(test)


def test_a_job_that_was_begun_goes_before_younger_ones():
    async def test():
        queue = JobQueue(1)
        first = job(1)
        queue.put(job(2))
        queue.put_back(first)  # though it is full
        assert queue.take(0) == [first]

    run(test)


def test_a_pinned_job_waits_for_its_worker_until_that_is_gone():
    async def test():
        queue = JobQueue(10)
        queue.put(job(1, Priority.NOW, slot=1))
        queue.put(job(2))
        assert numbers(queue.take(0)) == [2] and queue.take(0) == []
        assert queue.pressing("", {0}) == 0 and queue.pressing("m", {1}) == 1
        queue.unpin(1)
        assert numbers(queue.take(0)) == [1]

    run(test)


def test_a_line_goes_to_the_worker_that_keeps_its_model():
    async def test():
        queue = JobQueue(10)
        queue.put(line(1, model="pocket"))
        queue.put(line(2, model=""))
        assert numbers(queue.take(0)) == [2] and queue.take(0) == []
        assert queue.take(1, "vits") == [] and numbers(queue.take(1, "pocket")) == [1]

    run(test)


def test_what_is_only_copied_goes_before_what_has_to_be_spoken():
    async def test():
        queue = JobQueue(10)
        queue.put(line(1, priority=Priority.NOW, model=""))
        queue.put(job(2, Priority.NOW))
        assert [numbers(queue.take(0)) for _ in range(2)] == [[2], [1]]

    run(test)


def test_background_lines_of_about_the_same_length_are_taken_together():
    async def test():
        queue = JobQueue(10)
        for number, length in enumerate((10, 90, 12, 8, 300)):
            queue.put(line(number, "x" * length, batch=3))
        queue.put(line(9, "x" * 10, Priority.NOW, batch=3))
        assert [numbers(queue.take(1, "m")) for _ in range(4)] == [[9], [0, 2, 3], [1, 4], []]

    run(test)


def test_a_full_queue_is_busy():
    async def test():
        queue = JobQueue(2)
        queue.put(job(1))
        queue.put(job(2))
        with pytest.raises(Busy, match="2 jobs wait for the voices already"):
            queue.put(job(3))
        assert len(queue) == 2

    run(test)


def test_only_the_last_one_who_gives_up_abandons_the_job():
    async def test():
        abandoned = []
        each = job(1)
        waiting = [asyncio.create_task(each.wait(abandoned.append)) for _ in range(2)]
        await asyncio.sleep(0)
        for number, task in enumerate(waiting, 1):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert len(abandoned) == number - 1

    run(test)


def test_all_who_wait_hear_the_same():
    async def test():
        each, gone = job(1), []
        each.on_gone = gone.append
        waiting = [asyncio.create_task(each.wait(gone.append)) for _ in range(3)]
        await asyncio.sleep(0)
        each.fail(VoiceError("no"))
        heard = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(error) for error in heard] == ["no"] * 3
        assert gone == [each]

    run(test)


def test_a_take_that_the_disk_refused_can_still_be_joined_a_lost_one_cannot():
    async def test():
        for error, still_there in ((VoiceError("disk full"), True), (TakeLost("died"), False)):
            each, gone = job(1), []
            each.on_gone = gone.append
            each.answered(wire.NoTake(job=1), slot=0)
            assert each.keeping
            each.lose(error)
            assert each.not_kept and not each.keeping
            assert (gone == []) == still_there
            with pytest.raises(type(error)):
                await each.wait_kept()

    run(test)
