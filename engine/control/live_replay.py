"""A transcript played again live: every command at its frame, as far from the others as it was."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from engine.clock import HeldClock
from engine.commands import Beside
from engine.control.keeper import Adopt
from engine.control.transcript import Entry
from engine.errors import EngineError
from engine.session.inputs import Adopted, Did
from engine.session.session import Session

log = logging.getLogger(__name__)

AHEAD_SECONDS = 0.1
"""How long before its frame the mixer is told of a command."""
LEAD_SECONDS = 0.5
LOOK_SECONDS = 0.02


async def play_again(session: Session, clock: HeldClock, entries: Sequence[Entry], adopt: Adopt) -> None:
    """Carry out the commands of a show and return when it has ended. What is refused now is logged.

    adopt: has the engine play another story, as the show did that was read again or went over to another one.
    """
    while session.context.library.missing():
        await asyncio.sleep(LOOK_SECONDS)
    first = next((entry.frame for entry in entries if isinstance(entry.what, Did)), 0)
    shift = clock.frame_at(time.time() + LEAD_SECONDS) - first
    ahead = round(AHEAD_SECONDS * session.story.sample_rate)
    for entry in entries:
        match entry.what:
            case Did(command=command, at_frame=at_frame) if not isinstance(command, Beside):
                frame = shift + (entry.frame if at_frame is None else at_frame)
                await _until(clock, min(frame, shift + entry.frame) - ahead)
                try:
                    session.apply(command, frame)
                except EngineError as error:
                    log.warning("%s was refused this time: %s", type(command).__name__, error)
            case Adopted() as adopted:
                await _until(clock, shift + entry.frame - ahead)  # its mix is built first
                await _take_over(adopted, adopt)
    await _until(clock, shift + max((entry.frame for entry in entries), default=first))


async def _take_over(what: Adopted, adopt: Adopt) -> None:
    """Play the story that the show went over to; where that can't be done, the one before goes on, and it is logged."""
    try:
        misfits = await adopt(what.story, lambda: what.meanwhile, what.keeps)
    except EngineError as error:
        log.warning("the story %r was not taken over this time, the one before plays on: %s", what.story.title, error)
        return
    if misfits:
        log.warning("what was turned meanwhile does not fit the story this time: %s", "; ".join(misfits))


async def _until(clock: HeldClock, frame: int) -> None:
    while (seconds := clock.time_at(frame) - time.time()) > 0.0:
        await asyncio.sleep(min(seconds, 1.0))
