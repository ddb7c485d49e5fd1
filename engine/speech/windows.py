"""Listening to a recording of any length: in windows that are cut where it is quiet, silence left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.speech.align.aligner import Recording
from engine.speech.align.heard import RATE

Audio = NDArray[np.float32]

CUT_PART = 0.3
"""A window is cut in its last part, so long, in the quietest moment."""

HOP = RATE // 50
QUIET_HOPS = 9
"""0.18 s: a moment is as quiet as what lies around it."""

SILENT_DB = -60.0


class Windows:
    """The windows of a recording, (start in seconds, sound), one after the other without a gap."""

    def __init__(self, recording: Recording, window_seconds: float) -> None:
        self._recording, self._seconds = recording, window_seconds

    def __iter__(self) -> Iterator[tuple[float, Audio]]:
        start, total = 0.0, self._recording.seconds
        while start < total:
            audio = self._recording.read(start, min(total, start + self._seconds))
            if not len(audio):
                return
            if start + self._seconds < total:
                audio = audio[: _quietest(audio)]
            yield start, audio
            start += len(audio) / RATE


def is_silent(audio: Audio) -> bool:
    """Return whether nothing in it is loud enough to be speech: a model that has to hear something invents it."""
    return not len(audio) or float(levels_db(audio).max()) < SILENT_DB


def levels_db(audio: Audio) -> NDArray[np.float64]:
    """Return the level of each 20 ms."""
    hops = np.pad(audio, (0, -len(audio) % HOP)).reshape(-1, HOP)
    powers: NDArray[np.float64] = 10.0 * np.log10(np.square(hops, dtype=np.float64).mean(axis=1) + 1e-12)
    return powers


def _quietest(audio: Audio) -> int:
    """Return the frame in the last part of ``audio`` around which it is quietest; the last of several."""
    smooth = np.convolve(levels_db(audio), np.ones(QUIET_HOPS) / QUIET_HOPS, "same")
    first = round(len(smooth) * (1.0 - CUT_PART))
    part = smooth[first : len(smooth) - QUIET_HOPS // 2]
    return (first + len(part) - 1 - int(np.argmin(part[::-1]))) * HOP + HOP // 2
