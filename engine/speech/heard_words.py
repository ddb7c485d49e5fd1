"""From a model's tokens to words: a word sounds from its first token until the token behind its last. Pure."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.speech.transcript import HeardWord
from engine.voices.words import Token, tokens

LONGEST_SECONDS = 2.5
"""No word lasts longer: what a model says beyond that is the pause behind it."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as a model tells it.

    texts: what its tokens say, the first one, the first two and so on. starts: when each begins, empty where the model
    does not know; then its words share the segment's time. probabilities: how likely each was.
    """

    texts: tuple[str, ...]
    starts: tuple[float, ...]
    probabilities: tuple[float, ...]
    start_seconds: float
    end_seconds: float


def words_of(pieces: list[Piece], seconds: float) -> tuple[str, tuple[HeardWord, ...]]:
    """Return what the pieces of a window of ``seconds`` say, and its words: in order, within the window."""
    words: list[HeardWord] = []
    for piece in pieces:
        for word in _words(piece):
            start = min(max(word.start_seconds, words[-1].end_seconds if words else 0.0), seconds)
            end = min(max(word.end_seconds, start), seconds, start + LONGEST_SECONDS)
            words.append(msgspec.structs.replace(word, start_seconds=round(start, 3), end_seconds=round(end, 3)))
    return " ".join(piece.texts[-1].strip() for piece in pieces if piece.texts).strip(), tuple(words)


def _words(piece: Piece) -> list[HeardWord]:
    if not piece.texts:
        return []
    ends = np.array([len(text) for text in piece.texts])
    starts = np.concatenate([[0], ends[:-1]])
    times = piece.starts or _shared(piece, starts)
    until = (*times[1:], max(piece.end_seconds, times[-1]))
    said = piece.texts[-1]
    return [_word(token, said, piece, starts, ends, times, until) for token in tokens(said)]


def _word(
    token: Token,
    said: str,
    piece: Piece,
    starts: np.ndarray,
    ends: np.ndarray,
    times: tuple[float, ...],
    until: tuple[float, ...],
) -> HeardWord:
    within = np.flatnonzero((starts < token.end) & (ends > token.start))
    first, last = (int(within[0]), int(within[-1])) if len(within) else (0, 0)
    sure = float(np.mean([piece.probabilities[n] for n in range(first, last + 1)]))
    return HeardWord(
        text=said[token.start : token.end],
        start_seconds=times[first],
        end_seconds=until[last],
        confidence=round(sure, 3),
    )


def _shared(piece: Piece, starts: np.ndarray) -> tuple[float, ...]:
    """Return when each token begins if each character takes as long as any other."""
    length = max(1, len(piece.texts[-1]))
    span = piece.end_seconds - piece.start_seconds
    return tuple(float(piece.start_seconds + span * place / length) for place in starts)
