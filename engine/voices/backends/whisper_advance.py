"""How far each hearing of a window comes on, which is never too little for too long. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

SHORT_HEARINGS = 2
"""So many hearings of a window may end close to where they began: behind a short answer, say."""

PARTS = 8
"""Each later one comes on by such a part of the window."""

Hearing = Callable[..., tuple[list[dict[str, Any]], Any]]
"""What transformers asks for a hearing's segments and by how many columns it came on."""


class Advance:
    """Stands before transformers' own answer, for one window of ``columns``.

    It goes on where the last segment ended, be that 20 ms on: a model that makes nothing of a noise would hear a window
    of half a minute fifteen hundred times.
    """

    def __init__(self, hearing: Hearing, columns: int) -> None:
        self._hearing, self._least = hearing, max(1, columns // PARTS)
        self._short = 0

    def __call__(self, **heard: Any) -> tuple[list[dict[str, Any]], Any]:
        """Return the segments, and by how much to come on."""
        segments, columns = self._hearing(**heard)
        if columns >= self._least:
            return segments, columns
        self._short += 1
        if self._short <= SHORT_HEARINGS:
            return segments, columns
        log.info("the model hardly gets on here: %d columns are counted as heard, not %d", self._least, columns)
        return segments, self._least
