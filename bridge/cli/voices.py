"""`cuevox voices`: who can speak."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli import options, screen

if TYPE_CHECKING:
    from engine.voices.catalog import Catalog


def voices(json: options.Json = False) -> None:
    """List the voices: the built-in ones and your own."""
    from engine.voices.catalog import load_catalog

    settings = options.effective()
    catalog = load_catalog(settings.voice_folders)
    rows = [
        {"id": id_, "name": p.name, "backend": p.backend, "effects": [e.effect for e in p.effects]}
        for id_, p in catalog.presets.items()
    ]
    if json:
        screen.print_json(rows)
        return
    table = [(str(r["id"]), str(r["name"]), str(r["backend"]), ", ".join(r["effects"])) for r in rows]
    screen.print_table(("id", "name", "backend", "effects"), table)


def speak_into_memory(catalog: Catalog, voice: str, text: str) -> tuple[float, float]:
    """Speak a line in a worker; return how long it sounds and how long it took, in seconds."""
    from engine.render.cache import TakeCache
    from engine.story.model import Line
    from engine.voices.pool import VoicePool

    async def speak(folder: Path) -> tuple[float, float]:
        pool = VoicePool(catalog=catalog, cache=TakeCache(folder), sample_rate=48000)
        try:
            await pool.start()
            begun = time.perf_counter()
            take = await pool.render(Line(text=text, voice=voice), urgent=True)
            return take.frames / take.sample_rate, time.perf_counter() - begun
        finally:
            await pool.close()

    with tempfile.TemporaryDirectory(prefix="cuevox-") as folder:
        return asyncio.run(speak(Path(folder)))
