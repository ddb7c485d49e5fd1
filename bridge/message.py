"""Messages: an address and its values, whichever wire they came by; time tags as exact as OSC sends them."""

from __future__ import annotations

import msgspec

NTP_DELTA_SECONDS = 2_208_988_800
"""From 1900 (NTP) to 1970 (Unix)."""

_ERA = 1 << 64
_HALF = 1 << 63


class TimeTag(msgspec.Struct, frozen=True):
    """A 64-bit NTP time: seconds since 1900 in the upper half, fractions of 2**-32 s in the lower."""

    ntp: int

    @classmethod
    def from_unix(cls, seconds: float) -> TimeTag:
        """Return the tag of a Unix time; after February 2036 it wraps, as NTP does."""
        whole = int(seconds // 1.0)
        fraction = round((seconds - whole) * (1 << 32))
        return cls((((whole + NTP_DELTA_SECONDS) << 32) + fraction) % _ERA)

    @property
    def immediate(self) -> bool:
        """Whether it means "now": 1 by the specification, 0 by those who leave it empty."""
        return self.ntp <= 1

    @property
    def unix(self) -> float:
        """Unix seconds, the nearest double; tags with a clear top bit lie after the wrap of 2036."""
        era = 0 if self.ntp & _HALF else _ERA
        return (self.ntp + era - (NTP_DELTA_SECONDS << 32)) / (1 << 32)


IMMEDIATELY = TimeTag(1)


class Double(float):
    """A float that travels as 64 bits (OSC ``d``); plain floats travel as 32."""


Value = float | int | str | bool | bytes | TimeTag | None
"""One OSC argument. ``Double`` is a float, arrays come as lists inside ``Message.args`` and fit no row."""


class Message(msgspec.Struct, frozen=True):
    """One OSC message. args: Values; an array is a list."""

    address: str
    args: tuple[object, ...] = ()


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that belong to one moment; nested bundles are flattened into several of these.

    frame: the engine frame of the tag, where the wire knows it exactly. at_once: the mixer is given it now, and keeps
    that frame itself, whatever the time is.
    """

    tag: TimeTag
    messages: tuple[Message, ...]
    frame: int | None = None
    at_once: bool = False
