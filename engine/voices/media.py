"""Audio files: how long they become, and their sound at the project's rate. Any format that libsndfile reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.voices.beside import words_beside
from engine.voices.file_reader import FileReader
from engine.voices.take import Word

BLOCK_FRAMES = 65536


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """How long a source is at the project's rate, its channels (1 or 2), and the words that a file beside it tells."""

    frames: int
    channels: int
    words: tuple[Word, ...] = ()


class Stopped(Exception):
    """The work was called off."""


def never() -> bool:
    """Call nothing off."""
    return False


def probe(path: Path, sample_rate: int, *, said: bool = False) -> Facts:
    """Return the facts of an audio file; said: its words, too. Raises MediaError for one that can't be used."""
    with FileReader(path, sample_rate) as file:
        words = words_beside(path, sample_rate, file.frames) if said else ()
        return Facts(frames=file.frames, channels=file.channels, words=words)


def load(path: Path, sample_rate: int, into: NDArray[np.float32], stopped: Callable[[], bool] = never) -> Facts:
    """Write the file's sound, interleaved, to the front of ``into`` (1-D); memory does not grow with its length.

    Raises MediaError for a file that can't be used or doesn't fit, Stopped when ``stopped`` says so.
    """
    with FileReader(path, sample_rate) as file:
        floats = file.frames * file.channels
        if floats > len(into):
            raise MediaError(f"{path} needs {floats:,} floats; {len(into):,} are reserved: did it grow meanwhile?")
        sound = into[:floats].reshape(-1, file.channels)
        for place in range(0, file.frames, BLOCK_FRAMES):
            if stopped():
                raise Stopped
            part = sound[place : place + BLOCK_FRAMES]
            file.read(place, part)
            if not np.isfinite(part).all():
                raise MediaError(f"{path} holds samples that are no numbers (NaN or infinite)")
        return Facts(frames=file.frames, channels=file.channels)
