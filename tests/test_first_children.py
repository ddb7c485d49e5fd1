"""The first children: what was started is stopped when the rest can't be, and no handle stays open."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable

import pytest

from engine import first_children
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
