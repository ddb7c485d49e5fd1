"""The disk watch tells each state once, and early."""

import asyncio
from pathlib import Path

import pytest

from engine.control.disk_watch import FULL_BYTES, LOW_BYTES, DiskWatch
from engine.control.library_watch import DAY_SECONDS, LibraryLimits, LibraryWatch
from engine.errors import DiskFull
from engine.events import LibraryPruned
from engine.questions import PruneLibrary


def test_each_state_is_told_once():
    told = []
    watch = DiskWatch(Path("/takes"), told.extend)
    for free in (LOW_BYTES, LOW_BYTES - 1, LOW_BYTES // 2, FULL_BYTES - 1, 0, LOW_BYTES - 1, LOW_BYTES):
        watch.judge(free)
    assert [event.state for event in told] == ["low", "full", "low", "ok"]
    assert told[1].free_mb < 68 and told[0].folder == "/takes"


def test_a_full_disk_lets_nothing_new_begin():
    watch = DiskWatch(Path("/takes"), lambda _: None)
    watch.check()
    watch.judge(FULL_BYTES - 1)
    with pytest.raises(DiskFull, match="/takes has less than 67 MB left"):
        watch.check()
    watch.judge(LOW_BYTES)
    watch.check()


class Clerk:
    """A clerk that notes what it is asked, and makes room."""

    def __init__(self, *rows):
        self.asked, self.rows = [], list(rows)

    async def ask(self, question):
        self.asked.append(question)
        return (self.rows.pop(0),)


def test_the_library_warns_early_and_makes_room_where_it_may(tmp_path):
    (tmp_path / "ab").mkdir()
    sound = tmp_path / "ab" / "ab.wav"
    told, clerk = [], Clerk((2, 500, 0), (0, 0, 700))
    quiet = LibraryWatch(clerk, tmp_path, LibraryLimits(max_bytes=1000), told.extend)
    for size, state in ((900, None), (901, "low"), (1001, "full"), (10, "ok")):
        sound.write_bytes(bytes(size))
        asyncio.run(quiet.look())
        assert [event.state for event in told] == ([state] if state else [])
        told.clear()
    assert clerk.asked == []

    now, limits = [0.0], LibraryLimits(max_bytes=1000, prunes=True, unused_days=30)
    keen = LibraryWatch(clerk, tmp_path, limits, told.extend, lambda: now[0])
    sound.write_bytes(bytes(1200))
    asyncio.run(keen.look())
    assert told == [LibraryPruned(sounds=2, mb=0.0005, over_mb=0.0)]
    sound.write_bytes(bytes(700))
    now[0] = 100.0
    asyncio.run(keen.look())  # within the day, and within its limits: nothing is asked
    now[0] = DAY_SECONDS
    asyncio.run(keen.look())
    assert clerk.asked == [PruneLibrary(max_bytes=1000, unused_days=30)] * 2 and len(told) == 1
