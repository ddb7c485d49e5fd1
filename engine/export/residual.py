"""Residual: how far the sum of some stems is off what they should add up to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soundfile

_BLOCK_FRAMES = 65536


def residual_dbfs(whole: Path, parts: Sequence[Path]) -> float | None:
    """Return the largest difference between ``whole`` and the sum of ``parts``, in dBFS; None: they are the same.

    All are stereo WAVs of one length.
    """
    largest = 0.0
    with ExitStack() as stack:
        target, *files = (stack.enter_context(soundfile.SoundFile(path)) for path in (whole, *parts))
        while len(block := target.read(_BLOCK_FRAMES, dtype="float64", always_2d=True)):
            for file in files:
                block -= file.read(len(block), dtype="float64", always_2d=True, fill_value=0.0)
            largest = max(largest, float(np.abs(block).max()))
    return 20.0 * math.log10(largest) if largest > 0.0 else None
