"""Touching memory before it is needed: what is only reserved is mapped at its first use, and that takes time."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np


def touch(memory: Any) -> None:
    """Write every page of an array, or of all arrays of a tuple, as it is. Nobody may write it meanwhile."""
    if isinstance(memory, tuple):
        for part in memory:
            touch(part)
    elif isinstance(memory, np.ndarray) and memory.size:
        pages = memory.reshape(-1).view(np.uint8)[:: mmap.PAGESIZE]
        np.bitwise_or(pages, 0, out=pages)
