"""Who hears which plug-in is being loaded or called. No compiler, no audio library: every process knows this."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

NOTHING = -1
"""No insert's key."""


class Watch(NamedTuple):
    """Hear which plug-in is about to be loaded (main thread) or called (callback), by its key, and NOTHING after."""

    loading: Callable[[int], object]
    running: Callable[[int], object]


NO_WATCH = Watch(lambda _: None, lambda _: None)
