"""The black box's memory: the newest entries, whole, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.realtime.black_ring import BlackRing
from engine.realtime.memory import Segment


@given(st.lists(st.binary(max_size=60), max_size=80))
def test_it_ends_with_the_newest_and_has_a_page_full_of_them(entries: list[bytes]) -> None:
    segment = Segment.create(192 + 2 * 256)
    ring = BlackRing(segment)
    for entry in entries:
        ring.append(entry)
    kept = list(BlackRing(segment).entries())
    assert kept == entries[len(entries) - len(kept) :]
    fit = [sum(len(e) + 4 for e in entries[-n:]) for n in range(1, len(entries) + 1)]
    assert len(kept) >= sum(size <= 256 - 64 for size in fit)
    segment.close()


def test_an_entry_that_is_too_long_is_left_out() -> None:
    segment = Segment.create(192 + 2 * 64)
    ring = BlackRing(segment)
    ring.append(b"short")
    ring.append(bytes(100))
    assert list(ring.entries()) == [b"short"]
    segment.close()
