"""The status block: whole or not at all, readable whatever happens to its writer."""

import subprocess
import sys

import numpy as np
import pytest

from engine.errors import NotReady
from engine.platform import spawn_options
from engine.realtime.causes import CAUSES, Blame
from engine.realtime.memory import Segment
from engine.realtime.status import STATUS, STATUS_BYTES, Status, StatusReader, StatusWriter


@pytest.fixture
def segment() -> Segment:
    return Segment.create(STATUS_BYTES)


def test_before_the_first_block_there_is_none(segment: Segment) -> None:
    StatusWriter(segment)
    with pytest.raises(NotReady, match="not played a block yet"):
        StatusReader(segment).read()


def test_every_field_arrives(segment: Segment) -> None:
    writer = StatusWriter(segment)
    for number, name in enumerate(STATUS.names or ()):
        writer.now[name] = number + 1
    writer.now["strips"] = 3
    writer.now["failed"] = 0
    writer.now["failed"][2] = 1
    writer.now["meters"][1, 0] = 0.5, 0.25
    writer.now["reduction"][:3] = 1.0, 0.5, 0.25
    writer.publish()
    status = StatusReader(segment).read()
    odd = ("playing", "histogram", "causes", "blame", "failed", "meters", "reduction", "strips")
    plain = [n for n in Status.__struct_fields__ if n not in odd]
    names = list(STATUS.names or ())
    assert {n: getattr(status, n) for n in plain} == {n: names.index(n) + 1 for n in plain}
    assert status.playing is True
    assert status.reduction.tolist() == [1.0, 0.5, 0.25]
    assert status.failed == (2,)
    assert status.causes == (names.index("causes") + 1,) * len(CAUSES)
    assert status.blame == Blame(*[names.index("blame") + 1] * len(Blame._fields))
    assert status.meters.shape == (3, 2, 2)
    assert status.meters[1, 0].tolist() == [0.5, 0.25]
    clock = StatusReader(segment).clock()
    assert (clock.frame, clock.unix_ns, clock.rate_hz) == (status.frame, status.unix_ns, status.rate_hz)


def test_between_two_blocks_it_is_read_once(segment: Segment) -> None:
    writer, reader = StatusWriter(segment), StatusReader(segment)
    writer.publish()
    assert reader.read() is reader.read()
    writer.now["underflows"] = 7
    writer.publish()
    assert reader.read().underflows == 7


def test_a_writer_that_dies_half_way_leaves_the_last_whole_status(segment: Segment) -> None:
    writer = StatusWriter(segment)
    for frame in (1, 2, 3):
        writer.now["frame"] = frame
        writer.publish()
    writer._copies[(writer._sequence + 1) & 1] = 99  # what was being written
    assert StatusReader(segment).read().frame == 3
    taken_over = StatusWriter(segment)
    taken_over.now["frame"] = 4
    taken_over.publish()
    assert StatusReader(segment).read().frame == 4


def test_another_version_is_not_misread(segment: Segment) -> None:
    writer = StatusWriter(segment)
    writer.publish()
    segment.view(np.int64, 64, 2)[1] += 1
    with pytest.raises(NotReady, match="another version"):
        StatusReader(segment).read()


WRITE = """
import sys
from engine.realtime.memory import Segment
from engine.realtime.status import StatusWriter
writer = StatusWriter(Segment.attach(int(sys.argv[1]), int(sys.argv[2])))
now, last = writer.now, int(sys.argv[3])
now["strips"] = 256
for n in range(1, last + 1):
    now["frame"] = now["errors"] = now["unix_ns"] = now["histogram"] = n
    now["meters"] = n % 1000
    writer.publish()
"""


@pytest.mark.whole
def test_no_status_is_torn_between_processes(segment: Segment) -> None:
    last = 20_000
    argv = [sys.executable, "-c", WRITE, str(segment.handle), str(segment.size_bytes), str(last)]
    child = subprocess.Popen(argv, **spawn_options([segment.handle]))
    try:
        reader, frame = StatusReader(segment), 0
        while frame < last:
            assert child.poll() in (None, 0)
            try:
                status = reader.read()
            except NotReady:
                continue
            assert status.frame >= frame
            frame = status.frame
            assert status.errors == status.unix_ns == frame
            assert set(status.histogram) == {frame}
            assert (status.meters == frame % 1000).all()
        assert child.wait() == 0
    finally:
        child.kill()
        child.wait()
