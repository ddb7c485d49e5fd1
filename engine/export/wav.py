"""WavWriter: a WAV file written in one stream, described by chunks, RF64 when it grows past 4 GiB."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.export.kernel import encode_pcm24
from engine.export.wav_header import SAMPLE_BYTES, Encoding, wav_header

__all__ = ["SAMPLE_BYTES", "Encoding", "WavWriter"]


class WavWriter:
    """Writes blocks of float32, shape (frames, channels), to one new file.

    lead: the chunks before the samples, which ``finish`` may replace by others of the same length. The sizes in the
    header are right only after ``finish``. Not for several threads at once. Raises OSError where the disk does.
    """

    def __init__(
        self, path: Path, *, sample_rate: int, encoding: Encoding, channels: int = 2, lead: bytes = b""
    ) -> None:
        self.path = path
        self.frames = 0
        self._rate = sample_rate
        self._channels = channels
        self._encoding: Encoding = encoding
        self._lead = lead
        self._frame_bytes = channels * SAMPLE_BYTES[encoding]
        self._raw = np.empty(0, np.uint8)
        self._file = path.open("xb")
        self._file.write(self._header())

    @property
    def lead_bytes(self) -> int:
        """How much the chunks before the samples take."""
        return len(self._lead)

    def write(self, block: NDArray[np.float32]) -> None:
        """Append ``block``; contiguous."""
        if not len(block):
            return
        if self._encoding == "float32":
            self._file.write(block.data.cast("B"))
        elif self._encoding == "pcm16":
            whole = np.clip(np.rint(block.astype(np.float64) * 32768.0), -32768.0, 32767.0).astype("<i2")
            self._file.write(whole.data.cast("B"))
        else:
            needed = block.size * 3
            if len(self._raw) < needed:
                self._raw = np.empty(needed, np.uint8)
            encode_pcm24(block.reshape(-1), self._raw[:needed])
            self._file.write(self._raw[:needed].data)
        self.frames += len(block)

    def skip(self, frames: int) -> None:
        """Append silence without writing it: the file system keeps a hole where it can."""
        self._file.seek(frames * self._frame_bytes, os.SEEK_CUR)
        self.frames += frames

    def finish(self, frames: int, *, lead: bytes | None = None, trail: bytes = b"", sync: bool = True) -> None:
        """Cut the file to ``frames``, write the chunks around the samples, and see it safely on the disk.

        sync: wait for the disk; not for the thousands of small files that a session may have.
        """
        if lead is not None and len(lead) != len(self._lead):
            raise ValueError(f"the lead chunks take {len(self._lead)} bytes, not {len(lead)}")
        self._lead = self._lead if lead is None else lead
        self.frames = min(frames, self.frames)
        self._file.seek(len(self._header()) + self._data_bytes)
        self._file.truncate()
        self._file.write(b"\0" * (self._data_bytes & 1) + trail)
        end = self._file.tell()
        self._file.seek(0)
        self._file.write(self._header(end - 8))
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())
        self.close()

    def close(self) -> None:
        """Let go of the file as it is."""
        self._file.close()

    @property
    def _data_bytes(self) -> int:
        return self.frames * self._frame_bytes

    def _header(self, riff_bytes: int = 0) -> bytes:
        """Return everything before the samples; its length never changes."""
        return wav_header(
            self._encoding, self._channels, self._rate, frames=self.frames, riff_bytes=riff_bytes, lead=self._lead
        )
