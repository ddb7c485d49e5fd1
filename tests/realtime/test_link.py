"""Control's end: refusals are told, epochs come back by themselves."""

import numpy as np
import pytest

from engine.errors import MemoryShort
from engine.realtime.link import AudioLink
from engine.realtime.records import RECORD, REPORT, Kind, Report, records
from engine.realtime.ring import RingReader, RingWriter
from engine.realtime.shared import EngineMemory, MemoryConfig


@pytest.fixture
def memory() -> EngineMemory:
    return EngineMemory.create(MemoryConfig(commands=8, reports=8, timeline_clips=4, arena_bytes=4096))


def test_a_full_ring_says_how_many_fitted(memory: EngineMemory) -> None:
    link = AudioLink(memory)
    assert link.push(records(5)) == 5
    assert link.push(records(5)) == 3
    assert link.push(records(1)) == 0


def test_freed_memory_comes_back_with_the_audio_process_report(memory: EngineMemory) -> None:
    link = AudioLink(memory)
    commands, reports = RingReader(memory.commands, RECORD), RingWriter(memory.reports, REPORT)
    offset = link.arena.allocate(1024)
    link.arena.free(offset)
    asked = commands.pop_all()
    assert asked["kind"].tolist() == [Kind.EPOCH]
    with pytest.raises(MemoryShort):
        link.arena.allocate(1)
    answer = np.zeros(1, REPORT)
    answer["kind"], answer["serial"] = Report.EPOCH, asked["serial"]
    reports.push(answer)
    assert len(link.reports()) == 0  # it is the arena's business
    assert link.arena.allocate(1024) == offset


def test_an_epoch_that_found_the_ring_full_is_asked_for_later(memory: EngineMemory) -> None:
    link = AudioLink(memory)
    commands = RingReader(memory.commands, RECORD)
    link.push(records(8))
    link.arena.free(link.arena.allocate(10))
    commands.pop_all()
    assert len(commands) == 0
    link.reports()
    assert commands.pop_all()["kind"].tolist() == [Kind.EPOCH]
