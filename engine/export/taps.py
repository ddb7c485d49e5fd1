"""Taps: where a bounce listens to the mixer, and how much it hears at a time."""

from __future__ import annotations

_LONGEST, _SHORTEST = 65536, 16384
_STRIP_FRAMES = 1 << 21

MIX, PREMASTER = -1, -2
"""The taps after and before the master; all others are strip indexes."""


def block_frames(strips: int) -> int:
    """Return how long the blocks of a bounce are.

    A mixer works best on what stays near the processor, 16,384 frames; but waking the next thread takes as long as
    mixing those of a dry strip, so blocks are longer where the memory of all ``strips`` allows it.
    """
    frames = _LONGEST
    while frames > _SHORTEST and frames * strips > _STRIP_FRAMES:
        frames //= 2
    return frames
