"""The claim: which process plays a story, or changes its file; ``.STORY.yaml.lock`` beside it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import IO

from engine.platform import lock_file

AGAIN_SECONDS = 0.02


class Claim:
    """Held until it is given back or its process ends, however it ends. ``held``: False: another one has it.

    patience_seconds: how long it waits for that one. Where the folder can't be written there is no file, and no edit
    to be lost.
    """

    def __init__(self, story_path: Path, patience_seconds: float = 0.0) -> None:
        path = story_path.resolve()
        self.path = path.with_name(f".{path.name}.lock")
        self._file: IO[bytes] | None = None
        until = time.monotonic() + patience_seconds
        while not (held := self._take()) and time.monotonic() < until:
            time.sleep(AGAIN_SECONDS)
        self.held = held

    def give_back(self) -> None:
        """Let others have it."""
        file, self._file, self.held = self._file, None, False
        if file is not None:
            with contextlib.suppress(OSError):  # while it is ours: later it may be somebody else's
                self.path.unlink()
            file.close()

    def _take(self) -> bool:
        try:
            file = self.path.open("ab")
        except OSError:
            return True
        with contextlib.suppress(FileNotFoundError):  # who had it has just removed it
            if lock_file(file) and os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                self._file = file
                return True
        file.close()
        return False
