"""Notes on their way from a slot to control: at their frames, let go where nobody holds them, counted when lost."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engine.daw.link import DawLink, Slot
from engine.daw.notes import NoteReader, NoteSender
from engine.realtime.memory import Segment
from engine.realtime.records import HEARD
from engine.realtime.ring import ring_bytes
from tests.signals import RATE

ON, OFF = 0x90, 0x80


@pytest.fixture(scope="module")
def link() -> Iterator[DawLink]:
    it = DawLink(f"test-notes-{os.getpid()}", RATE)
    yield it
    it.close()


@pytest.fixture
def slot(link: DawLink) -> Slot:
    slot = link.slots[0]
    slot.generation = 5
    slot.forget()
    slot.generation = 5
    return slot


@pytest.fixture
def ends() -> tuple[NoteSender, NoteReader]:
    segment = Segment.create(ring_bytes(HEARD, 8))
    return NoteSender(segment), NoteReader(segment)


def play(slot: Slot, *notes: tuple[int, int, int, int], generation: int = 5) -> None:
    """Write notes as the plug-in does: stream frame, status, key, velocity."""
    for stream, *message in notes:
        row = slot.notes[int(slot.row["asked_notes"]) % len(slot.notes)]
        row["stream"], row["size"], row["bytes"], row["generation"] = stream, 3, message, generation
        slot.row["asked_notes"] += 1


def heard(reader: NoteReader) -> list[tuple[int, ...]]:
    rows = reader.read()
    reader.done(len(rows))
    return [(frame, *message) for frame, message in rows]


def test_a_note_is_told_once_its_block_is_there(slot: Slot, ends: tuple[NoteSender, NoteReader]) -> None:
    sender, reader = ends
    play(slot, (1000, ON, 36, 100), (1255, OFF, 36, 0), (1256, ON, 37, 1))
    assert sender.take(0, slot, 1000, 1256, 50)
    assert sender.waiting
    assert heard(reader) == [(50, ON, 36, 100), (305, OFF, 36, 0)]
    assert not sender.waiting
    assert sender.take(0, slot, 1256, 1512, 306)
    assert heard(reader) == [(306, ON, 37, 1)]
    assert not sender.take(0, slot, 1512, 1768, 562)


def test_who_does_not_keep_up_is_not_waited_for(slot: Slot, ends: tuple[NoteSender, NoteReader]) -> None:
    sender, _ = ends
    play(slot, (0, ON, 36, 100), (300, ON, 37, 100))
    assert sender.take(0, slot, 0, 256, 0)
    assert not sender.take(0, slot, 256, 512, 256)


def test_what_an_instance_before_has_left_is_passed_over(slot: Slot, ends: tuple[NoteSender, NoteReader]) -> None:
    sender, reader = ends
    play(slot, (9_000_000, ON, 36, 100), generation=4)
    play(slot, (10, ON, 40, 100))
    sender.take(0, slot, 0, 256, 0)
    assert heard(reader) == [(10, ON, 40, 100)]


def test_keys_are_let_go_when_the_instance_is_gone_or_not_heard(
    slot: Slot, ends: tuple[NoteSender, NoteReader]
) -> None:
    sender, reader = ends
    play(slot, (0, ON | 2, 36, 100), (1, ON, 37, 9), (2, ON, 38, 9))
    sender.take(0, slot, 0, 256, 0)
    heard(reader)
    play(slot, (256, ON, 37, 0), (257, ON, 50, 9), (258, 0xB0, 7, 9))
    sender.take(0, slot, 256, 512, -1)
    assert heard(reader) == [(0, ON, 37, 0)], "of what is not heard only what ends something"
    sender.let_go(0, 700)
    assert heard(reader) == [(700, OFF, 38, 0), (700, OFF | 2, 36, 0)]
    sender.let_go(0, 800)
    assert heard(reader) == []


def test_what_finds_no_room_is_counted(slot: Slot, ends: tuple[NoteSender, NoteReader]) -> None:
    sender, reader = ends
    play(slot, *((0, ON, key, 1) for key in range(11)))
    sender.take(0, slot, 0, 256, 0)
    assert len(heard(reader)) == 8
    play(slot, (300, ON, 99, 1))
    sender.take(0, slot, 256, 512, 256)
    assert heard(reader) == [(3,), (300, ON, 99, 1)]
