"""Shared memory: reserved in full, passed on by handle, without a name."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import platform
from engine.errors import MemoryShort
from engine.platform import spawn_options
from engine.realtime.memory import Segment
from engine.realtime.parts import PARTS
from engine.realtime.shared import EngineMemory, MemoryConfig

SMALL = MemoryConfig(commands=16, reports=16, timeline_clips=10, arena_bytes=4096, pool_bytes=0)


def test_views_see_the_same_memory() -> None:
    segment = Segment.create(4096)
    other = Segment.attach(segment.handle, 4096)
    segment.view(np.float32)[10:20] = 1.5
    assert other.view(np.float32, 40, 10).tolist() == [1.5] * 10
    assert segment.view(np.float32).shape == (1024,)
    segment.close()


def test_a_view_outlives_its_segment() -> None:
    segment = Segment.create(4096)
    view = segment.view(np.int64)
    segment.close()
    view[:] = 3
    assert view.sum() == 3 * 512


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/fd")
def test_closing_gives_every_handle_back() -> None:
    def handles() -> set[str]:
        return {p.name for p in Path("/proc/self/fd").iterdir() if p.exists()}

    before = handles()
    memory = EngineMemory.create(SMALL)
    assert set(map(str, memory.handles)) <= handles()
    memory.close()
    memory.close()
    assert handles() <= before, "what others left behind may be closed meanwhile"


def test_handles_can_be_passed_on_before_their_size_is_settled() -> None:
    handles = {part: platform.open_shared() for part in PARTS}
    memory = EngineMemory.create(SMALL, handles, reserve=False)
    assert set(memory.handles) == set(handles.values())
    memory.reserve()
    memory.arena.view(np.float32)[:] = 2.0
    assert EngineMemory.attach(memory.describe()).arena.view(np.float32).sum() == 2048.0
    memory.close()


@pytest.mark.skipif(sys.platform != "linux", reason="handles are descriptors")
def test_given_handles_are_closed_when_there_is_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    handles = {part: platform.open_shared() for part in PARTS}
    monkeypatch.setattr(platform, "available_memory_bytes", lambda: 4096)
    with pytest.raises(MemoryShort):
        EngineMemory.create(SMALL, handles)
    for handle in handles.values():
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(handle)


def test_more_than_there_is_is_an_error_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MemoryShort, match="bytes of shared memory"):
        Segment.create(1 << 60)
    monkeypatch.setattr(platform, "available_memory_bytes", lambda: 4 * 65536)
    with pytest.raises(MemoryShort, match="262,144 are available"):
        EngineMemory.create(MemoryConfig(arena_bytes=5 * 65536))


ADD_ONE = """
import json, sys
import numpy as np
from engine.realtime.shared import EngineMemory
memory = EngineMemory.attach(json.loads(sys.stdin.read()))
memory.arena.view(np.float32)[:] += 1
"""


@pytest.mark.whole
def test_a_child_attaches_what_was_described() -> None:
    import json

    memory = EngineMemory.create(SMALL)
    memory.arena.view(np.float32)[:] = np.arange(1024)
    child = subprocess.run(
        [sys.executable, "-c", ADD_ONE], input=json.dumps(memory.describe()).encode(), **spawn_options(memory.handles)
    )
    assert child.returncode == 0
    assert (memory.arena.view(np.float32) == np.arange(1024) + 1).all()
    memory.close()
