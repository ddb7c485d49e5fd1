"""The watchdog counts looks; Doom counts short lives."""

from __future__ import annotations

import asyncio

import pytest

from engine import watchdog
from engine.watchdog import DEATHS, LOOK_SECONDS, SHORT_SECONDS, Doom, Watchdog


def test_what_gives_signs_is_left_alone() -> None:
    signs = iter(range(100))
    dog = Watchdog(lambda: next(signs), 2 * LOOK_SECONDS)
    assert not any(dog.bites() for _ in range(100))


def test_what_stands_still_is_bitten_after_its_patience_and_then_has_it_anew() -> None:
    dog = Watchdog(lambda: 7, 3 * LOOK_SECONDS)
    assert [dog.bites() for _ in range(7)] == [False, False, False, True, False, False, True]


def test_a_machine_that_stood_still_as_a_whole_bites_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours may pass between two looks: looks are counted, not hours."""
    now = 0.0
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now)
    count = 0
    dog = Watchdog(lambda: count, 3 * LOOK_SECONDS)
    dog.bites()
    now += 7200.0
    assert not dog.bites()
    count += 1
    assert not dog.bites()


def test_it_can_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    dog = Watchdog(lambda: 1, 3 * LOOK_SECONDS)
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.0)
    asyncio.run(asyncio.wait_for(dog.wait(), 30.0))


def test_short_lives_in_a_row_are_hopeless_and_a_long_one_is_new_hope(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now)
    doom = Doom()

    def live(seconds: float) -> bool:
        nonlocal now
        doom.born()
        now += seconds
        return doom.died()

    assert not any(live(0.1) for _ in range(DEATHS - 1))
    assert not live(SHORT_SECONDS + 1.0)
    assert [live(0.1) for _ in range(DEATHS)] == [False] * (DEATHS - 1) + [True]
