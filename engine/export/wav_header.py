"""What stands before the samples of a WAV file, RF64 where 32 bits do not hold its size. Loads no compiled kernels."""

from __future__ import annotations

import struct
from typing import Literal

Encoding = Literal["pcm16", "pcm24", "float32"]
"""How samples are stored: integers (rounded; whoever wants dither adds it before) or 32-bit floats (as they are)."""

SAMPLE_BYTES: dict[Encoding, int] = {"pcm16": 2, "pcm24": 3, "float32": 4}
MAX_RIFF_BYTES = 0xFFFFFFFF - 8
"""Past this the sizes no longer fit into 32 bits, and the file becomes an RF64."""

_DS64_BYTES = 28
_FLOAT_TAG, _PCM_TAG = 3, 1


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return ``body`` as a RIFF chunk, padded to an even length."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def wav_header(
    encoding: Encoding, channels: int, sample_rate: int, *, frames: int, riff_bytes: int, lead: bytes = b""
) -> bytes:
    """Return everything before the samples; its length never changes. lead: the chunks before the format's.

    riff_bytes: of the file without its first 8; 0: not known yet.
    """
    large = riff_bytes > MAX_RIFF_BYTES
    data_bytes = frames * channels * SAMPLE_BYTES[encoding]
    sizes = struct.pack("<QQQI", riff_bytes, data_bytes, frames, 0) if large else bytes(_DS64_BYTES)
    return (
        (b"RF64" if large else b"RIFF")
        + struct.pack("<I", 0xFFFFFFFF if large else riff_bytes)
        + b"WAVE"
        + chunk(b"ds64" if large else b"JUNK", sizes)
        + lead
        + _format(encoding, channels, sample_rate, frames)
        + b"data"
        + struct.pack("<I", 0xFFFFFFFF if large else data_bytes)
    )


def _format(encoding: Encoding, channels: int, sample_rate: int, frames: int) -> bytes:
    is_float, sample_bytes = encoding == "float32", SAMPLE_BYTES[encoding]
    frame_bytes = channels * sample_bytes
    tag = _FLOAT_TAG if is_float else _PCM_TAG
    body = struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 8 * sample_bytes)
    if not is_float:
        return chunk(b"fmt ", body)
    return chunk(b"fmt ", body + bytes(2)) + chunk(b"fact", struct.pack("<I", min(frames, 0xFFFFFFFF)))
