"""All sheets by file name: what each is for, and what makes it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bridge.controllers.companion import companion_sheet
from bridge.controllers.cue_sheet import cue_sheet
from bridge.controllers.open_stage_control import open_stage_control
from bridge.controllers.reaper import reaper_patterns
from bridge.places import HostPort
from bridge.port import EnginePort


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A file for another program. make: from the engine and the place where it hears OSC."""

    media_type: str
    make: Callable[[EnginePort, HostPort], str]
    help: str


SHEETS = {
    "cuevox.session.json": Sheet(
        media_type="application/json", make=open_stage_control,
        help="a session of Open Stage Control: faders with meters, pans, mutes, solos, cues, pads, transport",
    ),
    "cuevox.ReaperOSC": Sheet(
        media_type="text/plain", make=reaper_patterns,
        help="a pattern file for Reaper's control surface `OSC`: its transport and master fader drive ours",
    ),
    "companion.txt": Sheet(
        media_type="text/plain", make=companion_sheet,
        help="one line per button for Bitfocus Companion and other stream decks: label, tab, command",
    ),
    "cues.csv": Sheet(media_type="text/csv", make=cue_sheet, help="a cue sheet: list, number, state, duration"),
}  # fmt: skip
