"""An engine of the command's own: `cuevox run` as a child process, for commands that need one for a moment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridge.cli import screen
from engine.errors import EngineError

STOP_SECONDS = 10.0


class NoEngine(EngineError):
    """The child did not start; its own words are on stderr."""

    code = "start_failed"


@contextlib.contextmanager
def running_engine(story: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """Run an engine on ``story`` for the length of the block; yield its ready facts.

    It goes when this process goes, however that happens. Main thread only.
    """
    command = [
        sys.executable,
        "-m",
        "bridge.cli.main",
        "run",
        str(story),
        "--osc-port",
        "0",
        "--no-standby",
        *arguments,
    ]
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    child = subprocess.Popen(
        [*command, "--no-standby", "--parent", str(os.getpid())], stdout=subprocess.PIPE, text=True
    )
    try:
        line = child.stdout.readline() if child.stdout else ""
        if not line:
            raise NoEngine(f"the engine did not start (exit code {child.wait()})")
        facts: dict[str, Any] = json.loads(line)["ready"]
        yield facts
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        signal.signal(signal.SIGTERM, before)


def tell_silence(facts: dict[str, Any]) -> None:
    """Tell people when what plays can't be heard, and why."""
    if facts["fallback"]:
        screen.people.print(f"no sound here ({facts['fallback']}): playing in silence, at real pace")
    elif facts["device"] == "null":
        screen.people.print("null output: playing in silence, at real pace")
