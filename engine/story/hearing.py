"""Hearing: what a cut has to know of a sound: where it is silent, where somebody breathes, where it crosses zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.story.known import SpokenWord
from engine.units import seconds_to_frames

Sound = NDArray[np.float32]
"""(frames, channels)."""

Span = tuple[int, int]
"""From a frame up to another one."""

WINDOW_SECONDS = 0.005
SILENCE_DB, BREATH_DB = -45.0, -18.0
"""Silence is this far below speech, the loudest twentieth of a sound; a breath is louder, and this far below speech."""
LEAST_BREATH_SECONDS, MOST_BREATH_SECONDS = 0.06, 1.2


def zero_crossing(sound: Sound, frame: int, within_frames: int) -> int:
    """Return the frame nearest to ``frame`` at which the sound passes through zero, or else is nearest to it."""
    first, last = max(1, frame - within_frames), min(len(sound) - 1, frame + within_frames)
    if last < first:
        return frame
    level = sound[first - 1 : last + 1].sum(axis=1, dtype=np.float64)
    turns = np.flatnonzero((level[:-1] <= 0.0) != (level[1:] <= 0.0))
    if not len(turns):
        turns = np.flatnonzero(np.abs(level[1:]) == np.abs(level[1:]).min())
    places = turns + first
    return int(places[np.argmin(np.abs(places - frame))])


def quietest(sound: Sound, first: int, last: int, sample_rate: int) -> int:
    """Return the frame in the middle of the quietest window between two frames; half way if there is no room."""
    window = seconds_to_frames(WINDOW_SECONDS, sample_rate)
    if last - first <= 2 * window:
        return (first + last) // 2
    power = np.square(sound[first:last], dtype=np.float64).sum(axis=1)
    sums = np.cumsum(np.concatenate([[0.0], power]))
    means = sums[window:] - sums[:-window]
    low = np.flatnonzero(means <= means.min() * 1.001 + 1e-15)
    return first + int(low[len(low) // 2]) + window // 2


def silences(sound: Sound, sample_rate: int, silence_db: float, least_seconds: float) -> list[Span]:
    """Return the stretches of at least so long that are quieter than speech by ``silence_db``."""
    window = seconds_to_frames(WINDOW_SECONDS, sample_rate)
    quiet = _levels(sound, window) <= silence_db
    least = seconds_to_frames(least_seconds, sample_rate)
    return [span for span in _runs(quiet, window, len(sound)) if span[1] - span[0] >= max(1, least)]


def breaths(sound: Sound, sample_rate: int, words: Sequence[SpokenWord], silence_db: float) -> list[Span]:
    """Return what is heard between words and is no speech: neither silent nor loud, and not for long."""
    window = seconds_to_frames(WINDOW_SECONDS, sample_rate)
    levels = _levels(sound, window)
    least, most = (seconds_to_frames(s, sample_rate) for s in (LEAST_BREATH_SECONDS, MOST_BREATH_SECONDS))
    found = list[Span]()
    for first, last in _between(words, len(sound)):
        part = levels[-(-first // window) : last // window]
        if len(part) and part.max() <= BREATH_DB:
            runs = _runs(part > silence_db, window, len(part) * window)
            offset = -(-first // window) * window
            found.extend((a + offset, b + offset) for a, b in runs if least <= b - a <= most)
    return found


def _between(words: Sequence[SpokenWord], frames: int) -> Iterator[Span]:
    at = 0
    for word in words:
        if word.start_frame > at:
            yield at, word.start_frame
        at = max(at, word.end_frame)
    if at < frames:
        yield at, frames


def _levels(sound: Sound, window: int) -> NDArray[np.float64]:
    """Return the level of each window in dB, below that of speech."""
    count = -(-len(sound) // window)
    power = np.zeros(count * window)
    power[: len(sound)] = np.square(sound, dtype=np.float64).mean(axis=1)
    levels = 10.0 * np.log10(power.reshape(count, window).mean(axis=1) + 1e-15)
    below: NDArray[np.float64] = levels - (np.quantile(levels, 0.95) if count else 0.0)
    return below


def _runs(flags: NDArray[np.bool_], window: int, frames: int) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [
        (a * window, min(b * window, frames)) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]
