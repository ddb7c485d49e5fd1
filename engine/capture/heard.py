"""Heard: what a listener makes of a capture, as words of its text. Pure."""

from __future__ import annotations

from engine.speech.transcript import Transcript
from engine.voices.take import Word


def as_words(heard: Transcript, sample_rate: int) -> tuple[Word, ...]:
    """Return what was heard as words of its text, in frames; one that is not found in it is left out."""
    words, place = [], 0
    for each in heard.words:
        start = heard.text.find(each.text, place)
        if start < 0:
            continue
        place = start + len(each.text)
        first = round(each.start_seconds * sample_rate)
        words.append(
            Word(
                text=each.text,
                start_frame=first,
                end_frame=max(first + 1, round(each.end_seconds * sample_rate)),
                text_start=start,
                text_end=place,
                source=each.source,
                confidence=each.confidence,
            )
        )
    return tuple(words)
