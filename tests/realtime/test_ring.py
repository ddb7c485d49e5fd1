"""The ring: order, nothing lost, nothing twice, full is said."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.platform import spawn_options
from engine.realtime.memory import Segment
from engine.realtime.records import RECORD
from engine.realtime.ring import RingReader, RingWriter, ring_bytes

ITEM = np.dtype("<i8")


def ends(capacity: int, dtype: np.dtype = ITEM) -> tuple[RingWriter, RingReader, Segment]:
    segment = Segment.create(ring_bytes(dtype, capacity))
    return RingWriter(segment, dtype), RingReader(segment, dtype), segment


@given(st.integers(1, 17), st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60))
def test_what_goes_in_comes_out_once_and_in_order(capacity: int, steps: list[tuple[bool, int]]) -> None:
    writer, reader, segment = ends(capacity)
    waiting: list[int] = []
    written = 0
    for push, count in steps:
        if push:
            fitted = writer.push(np.arange(written, written + count))
            assert fitted == min(count, capacity - len(waiting))
            waiting += range(written, written + fitted)
            written += fitted
        else:
            buffer = np.full(count, -1)
            got = reader.pop_into(buffer)
            assert buffer[:got].tolist() == waiting[:count]
            waiting = waiting[count:]
        assert len(writer) == len(reader) == len(waiting)
    segment.close()


def test_of_an_empty_ring_nothing_comes_in_its_own_shape() -> None:
    _, reader, segment = ends(4, RECORD)
    heard = reader.pop_all()
    assert (len(heard), heard.dtype) == (0, RECORD)
    segment.close()


def test_records_keep_every_field() -> None:
    writer, reader, segment = ends(4, RECORD)
    sent = np.zeros(3, RECORD)
    for number, name in enumerate(RECORD.names or ()):
        sent[name] = number + np.arange(3)
    writer.push(sent)
    assert (reader.pop_all() == sent).all()
    segment.close()


def test_an_end_that_takes_over_goes_on_where_the_old_one_was() -> None:
    writer, reader, segment = ends(8)
    writer.push(np.arange(5))
    reader.pop_into(np.empty(2, ITEM))
    RingWriter(segment, ITEM).push(np.arange(5, 7))
    assert RingReader(segment, ITEM).pop_all().tolist() == [2, 3, 4, 5, 6]
    segment.close()


WRITE_ALL = """
import sys, numpy as np
from engine.realtime.memory import Segment
from engine.realtime.ring import RingWriter
writer = RingWriter(Segment.attach(int(sys.argv[1]), int(sys.argv[2])), np.dtype("<i8,<i8"))
total, at = int(sys.argv[3]), 0
items = np.zeros(total, "<i8,<i8")
items["f0"] = np.arange(total)
items["f1"] = items["f0"] * 7 + 3
while at < total:
    at += writer.push(items[at : at + 1 + at % 61])
"""


@pytest.mark.whole
def test_two_processes_lose_nothing() -> None:
    dtype, total = np.dtype("<i8,<i8"), 200_000
    segment = Segment.create(ring_bytes(dtype, 128))
    reader = RingReader(segment, dtype)
    argv = [sys.executable, "-c", WRITE_ALL, str(segment.handle), str(segment.size_bytes), str(total)]
    child = subprocess.Popen(argv, **spawn_options([segment.handle]))
    try:
        buffer, seen = np.empty(100, dtype), 0
        while seen < total:
            count = reader.pop_into(buffer)
            expected = np.arange(seen, seen + count)
            assert (buffer["f0"][:count] == expected).all()
            assert (buffer["f1"][:count] == expected * 7 + 3).all()
            seen += count
            assert count or child.poll() in (None, 0)
        assert child.wait() == 0
    finally:
        child.kill()
        child.wait()
    assert len(reader) == 0
    segment.close()


def test_records_that_numpy_packed_arrive_whole() -> None:
    writer, reader, segment = ends(4, RECORD)
    one, two = np.zeros(1, RECORD), np.zeros(1, RECORD)
    one["player"], two["fade_out_frames"] = 7, 9
    joined = np.concatenate([one, two])
    assert joined.dtype.itemsize < RECORD.itemsize
    assert writer.push(joined) == 2
    heard = reader.pop_all()
    assert heard["player"].tolist() == [7, 0]
    assert heard["fade_out_frames"].tolist() == [0, 9]
    segment.close()
