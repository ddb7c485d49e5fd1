"""Words for voices that time none: each passage is aligned with its text. Worker processes only."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from engine.speech.align.aligner import Held, align
from engine.speech.align.heard import AlignError, Span, at_rate
from engine.voices.take import Word

log = logging.getLogger(__name__)


class PassageAligner:
    """Times the words of passages in one language. What can't be timed has no words, and the log says why."""

    def __init__(self, language: str) -> None:
        self._language = language

    def words(self, audio: NDArray[np.float32], sample_rate: int, text: str) -> tuple[Word, ...]:
        """Return the words of ``text``, which ``audio``, (frames, channels), says, in frames of it."""
        try:
            spans = list(align(Held(at_rate(audio, sample_rate)), text, self._language))
        except AlignError as error:
            log.info("no word times for %r: %s", text[:40], error)
            return ()
        return in_frames(spans, text, sample_rate, len(audio))


def in_frames(spans: list[Span], text: str, sample_rate: int, frames: int) -> tuple[Word, ...]:
    """Return spans as words of a recording of ``frames``: in order, none empty, none over the next or the end."""
    words: list[Word] = []
    for left, span in zip(range(len(spans), 0, -1), spans, strict=True):
        earliest = words[-1].end_frame if words else 0
        start = min(max(earliest, round(span.start_seconds * sample_rate)), frames - left)
        end = min(max(start + 1, round(span.end_seconds * sample_rate)), frames - left + 1)
        words.append(
            Word(
                text=text[span.text_start : span.text_end],
                start_frame=start,
                end_frame=end,
                text_start=span.text_start,
                text_end=span.text_end,
                source=span.source,
                confidence=round(span.confidence, 3),
            )
        )
    return tuple(words)
