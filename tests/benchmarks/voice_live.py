"""`/say` with pocket_tts through the running engine: how long until it sounds, and whether there is a gap then.

The engine tells of a line's start within its poll of the reports, some 4 ms after the block that began it.
"""

from __future__ import annotations

import json
import select
import time
from pathlib import Path

import msgspec
from report import NOTES, quantile
from running import Cuevox

from bridge.client import OscClient

BLOCK, RATE = 256, 48_000
WARM_LINES = 2
"""From which the engine learns how fast the voice is, as it does from a user's first ones."""

WARM_SECONDS, LINE_SECONDS = 180.0, 60.0
STORY = f"""\
kind: story
version: 1
title: Live
sample_rate: {RATE}
tracks:
  - id: speech
"""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """sounded: from the message to its sound, median in ms. dry: how often a line ran out of sound."""

    sounded: float
    dry: int


def measure(folder: Path, settings: dict[str, str | float], text: str, runs: int) -> Live:
    """Speak ``runs`` new lines, letters of ``text`` in other orders, after two by which the engine learns the pace."""
    home = folder / f"live-{settings['precision']}"
    voices, story, cache = home / "voices", home / "story.yaml", home / "cache"
    voices.mkdir(parents=True, exist_ok=True)
    preset = {"kind": "voice", "version": 1, "name": "P", "backend": "pocket", "settings": settings}
    (voices / "p.yaml").write_text(json.dumps(preset))
    story.write_text(STORY)
    env = {"CUEVOX_VOICES_DIR": str(voices), "CUEVOX_PRELOAD": "p"}
    running = Cuevox(story, ["--device", "null", "--block", str(BLOCK)], env, cache)
    sounded, dry = [], 0
    with running as engine, OscClient(port=engine.port) as client:
        _wait_warm(engine)
        client.subscribe("/event/dry")
        for run in range(WARM_LINES + runs):
            line = text[run:] + text[:run]
            took, times = _speak(client, line)
            NOTES.print(f"  line {run + 1}: sound after {took:.0f} ms, dry {times} ×")
            if run >= WARM_LINES:
                sounded.append(took)
                dry += times
    return Live(sounded=quantile(sounded, 0.5), dry=dry)


def _speak(client: OscClient, line: str) -> tuple[float, int]:
    """Have a line spoken and wait until it is made; return after how many ms it sounded, and how often it ran dry."""
    begun = time.perf_counter()
    client.send("/say", "p", line)
    sounded, dry = 0.0, 0
    while select.select([client], [], [], LINE_SECONDS)[0]:
        now = time.perf_counter()
        for news in client.pending():
            dry += news.address == "/event/dry"
            if news.address == "/fail":
                raise RuntimeError(f"the line failed: {news.args}")
            if news.address == "/progress" and news.args[3] == "speaking":
                sounded = sounded or now
            if news.address == "/done":  # from now on it can't run dry: what is left of it is cut off
                client.send("/panic", 0.01)
                return 1000 * ((sounded or now) - begun), dry
    raise RuntimeError(f"nothing was heard of the line for {LINE_SECONDS:g} s")


def _wait_warm(engine: Cuevox) -> None:
    deadline = time.monotonic() + WARM_SECONDS
    while (state := engine.ask("/voice/p/state"))[0] != "warm":
        if state[0] == "failed" or time.monotonic() > deadline:
            raise RuntimeError(f"the voice is not warm: {state}")
        time.sleep(0.1)
