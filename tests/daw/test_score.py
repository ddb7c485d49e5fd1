"""The score alone: who reads where, who takes whom along, who waits."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from engine.daw.layout import SLOTS
from engine.daw.score import ELSEWHERE, OTHER_HOST, WAIT, Ask, Passage, Place, Score

RATE = 48000
HOST, OTHER = 100, 200
BLOCKS = 40


class Desk:
    """Plays what the score says, without a mixer."""

    def __init__(self, history_frames: int = 1 << 17) -> None:
        self.score = Score(RATE, history_frames)
        self.head = self._wanted = 0
        self._block = 0, 0
        self.now = 0.0
        self.told: list[Passage] = []

    def ask(self, slot: int, frame: int, frames: int = 256, *, mixes: bool = True, **says: Any) -> Place:
        ask = Ask(frame=frame, frames=frames, at=self.now, **{"playing": True, **says})
        place = self.score.place(slot, ask, self.head)
        if place.passage is not None:
            self.score.told(place.passage)
            self.told.append(place.passage)
        if place.cursor >= 0 and self._wanted < place.cursor + frames + ask.ahead:
            self._wanted = place.cursor + frames + ask.ahead
            self._block = place.cursor, place.cursor + frames
        if mixes:
            self.mix()
        return place

    def was(self, engine_frame: int) -> int:
        """Return where the timeline was at an engine frame."""
        return next(p for p in reversed(self.told) if p.begin <= engine_frame).timeline(engine_frame)

    def mix(self) -> None:
        """Mix what has been asked for."""
        if self.head < self._wanted:
            self.score.mixed(*self._block, self.now)
            self.head = self._wanted


def desk(*slots: int, **options: Any) -> Desk:
    it = Desk(**options)
    for slot in slots:
        it.score.join(slot, HOST)
    return it


def test_an_instance_that_goes_on_needs_no_news() -> None:
    it = desk(1)
    assert it.ask(1, 1000) == Place(0, Passage(0, 1000, True))
    assert it.ask(1, 1256) == Place(256)
    assert it.ask(1, 1513, frames=100) == Place(512), "a host that rounds does not locate"


def test_a_jump_is_told_at_its_frame() -> None:
    it = desk(1)
    it.ask(1, 0)
    assert it.ask(1, 96000) == Place(256, Passage(256, 96000, True))
    assert it.ask(1, 96256, playing=False) == Place(512, Passage(512, 96256, False))
    assert it.ask(1, 96256, playing=False) == Place(768)
    assert it.ask(1, 5000, playing=False) == Place(1024, Passage(1024, 5000, False))


def test_instances_in_step_share_every_block() -> None:
    it = desk(1, 2)
    for frame in (0, 256, 96000, 96256, 400):
        assert it.ask(1, frame).cursor == it.ask(2, frame).cursor
    assert it.head == 5 * 256


def test_who_still_stands_where_another_has_begun_to_play_reads_on_and_stops_nobody() -> None:
    it = desk(1, 2)
    it.ask(1, 80, playing=False), it.ask(2, 80, playing=False), it.ask(1, 80, playing=False)
    plays = it.ask(1, 0, 80)
    assert plays == Place(512, Passage(512, 0, True))
    assert it.ask(1, 80) == Place(592)
    assert it.ask(2, 80, playing=False) == Place(256), "a block behind, while it stood"
    assert it.ask(2, 0, 80) == Place(512)
    assert it.ask(2, 80) == Place(592)
    assert it.told == [Passage(0, 80, False), plays.passage]


def test_an_instance_that_works_ahead_leads_the_others() -> None:
    it = desk(1, 2)
    for block in range(40):
        it.ask(1, 256 * block)
    assert [it.ask(2, 256 * block).cursor for block in range(40)] == [256 * block for block in range(40)]
    assert it.head == 40 * 256


def test_who_is_left_behind_is_elsewhere_until_it_jumps_too() -> None:
    it = desk(1, 2)
    it.ask(1, 0), it.ask(2, 0)
    it.ask(1, 96000)
    assert it.ask(2, 256) is ELSEWHERE
    assert it.ask(1, 96256).cursor == 512
    assert it.ask(2, 512) is ELSEWHERE
    assert it.ask(2, 96256).cursor == 512


@pytest.mark.parametrize("behind", [-1, 0, 1])
def test_who_comes_while_others_play_falls_in_with_them(behind: int) -> None:
    it = desk(1)
    for block in range(1000):  # begun long before what is kept
        it.now = block * 256 / RATE
        it.ask(1, 256 * block)
    it.score.join(2, HOST)
    for block in range(1000, 1010):
        it.now = block * 256 / RATE
        assert it.ask(2, 256 * (block - behind)).cursor == 256 * (block - behind)
        assert it.ask(1, 256 * block).cursor == 256 * block
    assert len(it.told) == 1


@pytest.mark.parametrize("offline", [False, True])
def test_who_comes_and_does_not_play_yet_stops_nobody(offline: bool) -> None:
    it = desk(1)
    it.ask(1, 256, offline=offline)
    it.score.join(2, HOST)
    assert it.ask(2, 80, playing=False, offline=offline) is ELSEWHERE
    assert it.ask(1, 512, offline=offline).cursor == 256
    assert it.ask(2, 512, offline=offline).cursor == 256


def test_who_was_away_leads_again_though_another_goes_its_own_way() -> None:
    it = desk(1, 2, history_frames=1024)
    it.ask(1, 0), it.ask(2, 7, follows=False)
    for _ in range(8):
        it.now += 0.2
        it.ask(2, 7, follows=False)
    assert it.ask(1, 256) == Place(2304, Passage(2304, 256, True))


def test_alone_again_it_goes_on_where_it_was() -> None:
    it = desk(1, 2)
    it.ask(1, 0), it.ask(2, 0), it.ask(1, 96000)
    it.score.leave(1)
    assert it.ask(2, 256) == Place(512, Passage(512, 256, True))


def test_an_offline_instance_waits_for_what_another_one_bounces() -> None:
    it = desk(1, 2, history_frames=1024)
    for block in range(8):
        it.ask(1, 256 * block, offline=True)
    assert it.ask(2, 0, offline=True) is WAIT
    assert it.ask(1, 2048, offline=True).cursor == 2048
    it.score.leave(1)
    assert it.ask(2, 0, offline=True) == Place(2304, Passage(2304, 0, True))


def test_a_quick_offline_instance_waits_for_a_slow_one() -> None:
    it = desk(1, 2, history_frames=2048)
    it.ask(1, 0, offline=True), it.ask(2, 0, offline=True)
    for block in range(1, 4):
        it.ask(1, 256 * block, offline=True)
    assert it.ask(1, 1024, offline=True).cursor == 1024
    assert it.ask(1, 1280, offline=True) is WAIT
    assert it.ask(2, 256, offline=True).cursor == 256
    assert it.ask(1, 1280, offline=True).cursor == 1280
    it.now = 1.0
    assert it.ask(1, 1536, offline=True) is WAIT, "a host may be held up"
    it.now = 3.0
    assert it.ask(1, 1536, offline=True).cursor == 1536, "who asks no more is waited for no longer"


@pytest.mark.parametrize("seed", range(4))
def test_bounces_that_are_not_in_step_are_all_given_their_own_places(seed: int) -> None:
    it, turns = desk(history_frames=1 << 15), random.Random(seed)
    begins = {slot: turns.randrange(400) for slot in range(SLOTS)}
    done: dict[int, int] = {}
    for turn in range(20_000):
        slot = turns.choice([slot for slot in begins if done.get(slot, 0) < BLOCKS])
        if begins[slot] > turn or (slot % 5 == 0 and turns.random() < 0.7):  # some are slow
            continue
        if slot not in done:
            it.score.join(slot, HOST)
        it.now = 0.002 * turn
        block = done.setdefault(slot, 0)
        place = it.ask(slot, 512 * block, frames=512, offline=True)
        if place is WAIT:
            continue
        assert place.passage is None or it.head == place.cursor + 512, "nobody is at work whom that would take away"
        assert it.was(place.cursor) == 512 * block
        assert place.cursor >= it.head - (1 << 15)
        done[slot] += 1
        if done[slot] == BLOCKS:
            it.score.leave(slot)
        if min(done.values()) == BLOCKS and len(done) == SLOTS:
            return
    raise AssertionError(f"some wait for ever: {done}")


def test_who_is_behind_others_that_play_a_place_twice_goes_there_with_them_each_time() -> None:
    it = desk(1, 2)
    it.ask(1, 0, playing=False), it.ask(2, 0, playing=False)
    ahead = [it.ask(1, frame).cursor for frame in (0, 256, 0, 256)]
    assert [it.ask(2, frame).cursor for frame in (0, 256, 0, 256)] == ahead


def test_who_comes_back_after_a_while_is_given_what_others_play_now() -> None:
    it = desk(1, 2)
    it.ask(1, 0, playing=False), it.ask(2, 0, playing=False)
    it.ask(1, 0), it.ask(1, 256)
    it.now = 1.0
    again = it.ask(1, 0)
    assert again.passage is not None
    assert it.ask(2, 0) == Place(again.cursor)


def test_one_host_at_a_time() -> None:
    it = desk(1)
    it.score.join(2, OTHER)
    it.ask(1, 0)
    assert it.ask(2, 0) is OTHER_HOST
    it.now = 1.0
    it.ask(1, 256)
    it.now = 2.5
    assert it.ask(2, 0) is OTHER_HOST
    it.now = 3.5
    assert it.ask(2, 0).cursor == 512
    assert it.ask(1, 512) is OTHER_HOST


def test_a_late_comer_falls_in_with_the_block_of_its_cycle() -> None:
    it = desk(1, 2)
    for block in range(20):
        it.now = block * 256 / RATE
        it.ask(1, 7, playing=False)
    assert it.ask(2, 7, playing=False).cursor == 19 * 256
    it.now += 256 / RATE
    assert it.ask(2, 7, playing=False).cursor == it.ask(1, 7, playing=False).cursor == 20 * 256


@pytest.mark.parametrize("together", [False, True])
def test_who_reads_behind_the_others_falls_in_with_them_again(together: bool) -> None:
    it = desk(1, 2)
    it.ask(1, 7, playing=False)
    it.ask(2, 7, playing=False)
    it.now += 256 / RATE
    it.ask(1, 7, playing=False)  # the other one is bypassed for this block
    places = []
    for _ in range(20):
        it.now += 256 / RATE
        head = it.head
        first = it.ask(1, 7, playing=False, **({"mixes": False} if together else {}))
        places.append((head, first.cursor, it.ask(2, 7, playing=False).cursor))
        it.mix()
    behind = [first - second for _, first, second in places]
    assert behind[0] == 256
    assert behind[-8:] == [0] * 8
    assert all(first == head for head, first, _ in places), "who is in step stays where it is"


@pytest.mark.parametrize("others", [0, 1])
def test_who_asks_ahead_is_not_behind(others: int) -> None:
    it = desk(1, 2)
    places = []
    for _ in range(30):
        it.now += 256 / RATE
        places.append(it.ask(1, 7, playing=False, ahead=256).cursor)
        if others:
            places.append(it.ask(2, 7, playing=False).cursor)
    assert np.diff(places[:: 1 + others]).tolist() == [256] * 29
    assert np.diff(places[others :: 1 + others]).tolist() == [256] * 29


def test_who_runs_free_never_moves_the_story() -> None:
    it = desk(1)
    it.ask(1, 0)
    assert it.ask(1, 77777, follows=False) == Place(256)
    assert it.ask(1, 0, follows=False, playing=False) == Place(512)


def test_the_loop_s_end_is_known_ahead() -> None:
    it = desk(1)
    it.ask(1, 1000)
    ask = Ask(frame=1256, frames=256, playing=True, loop=(500, 1300))
    assert it.score.loop_end(ask, it.head) == 256 + 44
    assert it.score.loop_end(Ask(frame=1256, frames=256, playing=True, loop=(500, 1200)), it.head) == -1


def test_when_nobody_asks_any_more_it_stands_where_it_was() -> None:
    it = desk(1)
    it.ask(1, 1000)
    it.score.stop(it.head)
    assert not it.score.playing
    assert it.score.timeline(it.head) == 1256
    it.head += 512
    assert it.ask(1, 1256) == Place(768, Passage(768, 1256, True))
