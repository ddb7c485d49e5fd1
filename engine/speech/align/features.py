"""What two voices that say the same have in common: spectral envelopes and how they move, every 5 ms."""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from engine.speech.align.heard import RATE

Audio = NDArray[np.float32]

HOP = 80
"""Frames between two columns: 5 ms."""

_WINDOW, _FFT, _MELS, _COEFFICIENTS = 400, 512, 40, 13
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 7600.0
_PRE_EMPHASIS = 0.97
_LOUDNESS_WEIGHT, _MOTION_WEIGHT = 0.5, 6.0
_MOTION_COLUMNS = 11
_SILENCE = 0.01
"""Quieter than this part of the loudest is silence."""

_NEAR_COLUMNS = 8
_PAUSE_COLUMNS = 18
"""A stop holds its breath for up to 80 ms or so; what is longer lies between words."""


def features(audio: Audio, hop: int = HOP, motion_columns: int = _MOTION_COLUMNS) -> NDArray[np.float32]:
    """Return (coefficients, columns) of ``audio``, mono at 16 kHz: cepstra without their mean, and their slopes."""
    emphasised = np.append(audio[:1], audio[1:] - _PRE_EMPHASIS * audio[:-1])
    power = librosa.feature.melspectrogram(
        y=emphasised, sr=RATE, n_fft=_FFT, win_length=_WINDOW, hop_length=hop, n_mels=_MELS,
        fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ,
    )  # fmt: skip
    cepstra = librosa.feature.mfcc(S=np.log(power + 1e-4 * power.max() + 1e-12), n_mfcc=_COEFFICIENTS)
    cepstra -= cepstra.mean(axis=1, keepdims=True)
    cepstra[0] *= _LOUDNESS_WEIGHT
    width = min(motion_columns, (cepstra.shape[1] - 1) // 2 * 2 + 1)
    if width < 3:
        return np.vstack([cepstra, np.zeros_like(cepstra)]).astype(np.float32)
    slopes = librosa.feature.delta(cepstra, width=width) * _MOTION_WEIGHT
    return np.vstack([cepstra, slopes]).astype(np.float32)


def loudness(audio: Audio, hop: int = HOP) -> NDArray[np.float32]:
    """Return the root mean square of 25 ms, every ``hop`` frames."""
    return np.asarray(librosa.feature.rms(y=audio, frame_length=_WINDOW, hop_length=hop)[0], np.float32)


def sounding(level: NDArray[np.float32], near_columns: int = _NEAR_COLUMNS) -> NDArray[np.intp]:
    """Return the columns of ``loudness`` that sound, and those near them: the rest is pause."""
    loud = level > max(float(level.max(initial=0.0)) * _SILENCE, 1e-5)
    near = np.convolve(loud, np.ones(2 * near_columns + 1))  # "same" is as long as the longer of the two
    return np.flatnonzero(near[near_columns : near_columns + len(level)] > 0.5)


def pauses(level: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the pauses inside a recording, in columns: first, and the one after the last."""
    loud = np.flatnonzero(level > max(float(level.max(initial=0.0)) * _SILENCE, 1e-5))
    gaps = np.flatnonzero(np.diff(loud) > _PAUSE_COLUMNS)
    return [(int(loud[gap]) + 1, int(loud[gap + 1])) for gap in gaps]
