"""Hands the mixer's reports to control, keeping order and counting what control did not fetch in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import bound
from engine.mixer.reports import FAILED, LATE, OF_STREAMS, REFUSED, count
from engine.realtime.records import REPORT
from engine.realtime.ring import RingWriter

BACKLOG = 4096


class Reporter:
    """A full ring makes reports wait here; a full backlog loses the newest, which are counted."""

    def __init__(self, ring: RingWriter) -> None:
        self.dropped = 0
        self._counts = np.zeros(4, np.int64)
        self._count = bound(count, np.zeros(0, REPORT), self._counts)
        self._ring = ring
        self._backlog = np.zeros(BACKLOG, REPORT)
        self.waiting = 0
        """Reports in the backlog."""

    @property
    def late(self) -> int:
        """LATE reports so far."""
        return int(self._counts[LATE])

    @property
    def refused(self) -> int:
        """SCHEDULE_FULL reports so far."""
        return int(self._counts[REFUSED])

    @property
    def failed(self) -> int:
        """STRIP_FAILED reports so far in this process."""
        return int(self._counts[FAILED])

    @property
    def of_streams(self) -> int:
        """How many reports so far in this process were of players of what is still being made."""
        return int(self._counts[OF_STREAMS])

    def resume(self, late: int, refused: int, dropped: int) -> None:
        """Count on from there."""
        self._counts[LATE], self._counts[REFUSED], self.dropped = late, refused, dropped

    def tell(self, reports: NDArray[Any]) -> None:
        """Pass ``reports`` (dtype REPORT, contiguous) on after those that wait."""
        self._count(reports, self._counts)
        if self.waiting:
            pushed = self._ring.push(self._backlog[: self.waiting])
            self._backlog[: self.waiting - pushed] = self._backlog[pushed : self.waiting].copy()
            self.waiting -= pushed
        pushed = 0 if self.waiting or not len(reports) else self._ring.push(reports)
        if pushed < len(reports):
            self._keep(reports[pushed:])

    def _keep(self, reports: NDArray[Any]) -> None:
        kept = min(len(reports), BACKLOG - self.waiting)
        self._backlog[self.waiting : self.waiting + kept] = reports[:kept]
        self.waiting += kept
        self.dropped += len(reports) - kept
