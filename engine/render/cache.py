"""The take cache: ``<digest>.wav`` (float32) and ``<digest>.json`` per take, in one folder, shared by processes.

The audio is in place before the words are, so a pair is complete when both are there; what is not is made again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.render.locks import Locks
from engine.voices.take import Take

_FORGOTTEN_SECONDS = 3600.0
"""Temporary files older than this have lost their process."""

_IEEE_FLOAT = 3


class TakeCache:
    """Takes on disk. ``put`` is called by workers, all else by whoever has a digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def audio_path(self, digest: str) -> Path:
        """Return where the audio of ``digest`` lies, or would."""
        return self.folder / f"{digest}.wav"

    def get(self, digest: str) -> Take | None:
        """Return the take, marking it as just used; None when there is none or half of one."""
        words = self._words_path(digest)
        try:
            take = msgspec.json.decode(words.read_bytes(), type=Take)
            audio = soundfile.info(self.audio_path(digest))
            os.utime(words)
        except (OSError, msgspec.MsgspecError, soundfile.LibsndfileError):
            return None
        facts = (audio.frames, audio.channels, audio.samplerate)
        return take if take.digest == digest and facts == (take.frames, take.channels, take.sample_rate) else None

    def audio(self, take: Take) -> NDArray[np.float32]:
        """Return the audio of ``take``, (frames, channels). Raises MediaError when it is gone."""
        path = self.audio_path(take.digest)
        try:
            audio: NDArray[np.float32] = soundfile.read(path, dtype="float32", always_2d=True)[0]
        except soundfile.LibsndfileError as error:
            raise MediaError(f"the take {path} can't be read: {error}") from error
        return audio

    def put(self, take: Take, audio: NDArray[np.float32]) -> None:
        """Keep ``take``; audio: (frames, channels). Raises MediaError when the disk refuses, leaving nothing behind."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            header = _wav_header(take)
            self._write(self.audio_path(take.digest), (header, np.ascontiguousarray(audio, "<f4").data.cast("B")))
            self._write(self._words_path(take.digest), (msgspec.json.encode(take),))
        except OSError as error:
            raise MediaError(f"a take can't be kept in {self.folder}: {error.strerror}") from error

    def prune(self, max_bytes: int) -> int:
        """Remove the takes used longest ago until the folder holds at most ``max_bytes``; return the bytes removed.

        Those that lines keep stay, see ``Locks``.
        """
        pairs = self._pairs()
        locked = set(Locks(self.folder).digests.values())
        excess = sum(size for _, size, _ in pairs) - max_bytes
        removed = 0
        for _, size, name in sorted(pairs):
            if removed >= excess:
                break
            if name in locked:
                continue
            for path in (self._words_path(name), self.audio_path(name)):  # words first: no half pair looks whole
                path.unlink(missing_ok=True)
            removed += size
        return removed

    def _pairs(self) -> list[tuple[float, int, str]]:
        """Return last use, size and digest of every take; removes temporary files that nobody writes any more."""
        takes: dict[str, tuple[float, int]] = {}
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.folder):
                with contextlib.suppress(FileNotFoundError):  # another process prunes too
                    found = entry.stat()
                    if entry.name.endswith(".tmp"):
                        _remove_forgotten(Path(entry.path), found.st_mtime)
                    elif entry.name.endswith((".wav", ".json")):
                        used, size = takes.get(Path(entry.name).stem, (0.0, 0))
                        takes[Path(entry.name).stem] = max(used, found.st_mtime), size + found.st_size
        return [(used, size, name) for name, (used, size) in takes.items()]

    def _words_path(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _write(self, path: Path, parts: Iterable[bytes | memoryview]) -> None:
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            with temporary.open("xb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _remove_forgotten(path: Path, written: float) -> None:
    if time.time() - written > _FORGOTTEN_SECONDS:
        path.unlink(missing_ok=True)


def _wav_header(take: Take) -> bytes:
    """Return a float32 WAV header. By hand: libsndfile adds the time of day, and hides why a write failed."""
    data_bytes = take.frames * take.channels * 4
    frame_bytes = take.channels * 4
    rate = take.sample_rate
    layout = struct.pack("<HHIIHHH", _IEEE_FLOAT, take.channels, rate, rate * frame_bytes, frame_bytes, 32, 0)
    chunks = (
        b"fmt " + struct.pack("<I", len(layout)) + layout,
        b"fact" + struct.pack("<II", 4, take.frames),
        b"data" + struct.pack("<I", data_bytes),
    )
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + data_bytes) + body
