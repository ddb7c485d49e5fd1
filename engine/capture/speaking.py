"""Speaking after a capture: the voice is first asked to speak about as fast, so that little is left to be stretched."""

from __future__ import annotations

import math

from msgspec.structs import replace

from engine.capture.kept import Kept
from engine.capture.pairs import pairs
from engine.capture.score import FASTEST, SLOWEST
from engine.errors import BadRange
from engine.params import SPEED
from engine.story.model import Delivery, Line
from engine.voices.pool import VoicePool
from engine.voices.take import Take

NEAR = math.log(1.06)
"""Paces that differ by less are left to stretching."""


async def speak_after(pool: VoicePool, kept: Kept, voice: str) -> Take:
    """Return a take of a capture's text. Raises BadRange where nothing tells its timing, and what the pool raises."""
    if not kept.text or not kept.words:
        raise BadRange(f"what is said in {kept.name!r}, and when, is not known: {kept.note or 'give its text'}")
    line = Line(text=kept.text, voice=voice)
    take = await pool.render(line, stored=True)
    speed = _speed(kept, take)
    if speed is None or abs(math.log(speed)) < NEAR:
        return take
    again = await pool.render(replace(line, delivery=Delivery(speed=speed)), stored=True)
    return again if again.words else take


def _speed(kept: Kept, take: Take) -> float | None:
    """Return how fast the voice should speak: its words against those of the capture, without the pauses."""
    found = pairs(kept.words, take.words)
    own = sum(word.end_frame - word.start_frame for _, word in found)
    captured = sum(word.end_frame - word.start_frame for word, _ in found)
    if not own or not captured:
        return None
    return min(max(own / captured, SLOWEST, SPEED.low), FASTEST, SPEED.high)
