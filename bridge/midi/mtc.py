"""MIDI timecode: quarter frames and full frames, in bytes."""

from __future__ import annotations

from bridge.midi.timecode import Timecode

QUARTER = 0xF1
PIECES = 8
_FULL = bytes((0x01, 0x01))


def quarter_frame(timecode: Timecode, piece: int) -> bytes:
    """Return one of the eight pieces in which a frame's label travels over two frames."""
    fields = (timecode.frames, timecode.seconds, timecode.minutes, timecode.hours)
    value = fields[piece // 2]
    nibble = value >> 4 if piece % 2 else value & 0x0F
    if piece == PIECES - 1:
        nibble |= timecode.rate << 1
    return bytes((QUARTER, piece << 4 | nibble))


def full_frame(timecode: Timecode, device: int = 0x7F) -> bytes:
    """Return the message that says where the tape stands. device: 127 is everybody."""
    hours = timecode.rate << 5 | timecode.hours
    where = bytes((hours, timecode.minutes, timecode.seconds, timecode.frames))
    return bytes((0xF0, 0x7F, device)) + _FULL + where + b"\xf7"


def parse_full_frame(message: bytes) -> Timecode | None:
    """Return where a full frame message says that the tape stands; None: it is none, or says no valid label."""
    if len(message) != 10 or message[:2] != b"\xf0\x7f" or message[3:5] != _FULL:
        return None
    hours, minutes, seconds, frames = message[5:9]
    timecode = Timecode(hours & 0x1F, minutes, seconds, frames, hours >> 5 & 3)
    return timecode if timecode.valid else None


class Sequence:
    """Puts eight quarter frames together, running forwards (pieces 0 to 7) or backwards (7 to 0).

    A piece that is out of order begins anew: what came before it is given up.
    """

    def __init__(self) -> None:
        self._nibbles = [0] * PIECES
        self._last: int | None = None
        self._count = 0
        self.direction = 0
        """1: forwards, -1: backwards, 0: not known yet."""

    def take(self, data: int) -> Timecode | None:
        """Take the data byte of a quarter frame; return the label that it completes, if it does.

        The label is that of the frame at which piece 0 stands on the tape; this piece stands 7/4 frames behind it when
        running forwards, exactly there when running backwards.
        """
        piece, nibble = data >> 4 & 7, data & 0x0F
        step = 0 if self._last is None else (piece - self._last) % PIECES
        direction = {1: 1, PIECES - 1: -1}.get(step, 0)
        if direction and direction == self.direction:
            self._count += 1
        else:
            self._count = 2 if direction else 1
        self.direction, self._last = direction, piece
        self._nibbles[piece] = nibble
        if self._count < PIECES or piece != (PIECES - 1 if direction > 0 else 0):
            return None
        return self._label()

    def _label(self) -> Timecode | None:
        n = self._nibbles
        timecode = Timecode(
            n[6] | (n[7] & 1) << 4, n[4] | (n[5] & 3) << 4, n[2] | (n[3] & 3) << 4, n[0] | (n[1] & 1) << 4,
            n[7] >> 1 & 3,
        )  # fmt: skip
        return timecode if timecode.valid else None
