"""Meters: one call gives what numpy gives step by step, to the last bit."""

from __future__ import annotations

import numpy as np

from engine.mixer.meters import read_meters, show_meters


def test_meters_are_numpys_own() -> None:
    rng = np.random.default_rng(3)
    fall, rise = np.float32(0.97), np.float32(0.03)
    meters, shown = np.zeros((5, 2, 2), np.float32), np.zeros((9, 2, 2), np.float32)[:5]
    squares, peaks, powers = (np.zeros((5, 2), np.float32) for _ in range(3))
    for _ in range(50):
        measured = rng.random((5, 2, 2)) * rng.choice([0.0, 1e-6, 1.0], (5, 1, 1))
        read_meters(measured, 128, meters)
        assert np.array_equal(meters[:, :, 0], measured[:, :, 0].astype(np.float32))
        assert np.array_equal(meters[:, :, 1], np.sqrt(measured[:, :, 1] / 128).astype(np.float32))
        show_meters(meters, fall, rise, squares, shown)
        peaks = np.maximum(peaks * fall, meters[:, :, 0])
        powers += (np.square(meters[:, :, 1]) - powers) * rise
        assert np.array_equal(shown[:, :, 0], peaks)
        assert np.array_equal(shown[:, :, 1], np.sqrt(powers))
