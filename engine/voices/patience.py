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
QUICK_PART, DUE_TIMES = 6.0, 20.0
"""A line whose voice is known by its pace is given so many times as long as it should take, but no less than this part
of a minute: what is killed wrongly is only spoken twice."""
CANCEL_SECONDS = 5.0
"""How long a worker may take to stop a job before it is ended."""
WATCH_SECONDS = 0.5


async def watch(slots: Iterable[Slot], hung_seconds: float) -> None:
    """End workers that hang, at work or over being stopped, for ever."""
    while True:
        await asyncio.sleep(min(WATCH_SECONDS, hung_seconds / 4))
        now = time.monotonic()
        for slot in slots:
            worker = slot.worker
            if worker is None or worker.death or not slot.jobs or not all(job.attempts for job in slot.jobs):
                continue
            silent = now - worker.last_sign
            stubborn = slot.cancelled_at and now - slot.cancelled_at > min(CANCEL_SECONDS, hung_seconds)
            if stubborn or silent > patience(slot.jobs, hung_seconds):
                log.error("a voice worker hangs and is ended: %s", slot.jobs[0].told())
                what = "did not stop" if stubborn else "gave no sign of life"
                worker.kill(f"it {what} for {silent:.0f} s, {slot.jobs[0].told()}")


def patience(jobs: Sequence[Job], hung_seconds: float) -> float:
    """Return for how long a worker at ``jobs`` may say nothing."""
    characters = sum(len(job.request.text) for job in jobs if isinstance(job.request, wire.Render))
    longest = hung_seconds * (1.0 + characters / HUNG_CHARACTERS)
    due = [job.due_seconds for job in jobs if job.due_seconds is not None]
    return min(longest, max(hung_seconds / QUICK_PART, DUE_TIMES * sum(due))) if len(due) == len(jobs) else longest
