"""Grids: the notes of a device's pads, in reading order: left to right, from the top row down."""

from __future__ import annotations

GRIDS: dict[str, tuple[int, ...]] = {
    "launchpad": tuple(row * 10 + column for row in range(8, 0, -1) for column in range(1, 9)),
    "launchpad-mk1": tuple(row * 16 + column for row in range(8) for column in range(8)),
    "apc-mini": tuple(row * 8 + column for row in range(7, -1, -1) for column in range(8)),
    "push": tuple(36 + row * 8 + column for row in range(7, -1, -1) for column in range(8)),
}
"""launchpad: Programmer mode of the mk3 family and session layout of the mk2; launchpad-mk1: the first two."""
