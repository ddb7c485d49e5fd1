"""A VST3 preset file taken apart: which class it is of, and the two streams that any host gives back to it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from engine.errors import EngineError

_HEAD = struct.Struct("<4si32sq")
_ENTRY = struct.Struct("<4sqq")
_LIST = struct.Struct("<4si")


class BadPreset(EngineError):
    """Bytes that are no VST3 preset."""

    code = "bad_preset"


class VstPreset(msgspec.Struct, frozen=True, kw_only=True):
    """class_id: 32 hexadecimal digits. component, controller: what its two halves saved; the latter may be empty."""

    class_id: str
    component: bytes
    controller: bytes = b""


def read_preset(data: bytes) -> VstPreset:
    """Return what a ``.vstpreset`` holds. Raises BadPreset."""
    try:
        mark, _, class_id, at = _HEAD.unpack_from(data)
        chunks = _chunks(data, at)
        if mark != b"VST3" or b"Comp" not in chunks:
            raise BadPreset("this is no preset of a VST3 plug-in: it has no state of a component")
        text = class_id.decode("ascii").upper()
        bytes.fromhex(text)
    except (struct.error, ValueError) as error:
        raise BadPreset(f"this is no preset of a VST3 plug-in: {error}") from error
    return VstPreset(class_id=text, component=chunks[b"Comp"], controller=chunks.get(b"Cont", b""))


def _chunks(data: bytes, at: int) -> Mapping[bytes, bytes]:
    mark, count = _LIST.unpack_from(data, at)
    if mark != b"List":
        raise ValueError("its list of chunks is not where it should be")
    entries = [_ENTRY.unpack_from(data, at + _LIST.size + number * _ENTRY.size) for number in range(count)]
    return {name: data[begin : begin + size] for name, begin, size in entries}
