"""`/say` through the running engine: how long until it sounds, and whether there is a gap then.

The engine tells of a line's start within its poll of the reports, some 4 ms after the block that began it. When there
was enough of the line to begin with is seen in the arena, from outside.
"""

from __future__ import annotations

import json
import select
import time
from pathlib import Path

import msgspec
from report import NOTES, quantile
from running import Cuevox
from voice_arena import Arena, Look

from bridge.client import OscClient

BLOCK, RATE = 256, 48_000

WARM_LINES = 2
"""From which the engine learns how fast the voice is, as it does from a user's first ones."""

WARM_SECONDS, LINE_SECONDS = 180.0, 60.0
ARENA_MB = 32
STORY = f"""\
kind: story
version: 1
title: Live
sample_rate: {RATE}
tracks:
  - id: speech
"""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """sounded: from the message until it is told that it sounds, median in ms. dry: how often a line ran out of sound.

    enough: from the message until there was enough to begin with, median in ms; asked: how much sound that was, in ms.
    late: from then on until it is told that it sounds, median and longest in ms.
    """

    sounded: float
    dry: int
    enough: float = 0.0
    asked: float = 0.0
    late: float = 0.0
    latest: float = 0.0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One line: the same in ms, of itself."""

    sounded: float
    dry: int
    enough: float
    asked: float


def measure(folder: Path, settings: dict[str, str | float], text: str, runs: int) -> Live:
    """Speak ``runs`` new lines, letters of ``text`` in other orders, after two by which the engine learns the pace."""
    home = folder / f"live-{settings['precision']}"
    voices = home / "voices"
    voices.mkdir(parents=True, exist_ok=True)
    preset = {"kind": "voice", "version": 1, "name": "P", "backend": "pocket", "settings": settings}
    (voices / "p.yaml").write_text(json.dumps(preset))
    with _engine(home, {"CUEVOX_VOICES_DIR": str(voices), "CUEVOX_PRELOAD": "p"}) as engine:
        wait_warm(engine, "p")
        lines = [text[run:] + text[:run] for run in range(WARM_LINES + runs)]
        said = _speak_all(engine, "p", lines, Arena(engine.pid))[WARM_LINES:]
    late = [line.sounded - line.enough for line in said]
    return Live(
        sounded=quantile([line.sounded for line in said], 0.5),
        dry=sum(line.dry for line in said),
        enough=quantile([line.enough for line in said], 0.5),
        asked=quantile([line.asked for line in said], 0.5),
        late=quantile(late, 0.5),
        latest=max(late),
    )


def measure_embedded(folder: Path, runs: int) -> Live:
    """Have the embedded voice speak new lines."""
    with _engine(folder / "live-embedded", {}) as engine:
        lines = [f"Line number {run}, of the embedded voice." for run in range(WARM_LINES + runs)]
        said = _speak_all(engine, "narrator", lines)[WARM_LINES:]
    return Live(sounded=quantile([line.sounded for line in said], 0.5), dry=sum(line.dry for line in said))


def _engine(home: Path, env: dict[str, str]) -> Cuevox:
    home.mkdir(parents=True, exist_ok=True)
    story = home / "story.yaml"
    story.write_text(STORY)
    env = {**env, "CUEVOX_CLIP_MEMORY_MB": str(ARENA_MB)}
    return Cuevox(story, ["--device", "null", "--block", str(BLOCK)], env, home / "cache")


def _speak_all(engine: Cuevox, voice: str, lines: list[str], arena: Arena | None = None) -> list[Said]:
    said = []
    with OscClient(port=engine.port) as client:
        client.subscribe("/event/dry")
        for line in lines:
            said.append(_speak(client, voice, line, arena))
            told = said[-1]
            NOTES.print(f"  line {len(said)}: sound after {told.sounded:.0f} ms, dry {told.dry} ×")
    return said


def _speak(client: OscClient, voice: str, line: str, arena: Arena | None) -> Said:
    """Have a line spoken and wait until it is made. Its sound is cut off then: from now on it can't run dry."""
    look = Look(arena) if arena is not None else None
    begun = time.perf_counter()
    client.send("/say", voice, line)
    if look is not None:
        look.start()
    sounded, dry = 0.0, 0
    while select.select([client], [], [], LINE_SECONDS)[0]:
        now = time.perf_counter()
        for news in client.pending():
            dry += news.address == "/event/dry"
            if news.address == "/fail":
                raise RuntimeError(f"the line failed: {news.args}")
            if news.address == "/progress" and news.args[3] == "speaking":
                sounded = sounded or now
            if news.address == "/done":
                client.send("/panic", 0.01)
                enough = asked = 0.0
                if look is not None:
                    look.join()
                    enough, asked = 1000 * (look.enough_at - begun), 1000 * look.asked_frames / RATE
                return Said(sounded=1000 * ((sounded or now) - begun), dry=dry, enough=enough, asked=asked)
    raise RuntimeError(f"nothing was heard of the line for {LINE_SECONDS:g} s")


def wait_warm(engine: Cuevox, voice: str) -> None:
    """Wait until a voice is warm. Raises RuntimeError where it fails or takes too long."""
    deadline = time.monotonic() + WARM_SECONDS
    while (state := engine.ask(f"/voice/{voice}/state"))[0] != "warm":
        if state[0] == "failed" or time.monotonic() > deadline:
            raise RuntimeError(f"the voice is not warm: {state}")
        time.sleep(0.1)
