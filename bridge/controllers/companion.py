"""A sheet for stream decks: label, tabulator, and the line of text that a button sends over UDP or TCP."""

from __future__ import annotations

from bridge.places import HostPort
from bridge.port import EnginePort

_STEADY = (
    ("GO", "/go"), ("BACK", "/back"), ("PANIC", "/panic"), ("PAUSE ALL", "/pauseall"), ("RESUME ALL", "/resumeall"),
    ("PLAY", "/transport/play"), ("STOP", "/transport/stop"), ("TO START", "/transport/locate 0"),
)  # fmt: skip


def companion_sheet(engine: EnginePort, osc: HostPort) -> str:
    """Return the sheet."""
    rows = [*_STEADY]
    for cuelist in engine.cue_lists():
        first = cuelist == engine.cue_lists()[0]
        prefix = "" if first else f"/cuelist/{cuelist}"
        rows += [
            (f"CUE {cue}" if first else f"{cuelist} {cue}", f"{prefix}/cue/{cue}/go") for cue in engine.cue_ids(cuelist)
        ]
    rows += [(f"PAD {bank} {index}", f"/slot/{bank}/{index}/trigger 1") for bank, index in engine.slot_keys()]
    rows += [(f"MUTE {strip}", f"/strip/{strip}/mute 1") for strip in engine.strip_ids()]
    rows += [(f"OPEN {strip}", f"/strip/{strip}/mute 0") for strip in engine.strip_ids()]
    head = f"# Generic TCP/UDP: send the command as text, ended by \\n, to {osc[0]}:{osc[1]} (UDP or TCP)\n"
    return head + "".join(f"{label}\t{command}\n" for label, command in rows)
