"""MIDI clock: tempo, phase and song position of ticks that come when they like."""

import random

import pytest

from bridge.midi.clock_follower import ClockFollower


def ticks(follower, count, tempo, start=0.0, sigma=0.0, seed=1):
    """Send ticks; return the time of the next one."""
    noise, period = random.Random(seed), 60.0 / tempo / 24
    for n in range(count):
        follower.tick(start + n * period + noise.gauss(0.0, sigma))
    return start + count * period


@pytest.mark.parametrize("tempo", [40.0, 120.0, 127.43, 300.0])
def test_tempo_is_a_double(tempo):
    follower = ClockFollower()
    ticks(follower, 200, tempo)
    assert follower.locked and follower.tempo_bpm == pytest.approx(tempo, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_jitter_of_two_milliseconds_leaves_tempo_and_phase(seed):
    follower, tempo = ClockFollower(), 120.0
    follower.start()
    two_beats = ticks(follower, 48, tempo, sigma=0.002, seed=seed)
    assert abs(follower.beat(two_beats) - 2.0) / (tempo / 60) < 0.002
    end = ticks(follower, 240, tempo, two_beats, sigma=0.002, seed=seed + 100)
    assert follower.tempo_bpm == pytest.approx(tempo, rel=0.001)
    assert abs(follower.beat(end) - 12.0) / (tempo / 60) < 0.002


def test_a_change_of_tempo_is_followed():
    follower = ClockFollower()
    follower.start()
    end = ticks(follower, 240, 120.0, sigma=0.001)
    end = ticks(follower, 96, 150.0, end, sigma=0.001, seed=2)
    assert follower.tempo_bpm == pytest.approx(150.0, rel=0.005)
    assert follower.beat(end) == pytest.approx(14.0, abs=0.02)


def test_the_first_tick_after_start_is_beat_zero():
    follower = ClockFollower()
    end = ticks(follower, 48, 120.0)
    assert not follower.running and follower.beat(end) == 0.0
    follower.start()
    assert not follower.running, "nothing moves before the tick"
    follower.tick(end)
    assert follower.running and follower.beat(end) == pytest.approx(0.0, abs=1e-9)


def test_song_position_counts_from_continue():
    follower = ClockFollower()
    end = ticks(follower, 48, 120.0)
    follower.locate(16)
    assert follower.beat(end) == 4.0
    follower.resume()
    end = ticks(follower, 25, 120.0, end)
    assert follower.beat(end - 60 / 120 / 24) == pytest.approx(5.0)
    follower.stop()
    assert not follower.running and follower.beat(end + 9) == 5.0
    follower.resume()
    follower.tick(end)
    assert follower.beat(end) == pytest.approx(5.0)


def test_a_loop_locates_while_it_runs():
    follower = ClockFollower()
    follower.start()
    end = ticks(follower, 48, 120.0)
    follower.locate(0)
    follower.tick(end)
    assert follower.beat(end) == pytest.approx(0.0, abs=1e-9)


def test_a_gap_forgets_the_tempo():
    follower = ClockFollower()
    end = ticks(follower, 100, 120.0)
    assert follower.lost(end + 1.1)
    end = ticks(follower, 30, 90.0, end + 2)
    assert follower.tempo_bpm == pytest.approx(90.0)
