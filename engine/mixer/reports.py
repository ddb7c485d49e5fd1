"""What the mixer has to tell: REPORT rows gathered inside kernels and taken once per block."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.realtime.records import REPORT, Report

CAPACITY = 16384

LATE, REFUSED, FAILED, OF_STREAMS = range(4)
"""What ``count`` counts: starts after their frame, records without room, strips that fail, and what nobody foresees."""


class Reports(NamedTuple):
    """rows: REPORT. used: [rows in use, rows that did not fit since the start]."""

    rows: NDArray[Any]
    used: NDArray[np.int64]


def new_reports() -> Reports:
    """Return an empty list of reports."""
    return Reports(np.zeros(CAPACITY, REPORT), np.zeros(2, np.int64))


@kernel
def tell(
    reports: Reports, kind: int, strip: int, player: int, serial: int, requested: int, actual: int, value: float
) -> None:
    """Append one report; when nobody takes them the newest are counted as lost."""
    at = reports.used[0]
    if at >= len(reports.rows):
        reports.used[1] += 1
        return
    row = reports.rows[at]
    row.kind = kind
    row.strip = strip
    row.player = player
    row.serial = serial
    row.requested_frame = requested
    row.actual_frame = actual
    row.value = value
    reports.used[0] = at + 1


@kernel
def count(rows: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Add to ``counts`` how many of the REPORTs in ``rows`` there are of each of the four kinds above.

    Of streams are those that tell how players of what is still being made fare.
    """
    for row in rows:
        if row.kind == Report.LATE:
            counts[LATE] += 1
        elif row.kind == Report.SCHEDULE_FULL:
            counts[REFUSED] += 1
        elif row.kind == Report.STRIP_FAILED:
            counts[FAILED] += 1
        elif row.kind == Report.STARTED:
            counts[OF_STREAMS] += row.value == 1.0
        elif row.kind in (Report.UNDERRUN, Report.REFILLED):
            counts[OF_STREAMS] += 1
