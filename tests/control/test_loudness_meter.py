"""Loudness of the master, measured by a real io process: pyloudnorm agrees, a reset begins anew, nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import psutil
import pyloudnorm
from io_rig import io_running

from engine.control.io_link import IoLink
from engine.io.loudness import Loudness
from engine.io.messages import Measure
from engine.realtime.memory import Segment
from engine.realtime.shared import EngineMemory, MemoryConfig
from engine.realtime.tap import TAP_BYTES, TAP_FRAMES, TapReader, TapWriter

RATE = 48000
HOP = RATE // 10


class Told:
    """The readings that an io process has told."""

    def __init__(self, link: IoLink) -> None:
        self._link, self._hear = link, link.hear
        self.readings: list[Loudness] = []
        link.hear = self._listen  # type: ignore[method-assign]

    def _listen(self, message: dict[str, Any]) -> None:
        self._hear(message)
        if message["type"] == "Measured":
            self.readings.append(self._link.loudness)

    async def until(self, happened: Callable[[Loudness], bool]) -> Loudness:
        """Return the newest reading once it is such a one; tests time out by themselves."""
        while not self.readings or not happened(self.readings[-1]):
            await asyncio.sleep(0.01)
        return self.readings[-1]

    async def frames(self, frames: int) -> Loudness:
        """Wait until so many frames were heard."""
        return await self.until(lambda reading: reading.frames >= frames)


def test_it_reads_what_pyloudnorm_reads_offline() -> None:
    rng = np.random.default_rng(5)
    seconds = [rng.uniform(-1, 1, (RATE, 2)) * 10 ** (-level / 20) for level in (12, 12, 30, 60, 14, 10, 25, 12)]
    memory = EngineMemory.create(MemoryConfig(arena_bytes=1 << 20))

    async def show() -> None:
        async with io_running(memory) as (link, keeper):
            writer, told = TapWriter(memory.tap), Told(link)
            link.measure()
            await told.until(lambda _: True)  # it listens from its first word on
            for count, block in enumerate(seconds, 1):
                writer.write(block.astype(np.float32))
                heard = await told.frames(count * RATE)
            whole = np.concatenate(seconds)
            assert heard.frames == len(whole)
            assert heard.lost_frames == 0
            assert heard.integrated_lufs is not None
            assert abs(heard.integrated_lufs - pyloudnorm.Meter(RATE).integrated_loudness(whole)) < 0.1
            for read, window in ((heard.momentary_lufs, 0.4), (heard.short_term_lufs, 3.0)):
                hops = whole[: len(whole) // HOP * HOP]
                newest = hops[-round(window * RATE) - 1 :]
                offline = pyloudnorm.Meter(RATE, block_size=window).integrated_loudness(newest)
                assert abs((read or 0) - offline) < 0.1
            assert -10.0 < (heard.true_peak_dbtp or -99) < -4.0
            keeper.send(msgspec.to_builtins(Measure()))  # a control process that follows looks, too: it goes on
            for count in range(len(seconds) + 1, len(seconds) + 4):
                writer.write(np.zeros((RATE, 2), np.float32))
                await told.frames(count * RATE)
            link.measure(anew=True)
            assert await told.until(lambda reading: reading.frames == 0) == Loudness()
            anew = asyncio.Event()
            link.on_started_anew = anew.set
            measuring = psutil.Process(link.pid)
            measuring.kill()  # another one takes over, and goes on measuring
            await anew.wait()
            told.readings.clear()  # of the one that was killed
            while not told.readings or told.readings[-1].frames == 0:
                writer.write(np.zeros((480, 2), np.float32))
                await asyncio.sleep(0.01)
            follower = psutil.Process(link.pid)
            assert follower != measuring
        assert psutil.wait_procs([measuring, follower], timeout=30)[1] == []

    try:
        asyncio.run(show())
    finally:
        memory.close()


def test_the_tap_tells_what_a_slow_reader_has_lost() -> None:
    segment = Segment.create(TAP_BYTES)
    writer, reader = TapWriter(segment), TapReader(segment)
    count = np.arange(3 * TAP_FRAMES, dtype=np.float32)
    frames = np.stack([count, -count], axis=1)
    writer.write(frames[:1000])
    block, lost = reader.read()
    assert lost == 0
    np.testing.assert_array_equal(block, frames[:1000])
    for start in range(1000, 2 * TAP_FRAMES, 1000):
        writer.write(frames[start : start + 1000])
    block, lost = reader.read()
    assert lost > 0
    np.testing.assert_array_equal(block, frames[1000 + lost : 1000 + lost + len(block)])
    segment.close()
