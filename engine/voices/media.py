"""Audio files: how long they become, and their sound at the project's rate. Any format that libsndfile reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.voices.resample import Resampler, resampled_frames

BLOCK_FRAMES = 65536
MOST_CHANNELS = 2


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """How long a source is at the project's rate, and its channels (1 or 2)."""

    frames: int
    channels: int


class Stopped(Exception):
    """The work was called off."""


def never() -> bool:
    """Call nothing off."""
    return False


def probe(path: Path, sample_rate: int) -> Facts:
    """Return the facts of an audio file. Raises MediaError for one that can't be used."""
    with _opened(path) as file:
        return _facts(file, sample_rate)


def load(path: Path, sample_rate: int, into: NDArray[np.float32], stopped: Callable[[], bool] = never) -> Facts:
    """Write the file's sound, interleaved, to the front of ``into`` (1-D); memory does not grow with its length.

    Raises MediaError for a file that can't be used or doesn't fit, Stopped when ``stopped`` says so.
    """
    with _opened(path) as file:
        facts = _facts(file, sample_rate)
        floats = facts.frames * facts.channels
        if floats > len(into):
            raise MediaError(f"{path} needs {floats:,} floats; {len(into):,} are reserved: did it grow meanwhile?")
        place = 0
        for audio in _stream(file, sample_rate):
            if stopped():
                raise Stopped
            if not np.isfinite(audio).all():
                raise MediaError(f"{path} holds samples that are no numbers (NaN or infinite)")
            part = audio.reshape(-1)[: floats - place]
            into[place : place + len(part)] = part
            place += len(part)
        into[place:floats] = 0.0  # some formats only guess their length
        return facts


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    try:
        with path.open("rb"):  # says plainly why a file can't be opened
            pass
        with soundfile.SoundFile(path) as file:
            yield file
    except OSError as error:
        raise MediaError(f"audio file {path} can't be opened: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        raise MediaError(f"audio file {path} can't be read: {error.error_string}") from error


def _facts(file: soundfile.SoundFile, sample_rate: int) -> Facts:
    if file.channels > MOST_CHANNELS:
        raise MediaError(f"audio file {file.name} has {file.channels} channels; clips are mono or stereo")
    frames = resampled_frames(file.frames, file.samplerate, sample_rate)
    if frames == 0:
        raise MediaError(f"audio file {file.name} is empty")
    return Facts(frames=frames, channels=file.channels)


def _stream(file: soundfile.SoundFile, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    resampler = Resampler(file.samplerate, sample_rate, file.channels)
    while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
        yield resampler.feed(block)
    yield resampler.finish()
