"""VBAN, VB-Audio's way of sending sound over UDP: packets of PCM, and nothing else.

The layout is that of the VBAN protocol specification (revision 11): 28 bytes of head, integers little-endian, then
samples, channel beside channel. The counter in the head tells what was lost.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadRange, PacketError

PORT = 6980
NAME_BYTES = 16
MOST_CHANNELS = 256
MOST_FRAMES = 256
MOST_DATA_BYTES = 1436
RATES = (
    6000, 12000, 24000, 48000, 96000, 192000, 384000, 8000, 16000, 32000, 64000, 128000, 256000, 512000,
    11025, 22050, 44100, 88200, 176400, 352800, 705600,
)  # fmt: skip
"""The head has the place in this list, in the low five bits of a byte; the other three are the kind of packet."""

_HEAD = struct.Struct("<4sBBBB16sI")
_AUDIO = 0x00
_KIND_BITS, _RATE_BITS, _FORMAT_BITS = 0xE0, 0x1F, 0x07
_CODEC_BITS = 0xF8
"""Zero for PCM, with the reserved bit."""


class Format(IntEnum):
    """How a sample is written. 12 and 10 bits exist, and nobody sends them."""

    UINT8 = 0
    INT16 = 1
    INT24 = 2
    INT32 = 3
    FLOAT32 = 4
    FLOAT64 = 5


_BYTES = {Format.UINT8: 1, Format.INT16: 2, Format.INT24: 3, Format.INT32: 4, Format.FLOAT32: 4, Format.FLOAT64: 8}


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A packet of sound: (frames, channels) float32. number: counts packets, 32 bits."""

    name: str
    sample_rate: int
    number: int
    block: NDArray[np.float32]


def packet_frames(channels: int, format: Format) -> int:
    """Return how many frames a packet holds at most."""
    return min(MOST_FRAMES, MOST_DATA_BYTES // (channels * _BYTES[format]))


def check_name(text: str) -> bytes:
    """Return the stream's name as it is sent. Raises BadRange."""
    data = text.encode("ascii", errors="replace")
    if not 1 <= len(data) <= NAME_BYTES or b"\0" in data or b"?" in data:
        raise BadRange(f"VBAN stream name {text!r}: 1 to {NAME_BYTES} characters of ASCII are allowed, without ?")
    return data


def check_rate(sample_rate: int) -> int:
    """Return the place of a rate in the list. Raises BadRange."""
    if sample_rate not in RATES:
        raise BadRange(f"VBAN has no {sample_rate} Hz; it has {', '.join(map(str, sorted(RATES)))}")
    return RATES.index(sample_rate)


def pack(name: bytes, sample_rate: int, number: int, block: NDArray[np.float32], format: Format) -> bytes:
    """Return a packet of sound: (frames, channels), at most ``packet_frames``; what is over full scale is clipped."""
    frames, channels = block.shape
    head = _HEAD.pack(
        b"VBAN", _AUDIO | check_rate(sample_rate), frames - 1, channels - 1, format, name, number & 0xFFFFFFFF
    )
    return head + _samples(block, format)


def unpack(data: bytes) -> Sound:
    """Return what a packet holds. Raises PacketError, also for what is no sound."""
    if len(data) < _HEAD.size or data[:4] != b"VBAN":
        raise PacketError("not a packet of VBAN")
    _, rate, frames, channels, format, name, number = _HEAD.unpack_from(data)
    if rate & _KIND_BITS != _AUDIO:
        raise PacketError(f"a VBAN packet of kind {rate & _KIND_BITS:#x} is no sound")
    if rate & _RATE_BITS >= len(RATES) or format & _CODEC_BITS or format not in _BYTES:
        raise PacketError(f"a VBAN packet of rate {rate & _RATE_BITS} and format {format:#x} can't be read")
    frames, channels = frames + 1, channels + 1
    if len(data) - _HEAD.size != frames * channels * _BYTES[Format(format)]:
        raise PacketError(f"a VBAN packet of {frames} frames of {channels} channels has {len(data)} bytes")
    return Sound(
        name=name.split(b"\0", 1)[0].decode("ascii", errors="replace"),
        sample_rate=RATES[rate & _RATE_BITS],
        number=number,
        block=_floats(data[_HEAD.size :], Format(format)).reshape(frames, channels),
    )


def _samples(block: NDArray[np.float32], format: Format) -> bytes:
    """Return samples as they are sent."""
    match format:
        case Format.FLOAT32:
            return np.ascontiguousarray(block, "<f4").tobytes()
        case Format.FLOAT64:
            return np.ascontiguousarray(block, "<f8").tobytes()
        case Format.UINT8:
            return (_rounded(block, 8) + 128).astype(np.uint8).tobytes()
        case Format.INT16:
            return _rounded(block, 16).astype("<i2").tobytes()
        case Format.INT24:
            return _rounded(block, 24).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
        case Format.INT32:
            return _rounded(block, 32).astype("<i4").tobytes()


def _rounded(block: NDArray[np.float32], bits: int) -> NDArray[np.float64]:
    whole = 2.0 ** (bits - 1)
    scaled: NDArray[np.float64] = np.clip(np.rint(block.astype(np.float64) * whole), -whole, whole - 1.0)
    return scaled


def _floats(data: bytes, format: Format) -> NDArray[np.float32]:
    """Return samples as floats, full scale 1; what is no number is silence."""
    match format:
        case Format.FLOAT32 | Format.FLOAT64:
            kind = "<f4" if format is Format.FLOAT32 else "<f8"
            with np.errstate(over="ignore", invalid="ignore"):  # anybody may send anything
                return np.nan_to_num(np.frombuffer(data, kind).astype(np.float32), posinf=0.0, neginf=0.0)
        case Format.UINT8:
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
        case Format.INT16:
            return np.frombuffer(data, "<i2").astype(np.float32) / 2.0**15
        case Format.INT24:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
        case Format.INT32:
            return (np.frombuffer(data, "<i4") / 2.0**31).astype(np.float32)
