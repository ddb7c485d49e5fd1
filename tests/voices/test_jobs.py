"""The queue of the voice pool, and waiting for a job."""

import asyncio

import pytest

from engine.errors import Busy, VoiceError
from engine.voices import wire
from engine.voices.jobs import Job, JobQueue, Priority, TakeLost


def job(number: int, priority: Priority = Priority.BACKGROUND, slot: int | None = None) -> Job:
    return Job(wire.Probe(job=number, path=f"{number}.wav", sample_rate=48000), priority, slot)


def run(test):
    asyncio.run(test())


def test_the_performer_goes_first_then_age_decides():
    async def test():
        queue = JobQueue(10)
        for each in (job(1), job(2, Priority.SOON), job(3, Priority.NOW), job(4, Priority.NOW), job(5)):
            queue.put(each)
        assert queue.pressing == 2
        assert [queue.take(0).number for _ in range(5)] == [3, 4, 2, 1, 5]
        assert queue.take(0) is None

    run(test)


def test_a_job_that_was_begun_goes_before_younger_ones():
    async def test():
        queue = JobQueue(1)
        first = job(1)
        queue.put(job(2))
        queue.put_back(first)  # though it is full
        assert queue.take(0) is first

    run(test)


def test_a_pinned_job_waits_for_its_worker_until_that_is_gone():
    async def test():
        queue = JobQueue(10)
        queue.put(job(1, Priority.NOW, slot=1))
        queue.put(job(2))
        assert queue.take(0).number == 2 and queue.take(0) is None
        queue.unpin(1)
        assert queue.take(0).number == 1

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
