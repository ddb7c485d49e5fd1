"""A file that is played as if somebody spoke it into a device: at its pace, once, then silence. For rehearsals."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np

from engine.input.base import Hear
from engine.voices.file_reader import FileReader

PREFIX = "file:"
BLOCK_FRAMES = 480


class FileInput:
    """Fits ``Input``. channels: from 1; those that the file has not are silent. Raises MediaError."""

    def __init__(self, path: Path, sample_rate: int, channels: tuple[int, ...]) -> None:
        self.name = f"{PREFIX}{path.name}"
        self._rate, self._picked = sample_rate, [channel - 1 for channel in channels]
        self._file = FileReader(path, sample_rate)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, hear: Hear) -> None:
        """Begin with its first frame now."""
        self._thread = threading.Thread(target=self._run, args=(hear,), name="file input", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._file.close()

    def answers(self) -> bool:
        """Return whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, hear: Hear) -> None:
        began, block_seconds = time.time(), BLOCK_FRAMES / self._rate
        place = 0
        while not self._stopping.wait(max(0.0, began + place / self._rate + block_seconds - time.time())):
            wide = np.zeros((BLOCK_FRAMES, max(self._file.channels, *self._picked, 0) + 1), np.float32)
            count = min(BLOCK_FRAMES, max(0, self._file.frames - place))
            if count:
                part = np.zeros((count, self._file.channels), np.float32)
                self._file.read(place, part)
                wide[:count, : self._file.channels] = part
            hear(wide[:, self._picked], began + place / self._rate, 0)
            place += BLOCK_FRAMES
