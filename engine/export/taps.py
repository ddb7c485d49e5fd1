"""Taps: where a bounce listens to the mixer, and how much it hears at a time."""

from __future__ import annotations

BLOCK_FRAMES = 16384

MIX, PREMASTER = -1, -2
"""The taps after and before the master; all others are strip indexes."""
