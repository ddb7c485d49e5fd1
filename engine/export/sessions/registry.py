"""Which formats there are."""

from __future__ import annotations

from collections.abc import Mapping

from engine.export.sessions import reaper
from engine.export.sessions.base import SessionFormat
from engine.story.model import ExportFormat

SESSIONS: Mapping[ExportFormat, SessionFormat] = {
    "reaper": reaper.FORMAT,
}
"""Each writes into a folder of its own, which has the format's name."""
