"""What the mixer has to tell: REPORT rows gathered inside kernels and taken once per block."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.mixer.compile import kernel
from engine.realtime.records import REPORT

CAPACITY = 16384


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
