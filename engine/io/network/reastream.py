"""ReaStream, Cockos' way of sending sound and MIDI between plug-ins over UDP: packets, and nothing else.

The layout is the author's own text (1014.org/shiz/reastream.txt). Integers are little-endian. There is no number and no
time in a packet: they must be sent evenly, in order.
"""

from __future__ import annotations

import struct

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadRange, PacketError

PORT = 58710
MOST_CHANNELS = 64
MOST_AUDIO_BYTES = 1200
"""The largest block that receivers take."""
IDENTIFIER_BYTES = 31
"""The longest identifier, in UTF-8; a zero follows it."""

_AUDIO = struct.Struct("<4sI32sBIH")
_MIDI = struct.Struct("<4sI32s")
_EVENT = struct.Struct("<iiiiii4s4x")
"""A VstMidiEvent: type, size, frames from the block's start, flags, length, offset, three bytes of MIDI and a zero."""
_MIDI_TYPE = 1


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A packet of sound: (frames, channels) float32."""

    identifier: str
    sample_rate: int
    block: NDArray[np.float32]


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A MIDI message of three bytes, and by how many frames it is later than the packet's first."""

    data: bytes
    delta_frames: int


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """A packet of MIDI."""

    identifier: str
    notes: tuple[Note, ...]


def packet_frames(channels: int) -> int:
    """Return how many frames a packet of so many channels holds at most."""
    return MOST_AUDIO_BYTES // (4 * channels)


def check_identifier(text: str) -> bytes:
    """Return the identifier as it is sent. Raises BadRange."""
    data = text.encode()
    if not data or len(data) > IDENTIFIER_BYTES or b"\0" in data:
        raise BadRange(f"ReaStream identifier {text!r}: 1 to {IDENTIFIER_BYTES} bytes are allowed, without a zero")
    return data


def pack(identifier: bytes, sample_rate: int, block: NDArray[np.float32]) -> bytes:
    """Return a packet of sound: (frames, channels), at most ``packet_frames``."""
    frames, channels = block.shape
    size = 4 * frames * channels
    head = _AUDIO.pack(b"MRSR", _AUDIO.size + size, identifier, channels, sample_rate, size)
    return head + np.ascontiguousarray(block.T, "<f4").tobytes()


def pack_notes(identifier: bytes, notes: tuple[Note, ...]) -> bytes:
    """Return a packet of MIDI. An event says that it has 24 bytes, as VST's have, and takes 32."""
    events = b"".join(_EVENT.pack(_MIDI_TYPE, 24, note.delta_frames, 0, 0, 0, note.data) for note in notes)
    return _MIDI.pack(b"mRSR", _MIDI.size + len(events), identifier) + events


def unpack(data: bytes) -> Sound | Notes:
    """Return what a packet holds. Raises PacketError."""
    if data[:4] == b"MRSR":
        return _sound(data)
    if data[:4] == b"mRSR":
        return _notes(data)
    raise PacketError("not a packet of ReaStream")


def _sound(data: bytes) -> Sound:
    if len(data) < _AUDIO.size:
        raise PacketError(f"a ReaStream packet of {len(data)} bytes is shorter than its head")
    _, size, name, channels, rate, sound_bytes = _AUDIO.unpack_from(data)
    fits = sound_bytes == len(data) - _AUDIO.size and size == len(data)
    if not (fits and 1 <= channels <= MOST_CHANNELS and sound_bytes % (4 * channels) == 0 and rate):
        raise PacketError(f"a ReaStream packet with {channels} channels at {rate} Hz says {sound_bytes} bytes of sound")
    block = np.frombuffer(data, "<f4", offset=_AUDIO.size).reshape(channels, -1).T
    return Sound(identifier=_text(name), sample_rate=rate, block=np.nan_to_num(block, posinf=0.0, neginf=0.0))


def _notes(data: bytes) -> Notes:
    if len(data) < _MIDI.size or (len(data) - _MIDI.size) % _EVENT.size:
        raise PacketError(f"a ReaStream packet of MIDI has {len(data)} bytes")
    _, _, name = _MIDI.unpack_from(data)
    notes = []
    for event in _EVENT.iter_unpack(data[_MIDI.size :]):
        kind, _, delta, _, _, _, message = event
        if kind == _MIDI_TYPE and message[0] >= 0x80:
            notes.append(Note(data=message[:3], delta_frames=max(0, delta)))
    return Notes(identifier=_text(name), notes=tuple(notes))


def _text(name: bytes) -> str:
    return name.split(b"\0", 1)[0].decode(errors="replace")
