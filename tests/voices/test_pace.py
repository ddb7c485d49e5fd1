"""Pace: what a player has to wait for, so that it does not run dry; learnt, cautious, kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.voices.pace import CAUTION, FIRST_CHARACTER_SECONDS, Pace, Paces, Stopwatch

RATE = 1000


class HandClock:
    def __init__(self) -> None:
        self.seconds = 5.0

    def __call__(self) -> float:
        return self.seconds


def spoken(speed: float, parts: int, part_frames: int = 100) -> Stopwatch:
    clock = HandClock()
    watch = Stopwatch(Pace(), "some text", RATE, clock)
    for part in range(1, parts + 1):
        clock.seconds += part_frames / RATE / speed
        watch.heard(part * part_frames)
    return watch


def test_a_line_s_pace_is_what_its_parts_say():
    pace = spoken(0.5, 10).whole(1000)
    assert pace.speed == pytest.approx(0.5)
    assert pace.gap_seconds == pytest.approx(0.2)
    assert pace.character_seconds == pytest.approx(1.0 / 9)


@given(speed=st.floats(1.0 / CAUTION, 4.0), growth=st.lists(st.integers(0, 1), max_size=12), late=st.integers(0, 13))
@settings(derandomize=True, max_examples=50)
def test_a_line_that_began_when_the_one_before_it_asked_for_it_never_runs_dry(speed, growth, late):
    """Parts grow as they like, and one of them is late; what is learnt is enough for another line like it."""
    sizes = [100]
    for more in growth:
        sizes.append(sizes[-1] * (1 + more))
    clock, arrivals, ready = HandClock(), [], [sum(sizes[: n + 1]) for n in range(len(sizes))]
    watch = Stopwatch(Pace(), "some text", RATE, clock)
    for number, size in enumerate(sizes):
        clock.seconds += size / RATE / speed + (0.3 if number == late else 0.0)
        arrivals.append(clock.seconds)
        watch.heard(ready[number])
    pace = watch.whole(ready[-1])
    needed = pace.ahead_seconds() + pace.share() * ready[-1] / RATE
    begin = next((t for t, made in zip(arrivals, ready, strict=True) if made / RATE >= needed), arrivals[-1])
    for arrival, played in zip(arrivals[1:], ready, strict=False):
        assert arrival <= begin + played / RATE + 1e-9


def test_a_wait_counts_only_as_far_as_there_was_nothing_left_to_play():
    clock = HandClock()
    watch = Stopwatch(Pace(), "some text", RATE, clock)
    for seconds, frames in ((0.1, 100), (0.05, 300), (0.2, 700), (0.1, 1100)):
        clock.seconds += seconds
        watch.heard(frames)
    assert watch.pace().gap_seconds == pytest.approx(0.05)  # the wait of 0.2 s had 0.2 s of sound before it


def test_who_begins_too_early_with_one_part_has_to_have_more_than_that():
    clock = HandClock()
    watch = Stopwatch(Pace(), "some text", RATE, clock)
    for seconds, frames in ((0.1, 100), (0.3, 1000), (0.1, 2000)):
        clock.seconds += seconds
        watch.heard(frames)
    assert 0.1 < watch.pace().gap_seconds <= 1.0


def test_waits_that_other_lines_had_are_still_to_be_expected():
    clock = HandClock()
    watch = Stopwatch(Pace(speed=2.0, gap_seconds=0.4), "some text", RATE, clock)
    for frames in (100, 200, 300):
        clock.seconds += 0.05
        expected = watch.heard(frames)
    assert expected.gap_seconds == 0.4 and watch.pace().gap_seconds == pytest.approx(0.05)


def test_one_part_says_nothing_of_speed():
    assert spoken(3.0, 1).pace() == Pace()


@given(speed=st.floats(0.2, 4.0), parts=st.integers(4, 200))
def test_who_waits_for_what_a_steady_pace_asks_never_runs_dry(speed, parts):
    """Simulated: parts come at ``speed``; a player begins once share and gap are there."""
    part = 0.1
    pace = Pace(speed=speed, gap_seconds=part / speed, character_seconds=0.1)
    length = parts * part
    needed = pace.ahead_seconds() + pace.share() * length
    arrivals = [n * part / speed for n in range(1, parts + 1)]
    begin = next((t for n, t in enumerate(arrivals, 1) if n * part >= needed), arrivals[-1])
    for n, arrival in enumerate(arrivals):
        assert arrival <= begin + n * part + 1e-9


def test_slower_counts_at_once_faster_little_by_little():
    paces = Paces()
    paces.learn("a", Pace(speed=2.0, gap_seconds=0.1))
    paces.learn("a", Pace(speed=1.0, gap_seconds=0.3))
    assert (paces.of("a").speed, paces.of("a").gap_seconds) == (1.0, 0.3)
    paces.learn("a", Pace(speed=2.0, gap_seconds=0.1))
    assert 1.0 < paces.of("a").speed < 1.5 and 0.2 < paces.of("a").gap_seconds < 0.3


def test_what_was_learnt_outlives_the_engine(tmp_path):
    Paces(tmp_path / "paces").learn("espeak", Pace(speed=300.0, gap_seconds=0.01))
    assert Paces(tmp_path / "paces").of("espeak").speed == 300.0
    assert Paces(tmp_path / "paces").of("other").character_seconds == FIRST_CHARACTER_SECONDS
    (tmp_path / "paces").write_text("no json")
    assert Paces(tmp_path / "paces").of("espeak") == Pace()


def test_a_fast_voice_waits_for_its_gaps_only():
    assert Pace(speed=1.0 / CAUTION).share() == 0.0
    assert Pace(speed=0.5).share() == pytest.approx(1.0 - CAUTION / 2)
