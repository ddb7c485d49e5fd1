"""The cue sheet: one row per cue, as operators print them."""

from __future__ import annotations

import csv
import io

from bridge.places import HostPort
from bridge.port import EnginePort
from engine.units import frames_to_seconds

COLUMNS = (
    "List", "Number", "Name", "State", "Pre-wait", "Duration", "Post-wait", "Follow", "Armed", "Color", "GO address",
    "Stop address",
)  # fmt: skip


def cue_sheet(engine: EnginePort, osc: HostPort) -> str:
    """Return the sheet as CSV with a head."""
    del osc
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for cuelist in engine.cue_lists():
        for cue in engine.cue_ids(cuelist):
            table.writerow(_row(engine, cuelist, cue))
    return written.getvalue()


def _row(engine: EnginePort, cuelist: str, name: str) -> tuple[str, ...]:
    cue = engine.cue(name, cuelist)
    waits = [_seconds(engine, frames) for frames in (cue.pre_wait_frames, cue.post_wait_frames)]
    duration = _seconds(engine, engine.cue_times(name, cuelist)[2])
    state, armed = engine.cue_state(name, cuelist), "yes" if cue.armed else "no"
    address = f"/cuelist/{cuelist}/cue/{name}"
    return (
        cuelist, name, cue.name, state, waits[0], duration, waits[1], cue.follow, armed, cue.color or "",
        f"{address}/go", f"{address}/stop",
    )  # fmt: skip


def _seconds(engine: EnginePort, frames: int) -> str:
    """Return a time; nothing where it is not known, or for ever."""
    return "" if frames < 0 else f"{frames_to_seconds(frames, engine.sample_rate):.3f}"
