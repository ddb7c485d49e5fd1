"""Dictation: a text spoken into somebody's hands instead of the mix, sentence by sentence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.story.model import Line
from engine.voices.resample import Resampler

if TYPE_CHECKING:
    from engine.voices.pool import VoicePool
    from engine.voices.take import Take

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n\s*\n")
AT_LEAST_CHARACTERS = 40
"""A shorter sentence is spoken together with the next one."""

CHUNK_FRAMES = 4800


async def dictated(pool: VoicePool, text: str, voice: str, rate_hz: int) -> AsyncIterator[bytes]:
    """Yield ``text`` as ``voice`` speaks it: 16 bits, mono, little-endian, at ``rate_hz``, as it is ready.

    A sentence is spoken while the one before it is fetched. Raises UnknownThing, VoiceError, MediaError, Busy.
    """
    pieces = sentences(text)
    resampler = Resampler(pool.sample_rate, rate_hz, 1)
    ahead = asyncio.create_task(_take(pool, pieces[0], voice))
    try:
        for number, _ in enumerate(pieces):
            take = await ahead
            if number + 1 < len(pieces):
                ahead = asyncio.create_task(_take(pool, pieces[number + 1], voice))
            audio = await asyncio.to_thread(pool.cache.audio, take)
            mono = np.ascontiguousarray(audio.mean(axis=1, keepdims=True), np.float32)
            for start in range(0, len(mono), CHUNK_FRAMES):
                if data := _bytes(resampler.feed(mono[start : start + CHUNK_FRAMES])):
                    yield data
        yield _bytes(resampler.finish())
    finally:
        ahead.cancel()


async def _take(pool: VoicePool, text: str, voice: str) -> Take:
    return await pool.render(Line(text=text, voice=voice), urgent=True, stored=True)


def sentences(text: str) -> list[str]:
    """Return ``text`` in pieces that can be spoken by themselves; at least one."""
    pieces: list[str] = []
    for part in _SENTENCE_END.split(text.strip()):
        if pieces and len(pieces[-1]) < AT_LEAST_CHARACTERS:
            pieces[-1] = f"{pieces[-1]} {part}"
        else:
            pieces.append(part)
    return pieces


def _bytes(audio: NDArray[np.float32]) -> bytes:
    data: bytes = (np.clip(audio, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()
    return data
