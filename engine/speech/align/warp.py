"""Alignment in any language of espeak-ng: it says the text, and time is warped until that fits the recording."""

from __future__ import annotations

from collections.abc import Sequence

import librosa
import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.speech.align.features import HOP, Audio, features, loudness, pauses, sounding
from engine.speech.align.heard import RATE, AlignError, Span
from engine.speech.align.reference import reference
from engine.voices.take import Word

SOURCE = "dtw"
_TYPICAL_COST, _WORST_COST = 9.5, 15.5
"""How far columns of two voices lie apart where they say the same, and where they don't."""

SHORTEST_COLUMNS = 4
_SNAP_SECONDS = 0.15


def warp(audio: Audio, text: str, language: str, *, hop: int = HOP) -> tuple[Span, ...]:
    """Return when each word of ``text`` sounds in ``audio``, mono at 16 kHz, which says it from end to end."""
    said = reference(text, language)
    level = loudness(audio, hop)
    here, there = sounding(level), sounding(loudness(said.audio, hop))
    if len(here) < SHORTEST_COLUMNS or len(there) < SHORTEST_COLUMNS:
        raise AlignError("there is no sound to align")
    one, other = features(said.audio, hop)[:, there], features(audio, hop)[:, here]
    costs = column_costs(one, other)
    path = librosa.sequence.dtw(C=costs)[1][::-1]
    steps = costs[path[:, 0], path[:, 1]]
    warped = _Warp(path=path, costs=steps, here=here, there=there, hop=hop)
    return _snapped([warped.span(word) for word in said.words], pauses(level), hop)


def column_costs(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distance of each column of one from each of the other."""
    squares = (one**2).sum(axis=0)[:, np.newaxis] + (other**2).sum(axis=0) - 2.0 * one.T @ other
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0.0)).astype(np.float64)
    return distances


class _Warp(msgspec.Struct, frozen=True, kw_only=True):
    """A way through reference and recording. here, there: the columns of recording and reference that took part."""

    path: NDArray[np.intp]
    costs: NDArray[np.float64]
    here: NDArray[np.intp]
    there: NDArray[np.intp]
    hop: int

    def span(self, word: Word) -> Span:
        """Return where a word of the reference lies in the recording."""
        start, end = self._mapped(word.start_frame), self._mapped(word.end_frame)
        first, last = (int(np.searchsorted(self.path[:, 1], np.searchsorted(self.here, t))) for t in (start, end))
        cost = float(self.costs[first : max(last, first + 1)].mean())
        return Span(
            text_start=word.text_start,
            text_end=word.text_end,
            start_seconds=start * self.hop / RATE,
            end_seconds=end * self.hop / RATE,
            source=SOURCE,
            confidence=float(np.clip((_WORST_COST - cost) / (_WORST_COST - _TYPICAL_COST), 0.05, 1.0)),
        )

    def _mapped(self, frame: int) -> float:
        """Return the column of the recording that fits a frame of the reference."""
        column = min(int(np.searchsorted(self.there, round(frame / self.hop))), len(self.there) - 1)
        first, last = np.searchsorted(self.path[:, 0], (column, column + 1))
        return float(np.median(self.here[self.path[first:last, 1]]))


def _snapped(spans: list[Span], gaps: Sequence[tuple[int, int]], hop: int) -> tuple[Span, ...]:
    """Have a word begin behind each pause: the one whose beginning lies nearest, if any does."""
    seconds = hop / RATE
    for first, last in gaps:
        begin, end = first * seconds, last * seconds
        away = [max(begin - s.start_seconds, s.start_seconds - end, 0.0) for s in spans]
        index = int(np.argmin(away))
        if index and away[index] <= _SNAP_SECONDS:
            spans[index] = msgspec.structs.replace(spans[index], start_seconds=end)
            spans[index - 1] = msgspec.structs.replace(spans[index - 1], end_seconds=begin)
    return fitted(spans)


def fitted(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return spans in order, none empty, none over the next."""
    made: list[Span] = []
    for span in spans:
        start = max(span.start_seconds, made[-1].start_seconds + HOP / RATE if made else 0.0)
        if made and made[-1].end_seconds > start:
            made[-1] = msgspec.structs.replace(made[-1], end_seconds=start)
        end = max(span.end_seconds, start + HOP / RATE)
        made.append(msgspec.structs.replace(span, start_seconds=start, end_seconds=end))
    return tuple(made)
