"""A MIDI stream: bytes as they come off a wire, turned into whole messages."""

from __future__ import annotations

MAX_SYSEX_BYTES = 1 << 16
"""A longer SysEx is dropped and counted: no surface sends one, and memory is bounded."""

SYSEX, END = 0xF0, 0xF7
FIRST_REALTIME = 0xF8
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2, 0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}


def data_bytes(status: int) -> int | None:
    """Return how many data bytes follow a status byte; None: it has no fixed length, or no meaning."""
    return _DATA_BYTES.get(status if status >= SYSEX else status & 0xF0)


class MidiStream:
    """Makes messages of bytes, however they were cut: running status is filled in.

    Real-time bytes come out at once, wherever they stand, and touch nothing around them. What is no MIDI is counted in
    ``lost_bytes`` and passed over; System Common messages end running status.
    """

    def __init__(self) -> None:
        self.lost_bytes = 0
        self._running = 0
        self._message = bytearray()
        self._wanted = 0
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages that they complete, in order."""
        found: list[bytes] = []
        for byte in data:
            if byte >= FIRST_REALTIME:
                found.append(bytes((byte,)))
            elif byte >= 0x80:
                self._status(byte, found)
            else:
                self._data(byte, found)
        return found

    def _status(self, status: int, found: list[bytes]) -> None:
        if status == END:
            self._end_sysex(found)
            return
        self._drop()
        self._running = status if status < SYSEX else 0
        wanted = data_bytes(status)
        if status == SYSEX:
            self._message.append(status)
        elif wanted == 0:
            found.append(bytes((status,)))
        elif wanted is None:
            self.lost_bytes += 1
        else:
            self._message.append(status)
            self._wanted = wanted

    def _data(self, byte: int, found: list[bytes]) -> None:
        if not self._message:
            if not self._running or self._overlong:
                self.lost_bytes += 1
                return
            self._message.append(self._running)
            self._wanted = data_bytes(self._running) or 0
        self._message.append(byte)
        if self._message[0] == SYSEX:
            if len(self._message) >= MAX_SYSEX_BYTES:
                self._drop()
                self._overlong = True
        elif len(self._message) > self._wanted:
            found.append(bytes(self._message))
            self._message.clear()

    def _end_sysex(self, found: list[bytes]) -> None:
        if self._message and self._message[0] == SYSEX:
            found.append(bytes(self._message) + b"\xf7")
            self._message.clear()
        else:
            self._drop()
            self.lost_bytes += 1
        self._overlong = False

    def _drop(self) -> None:
        """Give up a message that never ended."""
        self.lost_bytes += len(self._message)
        self._message.clear()
        self._overlong = False
