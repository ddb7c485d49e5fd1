"""Reading what plug-ins have made of themselves, and giving it to a standby's. The audio process's main thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from engine.errors import EngineError
from engine.mixer.hosted_insert import HostedInsert
from engine.plugins.states import PluginState, States, place_of

log = logging.getLogger(__name__)

READ_SECONDS = 5.0
"""How often plug-ins are asked."""
COSTLY_SHARE = 0.5
"""A plug-in may hold up the callback while it tells its state; one that takes this much of a block is asked no more."""

Hosted = Mapping[tuple[str, int], tuple[str, HostedInsert]]
"""Effect and insert of every plug-in, by its strip's id and its key."""


class PluginReader:
    """Asks every plug-in now and then. block_seconds: what must not be held up."""

    def __init__(self, block_seconds: float) -> None:
        self._allowed_seconds = COSTLY_SHARE * block_seconds
        self._next_at = time.monotonic() + READ_SECONDS
        self._told: States = {}
        self._costly: set[tuple[str, int]] = set()

    def forget(self) -> None:
        """Tell everything once more: there is another graph."""
        self._told.clear()
        self._costly.clear()

    def changed(self, hosted: Hosted) -> States:
        """Return the states that have changed since the last call; nothing when it is not time yet."""
        if time.monotonic() < self._next_at:
            return {}
        news: States = {}
        for (strip, key), (effect, insert) in hosted.items():
            place = place_of(strip, key)
            state = "" if (strip, key) in self._costly else self._read(strip, key, effect, insert)
            if state and (place not in self._told or self._told[place].state != state):
                news[place] = PluginState(effect=effect, state=state)
        self._told |= news
        self._next_at = time.monotonic() + READ_SECONDS
        return news

    def _read(self, strip: str, key: int, effect: str, insert: HostedInsert) -> str:
        try:
            state = insert.state()
        except EngineError as error:
            self._costly.add((strip, key))
            log.warning("%s of strip %s is not kept as it is: %s", effect, strip, error)
            return ""
        if insert.longest_read_seconds > self._allowed_seconds:
            self._costly.add((strip, key))
            text = "%s of strip %s took %.1f ms to tell its state: it is not asked any more"
            log.warning(text, effect, strip, 1000 * insert.longest_read_seconds)
        return state


def restore(hosted: Hosted, states: States) -> None:
    """Give plug-ins that do not play the states of those that do; one that refuses stays as it is, and is named."""
    for (strip, key), (effect, insert) in hosted.items():
        kept = states.get(place_of(strip, key))
        if kept is None or kept.effect != effect:
            continue
        try:
            insert.restore(kept.state)
        except EngineError as error:
            log.warning("%s of strip %s stays as it was: %s", effect, strip, error)
