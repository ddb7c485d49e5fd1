"""The score alone: who reads where, who takes whom along, who waits."""

from __future__ import annotations

from typing import Any

from engine.daw.score import ELSEWHERE, OTHER_HOST, WAIT, Ask, Passage, Place, Score

RATE = 48000
HOST, OTHER = 100, 200


class Desk:
    """Plays what the score says, without a mixer."""

    def __init__(self, history_frames: int = 1 << 17) -> None:
        self.score = Score(RATE, history_frames)
        self.head = 0
        self.now = 0.0

    def ask(self, slot: int, frame: int, frames: int = 256, **says: Any) -> Place:
        ask = Ask(frame=frame, frames=frames, at=self.now, **{"playing": True, **says})
        place = self.score.place(slot, ask, self.head)
        if place.passage is not None:
            self.score.told(place.passage)
        if place.cursor >= 0 and self.head < place.cursor + frames + ask.ahead:
            self.score.mixed(self.head, self.now)
            self.head = place.cursor + frames + ask.ahead
        return place


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
    assert it.ask(1, 1536, offline=True).cursor == 1536, "who asks no more is waited for no longer"


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
