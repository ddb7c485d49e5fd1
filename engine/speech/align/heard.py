"""What aligners hand on: spans of words in seconds, and how sure they are. Pure."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.voices.resample import Resampler

Audio = NDArray[np.float32]

RATE = 16_000
"""Frames per second of what aligners hear, mono."""


class AlignError(EngineError):
    """A recording that can't be aligned with its text: nothing to hear, nothing to say, a missing library."""

    code = "align_failed"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """When a word sounds. text_start, text_end: its characters in the text. confidence: 0 to 1."""

    text_start: int
    text_end: int
    start_seconds: float
    end_seconds: float
    source: str
    confidence: float = 1.0


def at_rate(audio: Audio, sample_rate: int) -> Audio:
    """Return ``audio``, (frames, channels) or mono, as aligners hear it: mono at 16 kHz."""
    mono = audio[:, np.newaxis] if audio.ndim == 1 else audio
    if mono.shape[1] > 1:
        mono = mono.mean(axis=1, keepdims=True)
    resampler = Resampler(sample_rate, RATE, 1)
    return np.concatenate([resampler.feed(mono), resampler.finish()])[:, 0]
