"""WavWriter: a WAV file written in one stream, described by chunks, RF64 when it grows past 4 GiB."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.export.chunks import chunk
from engine.export.kernel import encode_pcm24

Encoding = Literal["pcm16", "pcm24", "float32"]
"""How samples are stored: integers (rounded; whoever wants dither adds it before) or 32-bit floats (as they are)."""

SAMPLE_BYTES: dict[Encoding, int] = {"pcm16": 2, "pcm24": 3, "float32": 4}
MAX_RIFF_BYTES = 0xFFFFFFFF - 8
"""Past this the sizes no longer fit into 32 bits, and the file becomes an RF64."""

_DS64_BYTES = 28
_FLOAT_TAG, _PCM_TAG = 3, 1


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
        large = riff_bytes > MAX_RIFF_BYTES
        sizes = struct.pack("<QQQI", riff_bytes, self._data_bytes, self.frames, 0) if large else bytes(_DS64_BYTES)
        return (
            (b"RF64" if large else b"RIFF")
            + struct.pack("<I", 0xFFFFFFFF if large else riff_bytes)
            + b"WAVE"
            + chunk(b"ds64" if large else b"JUNK", sizes)
            + self._lead
            + self._format()
            + b"data"
            + struct.pack("<I", 0xFFFFFFFF if large else self._data_bytes)
        )

    def _format(self) -> bytes:
        is_float = self._encoding == "float32"
        bits = 8 * SAMPLE_BYTES[self._encoding]
        body = struct.pack(
            "<HHIIHH",
            _FLOAT_TAG if is_float else _PCM_TAG,
            self._channels,
            self._rate,
            self._rate * self._frame_bytes,
            self._frame_bytes,
            bits,
        )
        if not is_float:
            return chunk(b"fmt ", body)
        fact = struct.pack("<I", min(self.frames, 0xFFFFFFFF))
        return chunk(b"fmt ", body + bytes(2)) + chunk(b"fact", fact)
