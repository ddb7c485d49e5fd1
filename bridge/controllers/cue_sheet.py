"""The cue sheet: one row per cue, as operators print them."""

from __future__ import annotations

import csv
import io

from bridge.places import HostPort
from bridge.port import EnginePort
from engine.units import frames_to_seconds

COLUMNS = ("List", "Number", "State", "Duration", "GO address", "Stop address")


def cue_sheet(engine: EnginePort, osc: HostPort) -> str:
    """Return the sheet as CSV with a head."""
    del osc
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for cuelist in engine.cue_lists():
        for cue in engine.cue_ids(cuelist):
            duration = engine.cue_times(cue, cuelist)[2]
            seconds = "" if duration < 0 else f"{frames_to_seconds(duration, engine.sample_rate):.3f}"
            address = f"/cuelist/{cuelist}/cue/{cue}"
            table.writerow((cuelist, cue, engine.cue_state(cue, cuelist), seconds, f"{address}/go", f"{address}/stop"))
    return written.getvalue()
