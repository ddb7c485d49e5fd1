"""An io process of which a single thread hangs is replaced, and another one goes on with its work."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from io_rig import io_running

from engine import io_keeper
from engine.io.messages import MANIFEST, Lane, Record
from engine.realtime.shared import EngineMemory, MemoryConfig

HANG_SECONDS = 6.0
WAIT_SECONDS = 60.0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe in a folder")
def test_a_recorder_that_hangs_is_noticed_though_everything_else_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(io_keeper, "HANG_SECONDS", HANG_SECONDS)
    memory = EngineMemory.create(MemoryConfig(arena_bytes=1 << 20))
    trap = tmp_path / MANIFEST
    os.mkfifo(trap)  # whoever reads it waits, as for a disk that answers no more
    record = Record(take=1, folder=str(tmp_path), name="a", story="a", lanes=(Lane(strip="a", file="a.wav"),))

    async def show() -> None:
        async with io_running(memory) as (link, _):
            anew = asyncio.Event()

            def start_anew() -> None:
                trap.unlink(missing_ok=True)
                anew.set()

            link.on_started_anew = start_anew
            link.record(record)
            async with asyncio.timeout(WAIT_SECONDS):
                await anew.wait()
                while not (tmp_path / "a.wav").exists():
                    await asyncio.sleep(0.01)

    asyncio.run(show())
    memory.close()
