"""A transcript played again live: every command at its frame, as far from the others as it was."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from engine.clock import HeldClock
from engine.commands import Export, LoadStory, MakeTake, ReloadStory, SaveStory, Transcribe
from engine.control.transcript import Entry
from engine.errors import EngineError
from engine.session.inputs import Did
from engine.session.session import Session

log = logging.getLogger(__name__)

AHEAD_SECONDS = 0.1
"""How long before its frame the mixer is told of a command."""
LEAD_SECONDS = 0.5
LOOK_SECONDS = 0.02


FILED = (SaveStory, ReloadStory, LoadStory, Export, MakeTake, Transcribe)
"""Commands about files: they are not repeated."""


async def play_again(session: Session, clock: HeldClock, entries: Sequence[Entry]) -> None:
    """Carry out the commands of a show and return when it has ended. A command that is refused now is logged."""
    while session.context.library.missing():
        await asyncio.sleep(LOOK_SECONDS)
    commands = [entry for entry in entries if isinstance(entry.what, Did)]
    rate = session.story.sample_rate
    first = commands[0].frame if commands else 0
    shift = clock.frame_at(time.time() + LEAD_SECONDS) - first
    for entry in commands:
        if not isinstance(entry.what, Did) or isinstance(entry.what.command, FILED):
            continue
        frame = shift + (entry.frame if entry.what.at_frame is None else entry.what.at_frame)
        await _until(clock, min(frame, shift + entry.frame) - round(AHEAD_SECONDS * rate))
        try:
            session.apply(entry.what.command, frame)
        except EngineError as error:
            log.warning("%s was refused this time: %s", type(entry.what.command).__name__, error)
    await _until(clock, shift + max((entry.frame for entry in entries), default=first))


async def _until(clock: HeldClock, frame: int) -> None:
    while (seconds := clock.time_at(frame) - time.time()) > 0.0:
        await asyncio.sleep(min(seconds, 1.0))
