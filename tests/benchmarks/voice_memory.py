"""What models take in memory, and how quickly they are found on disk: parts of bench_voices, through the real pool."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import soundfile
from report import quantile
from voice_parts import TEXT, settings_for

from engine.render.cache import TakeCache
from engine.story.model import Line
from engine.voices.catalog import Catalog
from engine.voices.models import place
from engine.voices.pool import VoicePool
from engine.voices.preset import Preset

BUDGET_BYTES = 8_000_000_000
HEARD_SECONDS, HEARD_RATE = 29, 16_000
HEARD_TOKENS = 150
"""A window of Whisper's, and what quick speech has in it. Random weights doubt all that they hear and hardly get on, so
that they would hear it six times at each of ten places: these are made to hear as many tokens as people say, once."""
REPOSITORIES, FILES, LOOKS = 40, 25, 20


def unloading(folder: Path, device: str, precision: str) -> dict[str, float]:
    """Have the pool load a model, speak, and unload it; the memory at each: the device's, or of all processes."""

    async def work(pool: VoicePool) -> dict[str, float]:
        figures = {"before": used_megabytes(device)}
        begun = time.perf_counter()
        await pool.load("p")
        figures |= {"seconds": time.perf_counter() - begun, "loaded": used_megabytes(device)}
        for number in range(2 if device != "cpu" else 1):
            begun = time.perf_counter()
            await asyncio.gather(*(pool.render(Line(text=TEXT, voice="p"), seed=9 * number + n) for n in range(8)))
            figures["work"] = time.perf_counter() - begun
        figures |= {"spoken": used_megabytes(device), "told": told_megabytes(pool)}
        await pool.unload("p")
        figures["after"] = used_megabytes(device)
        return figures

    return asyncio.run(_with_pool(folder, device, precision, work))


def together(folder: Path, device: str, precision: str) -> dict[str, float]:
    """Have one pool speak and listen at once, within a budget of 8 GB."""
    from tests.neural.tiny_whisper import SMALL, SMALL_WORDS, TINY, save_whisper

    whisper = folder / "whisper"
    if not whisper.exists():
        if "tiny" in folder.name:
            save_whisper(whisper, TINY)
        else:
            save_whisper(whisper, SMALL, words=SMALL_WORDS, steady_tokens=HEARD_TOKENS)
    said = folder / "said.wav"
    noise = 0.1 * np.random.default_rng(1).standard_normal(HEARD_SECONDS * HEARD_RATE)
    soundfile.write(said, noise.astype("f4"), HEARD_RATE)
    ears = {"model": str(whisper), "precision": precision, "device": device}

    async def work(pool: VoicePool) -> dict[str, float]:
        figures = {"before": used_megabytes(device)}
        await pool.load("p")
        figures["voice"] = used_megabytes(device) - figures["before"]
        most = 0.0
        done = asyncio.gather(
            pool.transcribe(said, language="en", settings=ears),
            pool.render(Line(text=TEXT, voice="p")),
        )
        while not done.done():
            await asyncio.wait([done], timeout=0.2)
            most = max(most, used_megabytes(device) - figures["before"])
        heard = (await done)[0]
        return {**figures, "most": most, "words": float(len(heard.words)), "workers": float(len(pool.pids))}

    return asyncio.run(_with_pool(folder, device, precision, work))


def found(folder: Path, _device: str) -> dict[str, float]:
    """Look for models among many, in ms: for the first time, and again."""
    root = folder / "models"
    repos = [f"anna/voice-{number}" for number in range(REPOSITORIES)]
    for repo in repos:
        _pretend(root, repo)
    firsts, agains = [], []
    for _ in range(LOOKS):
        place.forget()
        for times in (firsts, agains):
            for repo in repos:
                begun = time.perf_counter()
                place.model_folder(repo, "", root)
                times.append(1000 * (time.perf_counter() - begun))
    return {"first": quantile(firsts, 0.5), "again": quantile(agains, 0.5)}


def used_megabytes(device: str) -> float:
    """Return what is taken: on the CPU by this process and all below it, else on the first graphics device by all."""
    if device == "cpu":
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        return sum(process.memory_info().rss for process in family) / 1e6
    command = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) * 1.048576


def told_megabytes(pool: VoicePool) -> float:
    """Return what the pool says that the model takes."""
    return sum(pool.state("p").bytes.values()) / 1e6


async def _with_pool(folder: Path, device: str, precision: str, work: Any) -> dict[str, float]:
    preset = Preset(id="p", name="P", backend="pocket", settings=settings_for(folder, precision, device))
    pool = VoicePool(
        catalog=Catalog(presets={"p": preset}),
        cache=TakeCache(folder / f"takes-{time.time_ns()}"),
        sample_rate=48_000,
        model_bytes=BUDGET_BYTES,
    )
    try:
        figures: dict[str, float] = await work(pool)
        return figures
    finally:
        await pool.close()


def _pretend(root: Path, repo: str) -> None:
    """Write a model of many small files, as a pull leaves it."""
    home, commit = place.repo_folder(root, repo), "0" * 40
    (home / commit).mkdir(parents=True, exist_ok=True)
    files = tuple(place.File(path=f"part-{number}.json", size=1) for number in range(FILES))
    for file in files:
        (home / commit / file.path).write_text("1")
    pulled = place.Pulled(repo=repo, commit=commit, licence="", files=files)
    (home / commit / place.MANIFEST).write_bytes(msgspec.json.encode(pulled))
    (home / place.PINNED).write_bytes(msgspec.json.encode({"main": commit}))
