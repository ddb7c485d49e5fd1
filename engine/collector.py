"""The garbage collector, kept away from work that makes much at once and none of it in rings."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Have nothing collected meanwhile: the collector would look at all that is made, again and again.

    A process that has frozen what it had loaded freezes what was made here, too: else its next collection, for which
    every thread waits, would look at all of it. Where nothing is collected anyway nothing changes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count():
            gc.freeze()
        gc.enable()
