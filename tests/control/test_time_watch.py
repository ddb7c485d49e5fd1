"""The time watch tells what the machine's clock was set by, and no slow correction."""

import asyncio

from engine.control.time_watch import JUMP_SECONDS, TimeWatch
from engine.events import TimeJumped


def test_a_jump_is_told_once_and_a_slow_correction_never():
    told, steps = [], [0.0, 0.0005, 0.0005, 3600.0, 0.0, -3600.0, JUMP_SECONDS - 0.001, JUMP_SECONDS]
    ahead = [1_700_000_000_000_000_000]
    watch = TimeWatch(told.extend, lambda: ahead[0])
    for step in steps:
        ahead[0] += round(step * 1e9)
        asyncio.run(watch.look())
    assert told == [TimeJumped(seconds=3600.0), TimeJumped(seconds=-3600.0), TimeJumped(seconds=JUMP_SECONDS)]


def test_two_looks_at_real_clocks_tell_nothing():
    told = []
    watch = TimeWatch(told.extend)

    async def look() -> None:
        for _ in range(1000):
            await watch.look()

    asyncio.run(look())
    assert told == []
