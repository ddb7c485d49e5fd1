"""Mackie Control in bytes: faders, V-pots, scribble strips, meters, timecode, and the buttons' numbers."""

from __future__ import annotations

from typing import Literal

from bridge.midi.voiced import Voiced, encode

STRIPS = 8
MASTER = 8
"""The ninth fader."""
HEAD = b"\xf0\x00\x00\x66\x14"
LCD_CHARACTERS = 7
FIRST_TOUCH, FIRST_VPOT, FIRST_RING, JOG = 104, 16, 48, 60
SOLO, MUTE, SELECT, VPOT_PRESS = 8, 16, 24, 32
BANK_LEFT, BANK_RIGHT, CHANNEL_LEFT, CHANNEL_RIGHT = 46, 47, 48, 49
FIRST_FUNCTION = 54
Button = Literal["rewind", "forward", "stop", "play", "record", "marker", "cycle", "click"]
BUTTONS: dict[Button, int] = {
    "marker": 84, "cycle": 86, "click": 89, "rewind": 91, "forward": 92, "stop": 93, "play": 94, "record": 95,
}  # fmt: skip
_METER_STEPS = ((0.0, 12), (-2.0, 11), (-4.0, 10), (-6.0, 9), (-8.0, 8), (-10.0, 7), (-14.0, 6), (-20.0, 5))
_LOW_METER_STEPS = ((-30.0, 4), (-40.0, 3), (-50.0, 2), (-60.0, 1))


def fader(strip: int, position: float) -> bytes:
    """Return what moves a motor fader (0 to 7, 8 is the master) to a position 0 to 1."""
    return encode(Voiced("bend", strip + 1, 0, round(min(1.0, max(0.0, position)) * 16383)))


def light(button: int, on: bool) -> bytes:
    """Return what lights a button, or darkens it."""
    return bytes((0x90, button, 127 if on else 0))


def ring(strip: int, position: float) -> bytes:
    """Return what shows a position 0 to 1 on a V-pot's ring, as a dot; the centre is lit below it."""
    dot = 1 + round(min(1.0, max(0.0, position)) * 10)
    centre = 0x40 if dot == 6 else 0
    return bytes((0xB0, FIRST_RING + strip, centre | dot))


def scribble(strip: int, row: int, text: str) -> bytes:
    """Return what writes up to seven characters above a strip; row: 0 upper, 1 lower."""
    shown = text.encode("ascii", "replace")[:LCD_CHARACTERS].ljust(LCD_CHARACTERS)
    return HEAD + bytes((0x12, row * 56 + strip * LCD_CHARACTERS)) + shown + b"\xf7"


def meter(strip: int, peak_db: float) -> bytes:
    """Return what lights a meter; the device lets it fall by itself, so it is sent again while there is sound."""
    steps = (*_METER_STEPS, *_LOW_METER_STEPS)
    level = next((step for bound, step in steps if peak_db >= bound), 0)
    return bytes((0xD0, strip << 4 | level))


def timecode(seconds: float) -> tuple[bytes, ...]:
    """Return what shows a time as hours, minutes, seconds and hundredths on the ten digits, one message each."""
    hundredths = int(max(0.0, seconds) * 100.0)
    whole = hundredths // 100
    text = f"{whole // 3600 % 1000:3}{whole // 60 % 60:02}{whole % 60:02} {hundredths % 100:02}"
    dots = {2, 4, 6}
    digits = enumerate(reversed(text))
    return tuple(_digit(place, c, dot=len(text) - 1 - place in dots) for place, c in digits)


def _digit(place: int, character: str, *, dot: bool) -> bytes:
    code = ord(character.upper())
    shown = code - 0x40 if 0x40 <= code < 0x60 else code & 0x3F
    return bytes((0xB0, 64 + place, shown | (0x40 if dot else 0)))


def press(button: int) -> tuple[bytes, bytes]:
    """Return what a button sends when it is pressed and let go."""
    return bytes((0x90, button, 127)), bytes((0x90, button, 0))


def response(challenge: bytes) -> bytes:
    """Return the four bytes by which a host proves that it is one, for a device's challenge."""
    a, b, c, d = challenge
    return bytes(
        (
            0x7F & (a + (b ^ 0x0A) - d),
            0x7F & ((c >> 4) ^ (a + d)),
            0x7F & ((d - (c << 2)) ^ (a | b)),
            0x7F & (b - c + (0xF0 ^ (d << 4))),
        )
    )
