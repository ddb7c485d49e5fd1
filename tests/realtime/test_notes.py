"""Notes: what was written is there for the next process, however often it changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.realtime.memory import Segment
from engine.realtime.notes import Notes

NAMES = st.sampled_from(["a", "b", "player/1", "player/2", "ü"])
STEPS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=40)), max_size=60)


@given(STEPS)
def test_the_successor_knows_what_was_not_forgotten(steps: list[tuple[str, bytes | None]]) -> None:
    segment = Segment.create(64 + 2 * 400)
    notes = Notes(segment)
    known: dict[str, bytes] = {}
    for name, note in steps:
        if note is None:
            notes.forget(name)
            known.pop(name, None)
        else:
            notes.set(name, note)
            known[name] = note
    assert Notes(segment).all("") == known
    segment.close()


def test_names_have_families() -> None:
    notes = Notes()
    notes.set("player/7", b"x")
    notes.set("take/7", b"y")
    assert notes.all("player/") == {"7": b"x"}
    assert notes.get("take/7") == b"y"
    assert notes.get("take/8") is None


def test_notes_that_find_no_room_are_left_out_and_do_no_harm(caplog) -> None:
    segment = Segment.create(64 + 2 * 100)
    notes = Notes(segment)
    notes.set("a", b"1")
    notes.set("b", bytes(200))
    notes.set("c", bytes(200))
    assert Notes(segment).all("") == {"a": b"1"}
    assert caplog.text.count("no room") == 1
    notes.forget("b")
    notes.forget("c")
    notes.set("a", b"2")
    assert Notes(segment).all("") == {"a": b"2"}
    segment.close()
