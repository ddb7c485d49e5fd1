"""Hands the mixer's reports to control, keeping order and counting what control did not fetch in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.realtime.records import REPORT, Report
from engine.realtime.ring import RingWriter

BACKLOG = 4096
_LATE, _REFUSED = int(Report.LATE), int(Report.SCHEDULE_FULL)


class Reporter:
    """A full ring makes reports wait here; a full backlog loses the newest, which are counted."""

    def __init__(self, ring: RingWriter) -> None:
        self.dropped = 0
        self.late = 0
        """LATE reports so far."""
        self.refused = 0
        """SCHEDULE_FULL reports so far."""
        self._ring = ring
        self._backlog = np.zeros(BACKLOG, REPORT)
        self.waiting = 0
        """Reports in the backlog."""

    def resume(self, late: int, refused: int, dropped: int) -> None:
        """Count on from there."""
        self.late, self.refused, self.dropped = late, refused, dropped

    def tell(self, reports: NDArray[Any]) -> None:
        """Pass ``reports`` on after those that wait."""
        if len(reports):
            kinds = reports["kind"]
            self.late += int(np.count_nonzero(kinds == _LATE))
            self.refused += int(np.count_nonzero(kinds == _REFUSED))
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
