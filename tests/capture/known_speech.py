"""Speech of which it is known when each word begins: the embedded voice says so itself."""

import asyncio
from types import SimpleNamespace

from engine.voices.pool import VoicePool


def known_speech(line, catalog, cache, sample_rate):
    """Return words and audio of a line, (frames, channels)."""

    async def spoken():
        pool = VoicePool(catalog=catalog, cache=cache, sample_rate=sample_rate)
        try:
            return await pool.render(line, stored=True)
        finally:
            await pool.close()

    take = asyncio.run(spoken())
    return SimpleNamespace(words=take.words, audio=cache.audio(take))
