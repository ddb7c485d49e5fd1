"""The limiter: nothing above the ceiling between the samples either, and nothing changed below it."""

import numpy as np
import pytest
import scipy.signal
import soxr
from mixer_rig import BLOCKS, FADE, Rig, bare

from engine.mixer.limiter import LOOK_AHEAD_SECONDS, Limiter
from engine.realtime.records import Kind
from engine.story.model import Master, Story, Strip, Track
from tests.signals import RATE, gain_of, noise, roughest_fade, roughness, sine

LATENCY = round(LOOK_AHEAD_SECONDS * RATE)


def limited(signal, ceiling_db=-1.0, blocks=(256,)):
    """Return (frames, 2) ``signal`` and some silence through a fresh limiter, in blocks that repeat; and it."""
    limiter, signal = Limiter(RATE, ceiling_db, 8192), np.pad(signal, ((0, 4 * LATENCY), (0, 0)))
    out, done, turn = np.zeros_like(signal), 0, 0
    while done < len(signal):
        end = min(len(signal), done + blocks[turn % len(blocks)])
        limiter.process(signal[done:end], out[done:end], done)
        done, turn = end, turn + 1
    return out, limiter


def true_peak(signal):
    """Return the peak between the samples too, by sixteen-fold oversampling of very high quality."""
    return abs(soxr.resample(np.pad(signal, ((500, 500), (0, 0))).astype(np.float64), 1, 16, "VHQ")).max()


def stereo(left, right=None):
    return np.stack([left, left if right is None else right], axis=1).astype(np.float32)


def bursts(seed):
    """Noise in bursts of very different loudness and length."""
    rng = np.random.default_rng(seed)
    parts = [noise(int(rng.integers(5, 3000)), seed + n, 2, float(10 ** rng.uniform(-2, 1))) for n in range(40)]
    return np.concatenate(parts)


def below_20_khz(signal):
    sections = scipy.signal.ellip(12, 0.05, 90, 20000, fs=RATE, output="sos")
    return np.ascontiguousarray(scipy.signal.sosfilt(sections, signal, axis=0), np.float32)


LOUD = {
    "a sine between its samples": stereo(sine(20000, RATE / 4, 1.0, np.pi / 4)),
    "a high sine": stereo(sine(20000, 15000.0, 2.0)),
    "a low sine": stereo(sine(40000, 60.0, 4.0)),
    "a click": stereo(np.where(np.arange(9000) == 5000, 50.0, 0.0)),
    "a click in one channel": stereo(np.where(np.arange(9000) == 5000, 50.0, 0.0), np.zeros(9000)),
    "steps": stereo(np.repeat([0.1, 3.0, -3.0, 0.2, 1.5, 0.0], 3000)),
    "a square wave": stereo(np.sign(sine(20000, 777.0, 1.0)) * 1.2),
    "noise": below_20_khz(bursts(1)),
    "more noise": below_20_khz(bursts(77)),
    "noise at 8 kHz": below_20_khz(stereo(sine(30000, 8000.0, 1.0) * (1 + noise(30000, 4, level=1.0)))),
}


@pytest.mark.parametrize("ceiling_db", [-1.0, -12.0, 0.0])
@pytest.mark.parametrize("name", LOUD)
def test_the_true_peak_never_passes_the_ceiling(name, ceiling_db):
    out, _ = limited(LOUD[name], ceiling_db)
    assert abs(out).max() <= gain_of(ceiling_db)
    assert true_peak(out) <= gain_of(ceiling_db)


@pytest.mark.parametrize("seed", [2, 100])
def test_noise_up_to_half_the_sample_rate_passes_the_ceiling_by_a_decibel_at_most(seed):
    out, _ = limited(bursts(seed))
    assert abs(out).max() <= gain_of(-1.0)
    assert true_peak(out) <= gain_of(0.1)


def test_what_is_quiet_is_delayed_and_else_the_same_to_the_bit():
    signal = noise(30000, channels=2, level=0.5)
    out, limiter = limited(signal)
    assert limiter.latency_frames == LATENCY
    np.testing.assert_array_equal(out[LATENCY : LATENCY + len(signal)], signal)
    assert not out[:LATENCY].any()
    assert limiter.take_reduction_db() == 0.0


def test_quiet_sound_is_the_same_to_the_bit_again_after_a_loud_one():
    signal = noise(4 * RATE, channels=2, level=0.3)
    signal[5000:5100] *= 12.0
    out, limiter = limited(signal)
    touched = np.flatnonzero((out[LATENCY : LATENCY + len(signal)] != signal).any(axis=1))
    assert 5000 - LATENCY <= touched[0] <= 5000
    assert touched[-1] < 2 * RATE
    assert limiter.take_reduction_db() < -6.0


def test_both_channels_get_one_gain():
    signal = stereo(sine(30000, 300.0, 3.0), sine(30000, 1234.0, 0.1))
    out, _ = limited(signal)
    left, right = out[LATENCY:, 0], out[LATENCY:, 1]
    loud = (abs(signal) > 0.01).all(axis=1)
    gains = out[LATENCY:][: len(signal)][loud] / signal[loud]
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-5)
    assert abs(left).max() < 0.9
    assert abs(right).max() < 0.05


def test_the_gain_recovers_smoothly_without_overshoot():
    signal = stereo(sine(3 * RATE, 997.0, 0.5))
    signal[20000:21000] *= 8.0
    out, _ = limited(signal)
    loud = np.flatnonzero(abs(signal[:, 0]) > 0.2)
    gain = np.interp(np.arange(len(signal)), loud, out[LATENCY:, 0][loud] / signal[loud, 0])
    after = gain[21100:]
    assert after[0] < 0.3
    assert (np.diff(after) > -1e-6).all()
    assert np.diff(after).max() < 1 / (0.05 * RATE)
    assert gain.max() <= 1.0 + 1e-6
    assert after[RATE // 4] > 0.9
    assert after[-1] == 1.0


@pytest.mark.parametrize("block", [1, *BLOCKS, (7, 300, 64, 2000, 1)])
def test_the_size_of_blocks_changes_not_a_bit(block):
    signal = bursts(5)[:20000]
    out, _ = limited(signal, blocks=block if isinstance(block, tuple) else (block,))
    np.testing.assert_array_equal(out, limited(signal, blocks=(8192,))[0])


def test_off_it_adds_no_delay_and_changes_nothing():
    signal = noise(5000, channels=2, level=3.0)
    out, limiter = limited(signal, ceiling_db=None)
    assert limiter.latency_frames == 0
    np.testing.assert_array_equal(out[:5000], signal)


def test_the_reported_reduction_is_the_largest_since_it_was_last_asked():
    signal = stereo(sine(20000, 997.0, 1.0))
    _, limiter = limited(signal, -6.0)
    assert limiter.take_reduction_db() == pytest.approx(-6.1, abs=0.15)
    limiter.process(np.zeros((8192, 2), np.float32), np.zeros((8192, 2), np.float32), 20000)
    assert -6.3 < limiter.take_reduction_db() < -4.0


def through(ceiling_db, level=0.5):
    story = Story(title="l", tracks=(Track(id="a", strip=Strip()),), master=Master(limiter_db=ceiling_db))
    rig = Rig(story, sine(60000, 997.0, level))
    rig.start(0, 0)
    return rig


def test_the_mixer_reports_the_limiters_latency():
    rig = through(-1.0)
    assert rig.mixer.latency_frames == LATENCY
    heard = rig.play(9000)
    np.testing.assert_array_equal(heard.out[LATENCY:], heard.premaster[:-LATENCY])
    assert Rig(bare()).mixer.latency_frames == 0


@pytest.mark.parametrize(("before", "after"), [(None, -1.0), (-1.0, None), (None, -20.0), (-20.0, None), (-1.0, -20.0)])
def test_a_move_of_the_ceiling_makes_no_step(before, after):
    rig = through(before)
    rig.send(Kind.SET_LIMITER, 10007, value=np.nan if after is None else after)
    heard = rig.play(50000).out[2000:]
    # Switched on or off, two sines that lie apart in time cross; lowered, the gain falls within the look-ahead.
    within = FADE if None in (before, after) else LATENCY // 2
    assert roughness(heard) <= 2 * roughest_fade(997.0, 0.5, within)
    expected = gain_of(after) if after else 0.5
    assert abs(heard[-1000:]).max() == pytest.approx(min(0.5, expected), rel=0.02)


def test_switched_off_it_keeps_its_delay_and_then_changes_nothing():
    rig = through(-20.0)
    rig.send(Kind.SET_LIMITER, 10007, value=np.nan)
    heard = rig.play(60000)
    assert rig.mixer.latency_frames == LATENCY
    np.testing.assert_array_equal(heard.out[50000:], heard.premaster[50000 - LATENCY : -LATENCY])
    assert rig.mixer.take_reduction_db() < -13.0
    rig.play(256)
    assert rig.mixer.take_reduction_db() == 0.0


@pytest.mark.parametrize("ceiling_db", [-3.0, -20.0])
def test_a_lowered_ceiling_holds_after_the_look_ahead(ceiling_db):
    rig = through(-1.0, level=0.85)
    rig.send(Kind.SET_LIMITER, 10007, value=ceiling_db)
    heard = rig.play(30000).out
    assert abs(heard[: 10007 + LATENCY - 2]).max() > 0.8
    settled = 10007 + 2 * LATENCY
    faded_in = heard[settled:] * np.minimum(1.0, np.arange(len(heard) - settled) / 500)[:, None]
    assert abs(heard[settled:]).max() <= gain_of(ceiling_db)
    assert true_peak(faded_in[:10000]) <= gain_of(ceiling_db) * 1.001


@pytest.mark.parametrize("block", [16, 64, 4096])
def test_switched_on_after_long_it_knows_what_came_before(block):
    signal = noise(24000, channels=2)
    heard = []
    for ceiling_db in (None, 60.0):  # one that is off, and one that is on and has had nothing to do
        limiter, parts = Limiter(RATE, ceiling_db, block), []
        for frame in range(0, len(signal), block):
            if frame == 8192:
                limiter.set_ceiling(-20.0, frame, 2000)
            out = np.empty_like(signal[frame : frame + block])
            limiter.process(signal[frame : frame + block], out, frame)
            parts.append(out)
        heard.append(np.concatenate(parts))
    np.testing.assert_array_equal(heard[0][:8192], signal[:8192])
    np.testing.assert_array_equal(heard[0][8192 + 2000 :], heard[1][8192 + 2000 :])
    assert np.abs(heard[0][8192 + 2000 :]).max() < 0.11
