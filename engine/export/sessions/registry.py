"""Which formats there are."""

from __future__ import annotations

from collections.abc import Mapping

from engine.export.sessions import aaf, ardour, captions, clips, dawproject, live, marker_lists, midi, otio, reaper
from engine.export.sessions.base import SessionFormat
from engine.story.model import ExportFormat

SESSIONS: Mapping[ExportFormat, SessionFormat] = {
    "clips": clips.FORMAT,
    "reaper": reaper.FORMAT,
    "live": live.FORMAT,
    "dawproject": dawproject.FORMAT,
    "aaf": aaf.FORMAT,
    "ardour": ardour.FORMAT,
    "otio": otio.FORMAT,
    "midi": midi.FORMAT,
    "captions": captions.FORMAT,
    "markers": marker_lists.FORMAT,
}
"""Each writes into a folder of its own, which has the format's name."""
