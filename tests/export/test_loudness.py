"""Levels: against pyloudnorm, ffmpeg and arithmetic, whatever the blocks."""

import math
import re
import shutil
import subprocess

import numpy as np
import pyloudnorm
import pytest
import soundfile

from engine.export.loudness import PHASES, Levels, Meter


def measure(audio: np.ndarray, rate: int, block: int = 4096) -> Levels:
    meter = Meter(rate)
    for begin in range(0, len(audio), block):
        meter.read(np.ascontiguousarray(audio[begin : begin + block], np.float32))
    return meter.levels()


def programme(rate: int, seconds: float = 12.0) -> np.ndarray:
    """Noise through loud, soft and silent passages, softer on the right."""
    frames = round(rate * seconds)
    noise = np.random.default_rng(4).standard_normal((frames, 2))
    level_db = np.interp(
        np.linspace(0, 1, frames), [0, 0.3, 0.4, 0.5, 0.55, 0.7, 1], [-45, -15, -18, -90, -90, -12, -25]
    )
    audio = noise * 10 ** (level_db / 20)[:, None] * (0.25, 0.125)
    audio[round(0.5 * frames) : round(0.55 * frames)] = 0.0
    return audio.astype(np.float32)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_integrated_loudness_agrees_with_pyloudnorm(rate):
    audio = programme(rate)
    expected = pyloudnorm.Meter(rate).integrated_loudness(audio.astype(np.float64))
    assert measure(audio, rate).integrated_lufs == pytest.approx(expected, abs=0.1)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_everything_agrees_with_ffmpeg(tmp_path):
    audio = programme(48000, 20.0)
    soundfile.write(tmp_path / "a.wav", audio, 48000, subtype="FLOAT")
    command = [
        "ffmpeg",
        "-hide_banner",
        "-nostats",
        "-i",
        str(tmp_path / "a.wav"),
        "-af",
        "ebur128=peak=true",
        "-f",
        "null",
    ]
    told = subprocess.run([*command, "-"], capture_output=True, text=True, check=True).stderr
    summary = told[told.rindex("Summary") :]
    found = measure(audio, 48000)
    for name, value in (("I", found.integrated_lufs), ("LRA", found.range_lu), ("Peak", found.true_peak_dbtp)):
        expected = float(re.search(rf"\b{name}:\s+(-?[\d.]+)", summary).group(1))
        assert value == pytest.approx(expected, abs={"I": 0.11, "LRA": 0.5, "Peak": 0.2}[name])


def test_blocks_do_not_matter():
    audio = programme(48000, 5.0)
    whole = measure(audio, 48000, len(audio))
    for block in (1, 64, 333, 8192)[1:]:
        other = measure(audio, 48000, block)
        for name in Levels.__struct_fields__:
            assert getattr(other, name) == pytest.approx(getattr(whole, name), abs=1e-3), (block, name)


def test_a_sine_has_the_loudness_that_the_standard_says():
    """BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LKFS."""
    t = np.arange(48000 * 4) / 48000
    audio = np.zeros((len(t), 2))
    audio[:, 0] = np.sin(2 * np.pi * 997 * t)
    levels = measure(audio, 48000)
    assert levels.integrated_lufs == pytest.approx(-3.01, abs=0.02)
    assert levels.max_momentary_lufs == pytest.approx(-3.01, abs=0.02)
    assert levels.max_short_term_lufs == pytest.approx(-3.01, abs=0.02)


def test_the_true_peak_lies_between_the_samples():
    """A quarter of the rate, sampled 45 degrees off its crests: samples see 3 dB less."""
    audio = np.repeat(0.5 * np.sin(np.pi / 2 * np.arange(9600) + np.pi / 4)[:, None], 2, axis=1)
    levels = measure(audio, 48000)
    assert levels.peak_dbfs == pytest.approx(-9.03, abs=0.01)
    assert levels.true_peak_dbtp == pytest.approx(-6.02, abs=0.35)


def test_what_the_true_peak_meter_skips_changes_nothing():
    audio = programme(48000, 3.0)
    padded = np.concatenate((np.zeros((11, 2)), audio)).astype(np.float64)
    planes = [np.convolve(padded[:, channel], phase, "valid") for channel in range(2) for phase in PHASES]
    expected = max(np.abs(audio).max(), *(np.abs(plane).max() for plane in planes))
    assert 10 ** (measure(audio, 48000, 1000).true_peak_dbtp / 20) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_has_no_loudness(level):
    levels = measure(np.full((96000, 2), level), 48000)
    assert levels.integrated_lufs is None
    assert levels.range_lu is None
    assert (levels.peak_dbfs is None) == (level == 0.0)


def test_silence_that_is_skipped_counts_as_time():
    loud = programme(48000, 3.0)[48000:]
    audio = np.concatenate((loud, np.zeros((480000, 2)), loud)).astype(np.float32)
    expected = pyloudnorm.Meter(48000).integrated_loudness(audio.astype(np.float64))
    assert measure(audio, 48000, 8192).integrated_lufs == pytest.approx(expected, abs=0.05)


def test_an_hour_takes_no_more_room_than_a_second():
    meter = Meter(8000)
    block = np.full((80000, 2), 0.1, np.float32)
    block[::2] *= -1
    for _ in range(360):
        meter.read(block)
    assert len(meter._waiting) < 64
    assert len(meter._recent) < 64
    assert math.isfinite(meter.levels().integrated_lufs)
