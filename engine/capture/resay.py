"""Resaying: a take of a voice, cut into words and laid out as a score says, each stretched with its pitch kept.

Each word is cut with some of what is around it, which is faded into its neighbours: in one breath nothing is heard of
the cut. Where a pause follows, a word rings out in it as far as it did in the take. Not for the audio process.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.capture.score import Piece
from engine.voices.stretch import stretch

Audio = NDArray[np.float32]

AROUND_SECONDS = 0.04
"""What is stretched around a word, so that its edges are not those of the stretching."""

FADE_SECONDS = 0.006
AS_IS = 0.01
"""Speeds so near to 1 are played as they are: nobody hears the difference, and nothing is lost."""


def resay(audio: Audio, pieces: Sequence[Piece], sample_rate: int, frames: int) -> Audio:
    """Return ``audio``, (frames, channels), as ``pieces`` say; at least ``frames`` long."""
    rings = [*(_ring(piece, after.start, after.place) for piece, after in pairwise(pieces))]
    if pieces:
        rings.append(round((len(audio) - pieces[-1].end) / pieces[-1].speed))
    fade = max(2, round(FADE_SECONDS * sample_rate))
    ends = [piece.place + piece.frames + ring for piece, ring in zip(pieces, rings, strict=True)]
    length = max(frames, *ends, 0) if ends else frames
    out = np.zeros((length + fade, audio.shape[1]), np.float32)
    for piece, ring in zip(pieces, rings, strict=True):
        before, sound = _sound(audio, piece, ring, sample_rate, fade)
        first = max(0, piece.place - before)
        sound = sound[first - (piece.place - before) :]
        out[first : first + len(sound)] += sound[: len(out) - first]
    return out[:length]


def _ring(piece: Piece, next_start: int, next_place: int) -> int:
    """Return for how long a piece may ring out before the next one."""
    return max(0, min(round((next_start - piece.end) / piece.speed), next_place - piece.place - piece.frames))


def _sound(audio: Audio, piece: Piece, ring: int, sample_rate: int, fade: int) -> tuple[int, Audio]:
    """Return a piece at its speed with what rings out, faded in and out; first, how much is before its beginning."""
    around = round(AROUND_SECONDS * sample_rate)
    speed = piece.speed if abs(piece.speed - 1.0) > AS_IS else 1.0
    start, end = max(0, piece.start - around), min(len(audio), piece.end + round(ring * speed) + around)
    wide = stretch(np.ascontiguousarray(audio[start:end]), speed, sample_rate)
    begin = round((piece.start - start) / speed)
    before = min(fade // 2, begin)
    sound = np.array(wide[begin - before : begin + piece.frames + ring + fade // 2])
    rise = np.linspace(0.0, 1.0, min(2 * before, len(sound)), dtype=np.float32)[:, np.newaxis]
    fall = np.linspace(1.0, 0.0, min(fade, len(sound)), dtype=np.float32)[:, np.newaxis]
    sound[: len(rise)] *= rise
    sound[len(sound) - len(fall) :] *= fall
    return before, sound
