"""An engine of the command's own: `cuevox run` as a child process, for commands that need one for a moment."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import EngineError

STOP_SECONDS = 10.0


class NoEngine(EngineError):
    """The child did not start; its own words are on stderr."""

    code = "start_failed"


@contextlib.contextmanager
def running_engine(story: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """Run an engine on ``story`` for the length of the block; yield its ready facts."""
    command = [sys.executable, "-m", "bridge.cli.main", "run", str(story), "--osc-port", "0", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
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
