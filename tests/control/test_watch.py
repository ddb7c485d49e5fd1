"""A watch looks again and again, whatever it finds."""

import asyncio
import logging

import pytest

from engine.control.watch import Watch


class Lookout(Watch):
    look_seconds = 0.0

    def __init__(self, finds):
        super().__init__()
        self.finds, self.looks = finds, 0
        self.done = asyncio.Event()

    async def look(self):
        self.looks += 1
        found = next(self.finds, None)
        if found is None:
            self.done.set()
        if isinstance(found, OSError):
            raise found


def test_a_disk_that_goes_away_is_complained_of_once_and_looked_at_again(caplog: pytest.LogCaptureFixture):
    finds = [OSError("stale handle"), OSError("stale handle"), "there", OSError("gone again")]

    async def run() -> int:
        watch = Lookout(iter(finds))
        watch.start()
        await watch.done.wait()
        await watch.close()
        looks = watch.looks
        await asyncio.sleep(0)
        assert watch.looks == looks
        return looks

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) >= 5
    assert [r.getMessage() for r in caplog.records] == [
        "the Lookout can't look: stale handle",
        "the Lookout can't look: gone again",
    ]


def test_one_that_was_never_begun_can_be_closed():
    async def run() -> None:
        await Lookout(iter(())).close()

    asyncio.run(run())
