"""Patience with workers: one that says nothing for too long, or does not stop when it is told, is ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence

from engine.voices import wire
from engine.voices.jobs import Job
from engine.voices.slot import Slot

log = logging.getLogger(__name__)

HUNG_SECONDS = 60.0
"""A worker at work that says nothing for so long is ended,"""
HUNG_CHARACTERS = 300
"""and for as long again for so many characters to speak: not every voice tells of parts."""
CANCEL_SECONDS = 5.0
"""How long a worker may take to stop a job before it is ended."""
WATCH_SECONDS = 0.5


async def watch(slots: Iterable[Slot], hung_seconds: float) -> None:
    """End workers that hang, at work or over being stopped, for ever."""
    while True:
        await asyncio.sleep(min(WATCH_SECONDS, hung_seconds / 4))
        now = time.monotonic()
        for slot in slots:
            if slot.worker is None or not slot.jobs or not all(job.attempts for job in slot.jobs):
                continue
            silent = now - slot.worker.last_sign
            stubborn = slot.cancelled_at and now - slot.cancelled_at > min(CANCEL_SECONDS, hung_seconds)
            if stubborn or silent > patience(slot.jobs, hung_seconds):
                log.error("a voice worker hangs and is ended: %s", slot.jobs[0].told())
                slot.worker.kill()


def patience(jobs: Sequence[Job], hung_seconds: float) -> float:
    """Return for how long a worker at ``jobs`` may say nothing."""
    characters = sum(len(job.request.text) for job in jobs if isinstance(job.request, wire.Render))
    return hung_seconds * (1.0 + characters / HUNG_CHARACTERS)
