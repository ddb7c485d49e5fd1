"""Blame: which plug-in an audio process died in, and which are therefore left out until somebody asks for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.child import Child
from engine.plugins.facts import plugin_name
from engine.plugins.prober import ending
from engine.realtime.memory import Segment
from engine.realtime.plugin_graph import effect_of, same_plugin
from engine.realtime.plugin_trace import PluginTrace

log = logging.getLogger(__name__)

LOAD_SECONDS = 20.0
"""A plug-in that loads for longer in the process that plays will never be loaded."""
LOOK_SECONDS = 1.0


class Blame:
    """Reads the trace of processes that are gone. without: how processes died in plug-ins, by effect."""

    def __init__(self, segment: Segment) -> None:
        self._trace = PluginTrace(segment)
        self._rows = 0
        self.without: dict[str, str] = {}

    def new_row(self) -> int:
        """Return the row of the trace for a process that is about to start."""
        self._rows += 1
        return self._trace.begin(self._rows)

    def find(self, child: Child, graphs: Sequence[Mapping[str, Any]], reason: str) -> dict[str, str]:
        """Return the plug-in that ``child`` was in when it ended, and how, by effect; it is left out from now on.

        By each of its effects: inserts may call it by its name and by paths.
        graphs: what it may have played, as they travel, the newest first.
        """
        place = self._trace.place(child.pid)
        found: dict[str, str] = {}
        for word, doing in ((place.running, "processing"), (place.loading, "loading")):
            effect = effect_of(word, graphs) if word else ""
            if effect:
                how = f"it ended the audio process while {doing} ({ending(child.returncode) or reason})"
                found = dict.fromkeys(same_plugin(effect, graphs), how)
                log.error("plug-in %s: %s", plugin_name(effect), how)
                break
        self.without |= found
        return found

    async def until_loading_hangs(self, child: Child) -> None:
        """Return when ``child`` has been loading one plug-in for too long."""
        seen, since = 0, time.monotonic()
        while True:
            word = self._trace.place(child.pid).loading
            if word != seen or not word:
                seen, since = word, time.monotonic()
            elif time.monotonic() - since > LOAD_SECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)
