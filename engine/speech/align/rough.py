"""Where a piece of text lies in a longer recording, roughly: good enough to cut there."""

from __future__ import annotations

from functools import lru_cache

import librosa
import numpy as np
from numpy.typing import NDArray

from engine.speech.align.features import Audio, features, loudness, sounding
from engine.speech.align.heard import RATE, AlignError
from engine.speech.align.reference import Reference, reference
from engine.speech.align.warp import column_costs

HOP = 640
"""40 ms: where a piece ends has to be right to a few of them."""

_MOTION_COLUMNS, _NEAR_COLUMNS = 5, 4
_LEVEL_PART = 2
"""Levels are looked at so much more closely: a piece is cut in the quietest moment."""

_WEIGHTS = np.array([1.0, 1.0, 1.5])
"""Of a step in both, in the recording, in the text: a text is not squeezed into a corner to save its cost."""

_NEAR_SECONDS = 0.25
_QUIET_COLUMNS = 5


@lru_cache(maxsize=4)
def _said(text: str, language: str) -> Reference:
    return reference(text, language)


def seconds_of(text: str, following: str, language: str) -> tuple[float, float]:
    """Return how long espeak-ng takes for ``text``, and for it and what follows it."""
    said = _said(f"{text} {following}", language)
    return _border(said, text) / RATE, len(said.audio) / RATE


def _border(said: Reference, text: str) -> int:
    """Return the frame where ``text``, with which a reference begins, is over."""
    return next((word.start_frame for word in said.words if word.text_start > len(text)), len(said.audio))


def place(audio: Audio, text: str, following: str, language: str) -> tuple[float, float]:
    """Return where ``text``, which ``following`` comes after, begins and ends in ``audio``, in seconds.

    It is cut where it is quiet. What follows makes sure of the end: an end that nothing follows slips.
    """
    said = _said(f"{text} {following}", language)
    border = _border(said, text)
    level = loudness(audio, HOP // _LEVEL_PART)
    here = sounding(level[::_LEVEL_PART], _NEAR_COLUMNS)
    there = sounding(loudness(said.audio, HOP), _NEAR_COLUMNS)
    costs = column_costs(_features(said.audio)[:, there], _features(audio)[:, here])
    if costs.shape[0] > 2 * costs.shape[1] or not costs.size:
        raise AlignError(f"the recording ends before {text[:40]!r} is said")
    path = _path(costs)
    column = np.searchsorted(there, border // HOP)
    end = int(here[path[min(int(np.searchsorted(path[:, 0], column)), len(path) - 1), 1]])
    return int(here[path[0, 1]]) * HOP / RATE, _quietest(level, end * _LEVEL_PART) * (HOP // _LEVEL_PART) / RATE


def _path(costs: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the best way through all of the text and a part of the recording: pairs of their columns."""
    path: NDArray[np.intp] = librosa.sequence.dtw(C=costs, subseq=True, weights_mul=_WEIGHTS)[1][::-1]
    if costs.shape[0] > costs.shape[1]:  # librosa turns the pairs then, as if it had turned the costs before
        path = path[:, ::-1]
    return path


def _features(audio: Audio) -> NDArray[np.float32]:
    return features(audio, HOP, _MOTION_COLUMNS)


def _quietest(level: Audio, column: int) -> int:
    """Return the quietest column near ``column``: most of a pause lies around it."""
    near = round(_NEAR_SECONDS * RATE * _LEVEL_PART / HOP)
    smooth = np.convolve(level, np.ones(_QUIET_COLUMNS) / _QUIET_COLUMNS, "same")
    first, last = max(0, column - near), min(len(level), column + near + 1)
    return first + int(np.argmin(smooth[first:last])) if last > first else column
