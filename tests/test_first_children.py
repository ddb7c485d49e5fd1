"""The first children: what was started is stopped when the rest can't be, and no handle stays open."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine import first_children, watchdog
from engine.child import Child
from engine.first_children import AUDIO_MODULE, FirstChildren

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="handles are descriptors")


@pytest.mark.whole
def test_nothing_is_left_when_only_one_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Child] = []
    start = Child.start

    async def one(module: str, handles: Iterable[int]) -> Child:
        if module != AUDIO_MODULE:
            raise BlockingIOError("no more processes")
        started.append(await start(module, handles))
        return started[-1]

    monkeypatch.setattr(first_children.Child, "start", one)
    monkeypatch.setattr(first_children, "STOP_SECONDS", 60.0)  # it may still be importing, on a busy machine
    children = FirstChildren("bridge.cli.control_process")

    async def enter() -> None:
        async with children:
            raise AssertionError("began without a control process")

    with pytest.raises(BlockingIOError, match="no more processes"):
        asyncio.run(enter())
    assert started[0].returncode == 0
    for handle in children.handles.values():
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(handle)


@pytest.mark.parametrize("lives", [True, False])
def test_what_gives_signs_of_life_while_it_ends_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lives: bool
) -> None:
    """It ends once it has a lock, long after the patience of who stops it."""
    import fcntl  # POSIX has it

    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.001)
    lock = (tmp_path / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    ending = f"import fcntl, sys; sys.stdin.read(); fcntl.flock(open({lock.name!r}, 'w'), fcntl.LOCK_EX)"
    (tmp_path / "slow_end.py").write_text(ending)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    looks = 0

    def beats() -> int:
        nonlocal looks
        looks += 1
        if looks == 50:
            lock.close()
        return looks if lives else 0

    async def end() -> int | None:
        child = await Child.start("slow_end", ())
        await child.stop(0.01, beats)
        return child.returncode

    assert asyncio.run(end()) == (0 if lives else -signal.SIGKILL)
