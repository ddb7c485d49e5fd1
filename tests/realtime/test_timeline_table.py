"""The compiled timeline in shared memory: the newest, whole, never overwritten while it is held."""

import subprocess
import sys

import numpy as np
import pytest

from engine.errors import MemoryShort
from engine.platform import spawn_options
from engine.realtime.memory import Segment
from engine.realtime.records import ENTRY
from engine.realtime.timeline import TimelineReader, TimelineWriter, timeline_bytes


def entries(count: int, mark: int) -> np.ndarray:
    table = np.zeros(count, ENTRY)
    table["player"] = mark
    table["start_frame"] = np.arange(count)
    return table


@pytest.fixture
def segment() -> Segment:
    return Segment.create(timeline_bytes(100))


def test_a_reader_takes_each_generation_once_and_only_the_newest(segment: Segment) -> None:
    writer, reader = TimelineWriter(segment), TimelineReader(segment)
    assert reader.take() is None
    assert [writer.publish(entries(n, n)) for n in (3, 4, 5)] == [1, 2, 3]
    table, generation = reader.take() or pytest.fail("nothing was published")
    assert (len(table), generation) == (5, 3)
    assert reader.take() is None
    assert writer.publish(entries(0, 0)) == 4
    table, generation = reader.take() or pytest.fail("nothing was published")
    assert (len(table), generation) == (0, 4)


def test_a_held_table_is_never_written(segment: Segment) -> None:
    writer, reader = TimelineWriter(segment), TimelineReader(segment)
    writer.publish(entries(50, 7))
    held, _ = reader.take() or pytest.fail("nothing was published")
    for mark in range(100, 110):
        writer.publish(entries(50, mark))
        assert (held["player"] == 7).all()
    newest, generation = reader.take() or pytest.fail("nothing was published")
    assert (newest["player"] == 109).all()
    assert generation == 11


def test_too_many_clips_are_refused_and_change_nothing(segment: Segment) -> None:
    writer, reader = TimelineWriter(segment), TimelineReader(segment)
    with pytest.raises(MemoryShort, match="101 clips; this engine was started for 100"):
        writer.publish(entries(101, 1))
    assert reader.take() is None


def test_a_writer_and_a_reader_that_take_over_go_on(segment: Segment) -> None:
    TimelineWriter(segment).publish(entries(2, 1))
    TimelineReader(segment).take()
    assert TimelineWriter(segment).publish(entries(3, 2)) == 2
    table, generation = TimelineReader(segment).take() or pytest.fail("nothing was published")
    assert (len(table), generation) == (3, 2)


PUBLISH = """
import sys, numpy as np
from engine.realtime.memory import Segment
from engine.realtime.records import ENTRY
from engine.realtime.timeline import TimelineWriter
writer = TimelineWriter(Segment.attach(int(sys.argv[1]), int(sys.argv[2])))
table = np.zeros(100, ENTRY)
for mark in range(1, int(sys.argv[3]) + 1):
    table["player"] = mark
    writer.publish(table[: 50 + mark % 50])
"""


@pytest.mark.whole
def test_no_table_is_torn_between_processes(segment: Segment) -> None:
    last = 20_000
    argv = [sys.executable, "-c", PUBLISH, str(segment.handle), str(segment.size_bytes), str(last)]
    child = subprocess.Popen(argv, **spawn_options([segment.handle]))
    try:
        reader, seen = TimelineReader(segment), 0
        while seen < last:
            if (taken := reader.take()) is None:
                assert child.poll() in (None, 0)
                continue
            table, generation = taken
            assert generation > seen
            seen = generation
            assert len(table) == 50 + seen % 50
            assert (table["player"] == seen).all()
        assert child.wait() == 0
    finally:
        child.kill()
        child.wait()
