"""Endless encoders: what their values mean as steps, in every encoding that devices are known to send."""

from __future__ import annotations

from typing import Literal, get_args

Encoding = Literal["twos", "offset", "sign", "sign-up", "direction"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)


def steps(encoding: Encoding, value: int) -> int:
    """Return how far an encoder was turned, clockwise above 0, for a controller's 0 to 127.

    twos: 1 up, 127 down (two's complement). offset: 65 up, 63 down. sign: bit 6 says down, 1 up, 65 down (Mackie).
    sign-up: bit 6 says up, 65 up, 1 down. direction: one step a message, 64 and above up, below it down.
    """
    match encoding:
        case "twos":
            return value - 128 if value >= 64 else value
        case "offset":
            return value - 64
        case "sign":
            return -(value & 0x3F) if value & 0x40 else value
        case "sign-up":
            return value & 0x3F if value & 0x40 else -value
        case "direction":
            return 1 if value >= 64 else -1
