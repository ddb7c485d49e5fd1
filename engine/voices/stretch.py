"""Stretching: sound at another speed with its pitch kept, exactly as long as it has to be, and its words with it."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.voices.take import Take, Word


def stretched_frames(frames: int, speed: float) -> int:
    """Return how long ``frames`` are at ``speed``."""
    return frames if speed == 1.0 else max(1, round(frames / speed))


def at_speed(take: Take, speed: float) -> Take:
    """Return what is known of ``take`` at ``speed``: its length and its words; the digest stays the source's."""
    if speed == 1.0:
        return take
    return replace(take, frames=stretched_frames(take.frames, speed), words=words_at(take.words, speed))


def words_at(words: tuple[Word, ...], speed: float) -> tuple[Word, ...]:
    """Return words as they are said at ``speed``."""
    return tuple(
        replace(w, start_frame=round(w.start_frame / speed), end_frame=round(w.end_frame / speed)) for w in words
    )


def stretch(audio: NDArray[np.float32], speed: float, sample_rate: int) -> NDArray[np.float32]:
    """Return ``audio``, (frames, channels), at ``speed``: ``stretched_frames`` long."""
    if speed == 1.0 or not len(audio):
        return audio
    from engine.mixer.offline import time_stretch  # Pedalboard, which only those load who stretch

    frames = stretched_frames(len(audio), speed)
    slow = time_stretch(audio, speed, sample_rate)[:frames]
    return np.pad(slow, ((0, frames - len(slow)), (0, 0)))
