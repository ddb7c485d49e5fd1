"""AudioReader: one audio file, read front to back as interleaved float32."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import MediaError
from engine.export.kernel import decode_pcm24

_WAV_FORMATS = {"WAV", "WAVEX", "RF64"}
_DECODE_SAMPLES = 65536


class AudioReader(Protocol):
    """Reads a file in order from where it was opened."""

    def read_into(self, out: NDArray[np.float32]) -> None:
        """Fill flat ``out`` with the next samples; MediaError when the file ends before."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_reader(path: Path, start_frame: int = 0) -> AudioReader:
    """Open ``path`` at ``start_frame``.

    24-bit WAV goes past libsndfile, whose conversion takes five times as long as the disk cache.
    """
    try:
        file = soundfile.SoundFile(path)
        if file.format in _WAV_FORMATS and file.subtype == "PCM_24":
            file.close()
            return _Pcm24Reader(path, start_frame * file.channels)
        file.seek(start_frame)
    except (soundfile.SoundFileError, OSError) as error:
        raise MediaError(f"audio file {path} can't be read: {error}") from error
    return _SoundFileReader(path, file)


class _SoundFileReader:
    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self._path, self._file = path, file

    def read_into(self, out: NDArray[np.float32]) -> None:
        wanted = len(out) // self._file.channels
        read = self._file.read(out=out.reshape(-1, self._file.channels))
        if len(read) < wanted:
            raise MediaError(f"audio file {self._path} ends {wanted - len(read)} frames early: it changed meanwhile")

    def close(self) -> None:
        self._file.close()


class _Pcm24Reader:
    def __init__(self, path: Path, start_sample: int) -> None:
        self._path = path
        self._file = path.open("rb")
        self._raw = np.empty(_DECODE_SAMPLES * 3, np.uint8)
        seek_to_samples(self._file)
        self._file.seek(start_sample * 3, 1)

    def read_into(self, out: NDArray[np.float32]) -> None:
        for begin in range(0, len(out), _DECODE_SAMPLES):
            part = out[begin : begin + _DECODE_SAMPLES]
            raw = self._raw[: len(part) * 3]
            if self._file.readinto(raw.data) < len(raw):
                raise MediaError(f"audio file {self._path} ends early: it changed meanwhile")
            decode_pcm24(raw, part)

    def close(self) -> None:
        self._file.close()


def seek_to_samples(file: BinaryIO) -> None:
    """Move ``file``, a WAV that libsndfile has accepted, to its first sample."""
    file.seek(12)
    while header := file.read(8):
        kind, size = struct.unpack("<4sI", header)
        if kind == b"data":
            return
        file.seek(size + (size & 1), 1)
    raise MediaError("WAV file without a data chunk")
