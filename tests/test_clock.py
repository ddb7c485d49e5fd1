"""Clocks, offline: the loop finds time in jitter, the held map keeps distances."""

import numpy as np
import pytest

from engine.clock import DelayLockedLoop, HeldClock
from engine.realtime.status import ClockReading

RATE = 48000
ORIGIN = 1_700_000_000.0


def run(loop: DelayLockedLoop, true_rate_hz: float, jitter_frames: np.ndarray, block: int) -> np.ndarray:
    """Feed blocks whose times jitter; return how far off the loop's idea of each block was, in frames."""
    off = np.empty(len(jitter_frames))
    for n, jitter in enumerate(jitter_frames):
        true_seconds = n * block / true_rate_hz
        loop.update(ORIGIN + true_seconds + jitter / RATE, block)
        off[n] = (loop.block_seconds - ORIGIN - true_seconds) * RATE
    return off


@pytest.mark.parametrize("block", [64, 256, 1024])
@pytest.mark.parametrize("drift", [0.0, 50e-6, -200e-6])
def test_jitter_is_filtered_without_bias(block: int, drift: float) -> None:
    rng = np.random.default_rng(1)
    loop = DelayLockedLoop(RATE)
    off = run(loop, RATE * (1 + drift), rng.uniform(-20, 20, 60 * RATE // block), block)
    settled = off[len(off) // 2 :]
    omega = 2 * np.pi * DelayLockedLoop.BANDWIDTH_HZ * block / RATE
    expected_std = 20 / np.sqrt(3) * np.sqrt(1.06 * omega)  # white noise through a loop with b = √2 ω, c = ω²
    assert settled.std() < 1.5 * expected_std
    assert abs(settled.mean()) < expected_std  # over a dozen time constants: four standard deviations
    assert abs(loop.rate_hz / (RATE * (1 + drift)) - 1) < 20e-6
    assert loop.resets == 0


def test_a_steady_driver_is_followed_where_its_time_glides() -> None:
    loop = DelayLockedLoop(RATE)
    loop.bandwidth_hz = DelayLockedLoop.STEADY_HZ
    glide = np.zeros(2000)
    glide[500:1000] = 0.02 * 256 * np.arange(500)  # JACK's own filter after an xrun: 2 % off for seconds
    glide[1000:] = glide[999]
    run(loop, RATE, glide[:500], 256)
    errors = run_glide(loop, glide)
    assert abs(errors[600:1000]).max() < 1.0
    assert loop.resets == 0


def run_glide(loop: DelayLockedLoop, jitter_frames: np.ndarray) -> np.ndarray:
    """Go on after 500 blocks; return how far the loop is from what the driver says."""
    off = np.zeros(len(jitter_frames))
    for n in range(500, len(jitter_frames)):
        seconds = ORIGIN + (n * 256 + jitter_frames[n]) / RATE
        loop.update(seconds, 256)
        off[n] = (loop.block_seconds - seconds) * RATE
    return off


def test_the_first_block_late_is_forgotten_within_a_second() -> None:
    jitter = np.zeros(RATE // 256 * 2)
    jitter[:3] = 200.0
    off = run(DelayLockedLoop(RATE), RATE, jitter, 256)
    assert abs(off[RATE // 256 :]).max() < 5.0


def test_a_stall_is_passed_over() -> None:
    loop = DelayLockedLoop(RATE)
    jitter = np.zeros(2000)
    jitter[1000:1004] = [2000, 1500, 1000, 600]
    assert abs(run(loop, RATE, jitter, 256)).max() < 0.2
    assert loop.resets == 0


def test_a_lasting_jump_restarts_the_loop_and_is_counted() -> None:
    loop = DelayLockedLoop(RATE)
    jitter = np.zeros(2000)
    jitter[1000:] = 4800.0
    off = run(loop, RATE, jitter, 256)
    assert loop.resets == 1
    assert abs(off[1000 + DelayLockedLoop.OUTLIERS :] - 4800.0).max() < 0.1


def test_frames_that_the_driver_says_were_lost_count_at_once() -> None:
    loop = DelayLockedLoop(RATE)
    run(loop, RATE, np.zeros(500), 256)
    lost_seconds = 100 / RATE
    loop.update(ORIGIN + 500 * 256 / RATE + lost_seconds, 256, jumped=True)
    assert loop.block_seconds == pytest.approx(ORIGIN + 500 * 256 / RATE + lost_seconds, abs=1e-6)
    assert loop.resets == 1


def test_blocks_of_any_length_are_one_time() -> None:
    rng = np.random.default_rng(2)
    loop = DelayLockedLoop(RATE)
    frame = 0
    for block in rng.integers(1, 2048, 3000):
        loop.update(ORIGIN + frame / (RATE * 1.0001), int(block))
        frame += int(block)
    assert loop.rate_hz == pytest.approx(RATE * 1.0001, rel=5e-6)


class Readings:
    """A status block as control would see it: the true time of a frame, plus noise."""

    def __init__(self, noise_frames: float = 0.0, rate_hz: float = RATE) -> None:
        self.rng = np.random.default_rng(3)
        self.noise_frames = noise_frames
        self.rate_hz = rate_hz
        self.frame = 0
        self.shift_frames = 0.0

    def __call__(self) -> ClockReading:
        self.frame += 256
        off = self.rng.uniform(-self.noise_frames, self.noise_frames) + self.shift_frames
        seconds = ORIGIN + self.frame / self.rate_hz + off / RATE
        return ClockReading(frame=self.frame, unix_ns=round(seconds * 1e9), rate_hz=self.rate_hz)


def test_times_n_frames_apart_map_to_frames_n_apart() -> None:
    clock = HeldClock(Readings(noise_frames=0.35), RATE)
    rng = np.random.default_rng(4)
    for phase in rng.uniform(0, 1, 500):
        first = ORIGIN + (48000 + phase) / RATE
        frame = clock.frame_at(first)
        for distance in (1, 2, 127, 4800, 480_000):
            assert clock.frame_at(first + distance / RATE) == frame + distance
    assert clock.snaps == 1


def test_the_map_is_right_within_a_frame() -> None:
    clock = HeldClock(Readings(noise_frames=0.35), RATE)
    for frame in range(0, 480_000, 997):
        assert abs(clock.frame_at(ORIGIN + frame / RATE) - frame) <= 1


def test_the_map_is_taken_anew_when_it_is_off_and_only_then() -> None:
    readings = Readings()
    clock = HeldClock(readings, RATE)
    assert clock.frame_at(ORIGIN + 10.0) == 480_000
    readings.shift_frames = 0.7
    assert clock.frame_at(ORIGIN + 10.0) == 480_000
    assert clock.snaps == 1
    readings.shift_frames = 240.0
    assert clock.frame_at(ORIGIN + 10.0) == 480_000 - 240
    assert clock.snaps == 2


def test_tags_that_come_together_keep_their_distance_while_the_driver_s_time_glides() -> None:
    readings = Readings()
    clock = HeldClock(readings, RATE)
    first = clock.frame_at(ORIGIN + 10.0)
    for distance in range(1, 40):
        readings.shift_frames = 0.5 * distance  # a stall, and how JACK makes up for it
        assert clock.frame_at(ORIGIN + 10.0 + distance / RATE) == first + distance
    for _ in range(50):
        readings()
    assert clock.frame_at(ORIGIN + 10.0) == round(480_000 - readings.shift_frames)


def test_a_drifting_device_is_followed() -> None:
    readings = Readings(rate_hz=RATE * (1 + 100e-6))
    clock = HeldClock(readings, RATE)
    for _ in range(2000):
        seconds = ORIGIN + (readings.frame + 256) / readings.rate_hz
        assert abs(clock.frame_at(seconds) - (readings.frame)) <= 2
    assert 10 < clock.snaps < 200


def test_time_of_a_frame_is_the_way_back() -> None:
    clock = HeldClock(Readings(), RATE)
    for frame in (0, 1, 255, 48_000, 10**9):
        assert clock.frame_at(clock.time_at(frame)) == frame


@pytest.mark.parametrize("step_seconds", [3600.0, -3600.0, 0.3, -0.3], ids=lambda step: f"{step:g} s")
def test_a_clock_that_is_set_is_followed_within_a_few_blocks(step_seconds: float) -> None:
    """As after NTP has stepped it; a machine that slept steps it forward."""
    loop, clock_seconds, frame = DelayLockedLoop(RATE), ORIGIN, 0
    clock = HeldClock(lambda: ClockReading(frame=frame, unix_ns=round(loop.block_seconds * 1e9), rate_hz=RATE), RATE)
    for number in range(600):
        clock_seconds = ORIGIN + frame / RATE + (step_seconds if number >= 500 else 0.0)
        loop.update(clock_seconds, 256)
        if not 500 <= number < 500 + DelayLockedLoop.OUTLIERS:
            assert abs(clock.frame_at(clock_seconds + 1.0) - (frame + RATE)) <= 1
        frame += 256
    assert loop.resets == 1


def test_a_clock_that_was_set_back_is_followed_as_closely_as_before() -> None:
    readings = Readings()
    clock = HeldClock(readings, RATE)
    clock.frame_at(ORIGIN + 10.0)
    readings.shift_frames = -3600.0 * RATE
    assert clock.frame_at(ORIGIN - 3590.0) == 480_000
    readings.shift_frames += 10.0
    for _ in range(100):
        readings()
    assert clock.frame_at(ORIGIN - 3590.0) == 480_000 - 10
