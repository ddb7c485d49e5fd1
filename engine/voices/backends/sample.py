"""Reading the sample of a voice that is to be cloned. Worker processes only."""

from __future__ import annotations

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import VoiceError
from engine.voices.resample import Resampler

LONGEST_SAMPLE_SECONDS = 30.0


def read_sample(path: str, sample_rate: int) -> NDArray[np.float32]:
    """Return a sample as a model hears it: mono, its first half minute, float32, (frames,). Raises VoiceError."""
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise VoiceError(f"the sample {path} can't be read: {error}") from error
    mono = audio[: round(LONGEST_SAMPLE_SECONDS * rate)].mean(axis=1, keepdims=True)
    if not len(mono) or not np.isfinite(mono).all() or not np.abs(mono).max() > 0.0:
        raise VoiceError(f"the sample {path} holds no sound")
    resampler = Resampler(rate, sample_rate, 1)
    heard: NDArray[np.float32] = np.concatenate([resampler.feed(mono), resampler.finish()])[:, 0]
    return heard
