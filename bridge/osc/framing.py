"""How packets stand in a stream of bytes: SLIP (OSC 1.1), a length before each (OSC 1.0), or lines of text."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Protocol

from bridge.errors import BadPacket
from bridge.message import Message
from bridge.osc import codec
from bridge.text import MAX_LINE_BYTES, line

_SIZE = struct.Struct(">I")
_END, _ESC = b"\xc0", b"\xdb"
_ESC_END, _ESC_ESC = b"\xdb\xdc", b"\xdb\xdd"

Frame = bytes | str
"""A packet, or a line of text."""


class Framing(Protocol):
    """Takes a stream apart and puts one together. Raises BadPacket for what can't go on."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take more of the stream and give every frame that is whole by now."""
        ...

    def wrap(self, messages: Sequence[Message]) -> bytes:
        """Return messages as they go into the stream."""
        ...


class Slip:
    """Packets between END bytes, RFC 1055 with END at both ends; none is longer than the bounds say."""

    def __init__(self, bounds: codec.Bounds = codec.ASKED) -> None:
        self._rest, self._most_bytes = b"", 2 * bounds.packet_bytes

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more of the stream."""
        *whole, self._rest = (self._rest + data).split(_END)
        if len(self._rest) > self._most_bytes:
            self._rest = b""
            raise BadPacket(f"no end within {self._most_bytes} bytes of a SLIP stream")
        for packet in whole:
            if packet:
                yield packet.replace(_ESC_END, _END).replace(_ESC_ESC, _ESC)

    def wrap(self, messages: Sequence[Message]) -> bytes:
        """Return packets between END bytes."""
        return b"".join(map(self.framed, codec.pack(messages)))

    @staticmethod
    def framed(packet: bytes) -> bytes:
        """Return one packet between END bytes."""
        return _END + packet.replace(_ESC, _ESC_ESC).replace(_END, _ESC_END) + _END


class LengthPrefix:
    """Packets behind their size in four bytes, the highest first."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more of the stream."""
        rest, position = self._rest + data, 0
        self._rest = b""
        while len(rest) - position >= _SIZE.size:
            (size,) = _SIZE.unpack_from(rest, position)
            if size > codec.ASKED.packet_bytes:
                raise BadPacket(f"a packet of {size} bytes: at most {codec.ASKED.packet_bytes} are read")
            end = position + _SIZE.size + size
            if end > len(rest):
                break
            if size:
                yield rest[position + _SIZE.size : end]
            position = end
        self._rest = rest[position:]

    def wrap(self, messages: Sequence[Message]) -> bytes:
        """Return packets behind their sizes."""
        return b"".join(_SIZE.pack(len(packet)) + packet for packet in codec.pack(messages))


class Lines:
    """Messages as lines of text."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Take more of the stream."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest = b""
            raise BadPacket(f"a line of more than {MAX_LINE_BYTES} bytes")
        for text in whole:
            if text.strip():
                yield text.decode("utf-8", "replace")

    def wrap(self, messages: Sequence[Message]) -> bytes:
        """Return messages as lines."""
        return "".join(f"{line(message)}\n" for message in messages).encode("utf-8", "replace")


def framing_of(start: bytes) -> Framing | None:
    """Tell from the first bytes of a stream how it is framed; None: more of them must come.

    SLIP 1.1 begins with END, a length with a zero byte, a senseless one with a small one. What begins otherwise is
    text, unless a NUL comes before the first line is over: then it is SLIP from somebody who leaves the first END out.
    """
    if start.startswith(_END):
        return Slip()
    if start[:1] < b"\t":
        return LengthPrefix()
    line_end, nul = start.find(b"\n"), start.find(b"\0")
    if nul >= 0 and (line_end < 0 or nul < line_end):
        return Slip()
    if line_end >= 0 or len(start) > MAX_LINE_BYTES:
        return Lines()
    return None
