"""Colours of tracks, the same in the picture and in every session that has them."""

from __future__ import annotations

Colour = tuple[int, int, int]

COLOURS: tuple[Colour, ...] = (
    (94, 190, 200), (232, 134, 108), (142, 196, 140), (186, 152, 210),
    (240, 178, 100), (116, 164, 222), (222, 140, 164), (196, 200, 112),
)  # fmt: skip


def track_colour(number: int) -> Colour:
    """Return the colour of a track by its place in the story."""
    return COLOURS[number % len(COLOURS)]
