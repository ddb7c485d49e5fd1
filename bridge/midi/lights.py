"""Lights: what a slot's state looks like on a pad, in the bytes of each family of devices."""

from __future__ import annotations

from typing import Literal, get_args

Family = Literal["off", "note", "launchpad", "apc-mini", "apc-mini-mk2", "push"]
FAMILIES: tuple[Family, ...] = get_args(Family)

Look = Literal["off", "empty", "queued", "rendering", "ready", "standby", "playing", "failed", "muted"]
LOOKS: tuple[Look, ...] = get_args(Look)
"""off: there is no such slot. standby: what GO fires next. The others are the slot's own states."""

# Each look is a channel (1 to 16) and a velocity. Colours: queued and rendering amber, ready dim green, playing bright
# green, standby white, failed red, muted blue; what works or fails pulses or flashes where the device can.
_Table = dict[Look, tuple[int, int]]

_NOTE: _Table = {
    "off": (1, 0), "empty": (1, 0), "queued": (1, 1), "rendering": (1, 1), "ready": (1, 64), "standby": (1, 96),
    "playing": (1, 127), "failed": (1, 2), "muted": (1, 1),
}  # fmt: skip
_LAUNCHPAD: _Table = {  # channel 1 static, 2 flashing, 3 pulsing; velocity is the palette's index
    "off": (1, 0), "empty": (1, 0), "queued": (1, 11), "rendering": (3, 9), "ready": (1, 23), "standby": (1, 3),
    "playing": (3, 21), "failed": (2, 5), "muted": (1, 45),
}  # fmt: skip
_APC_MINI: _Table = {  # 1 green, 2 green blinking, 3 red, 4 red blinking, 5 yellow, 6 yellow blinking
    "off": (1, 0), "empty": (1, 0), "queued": (1, 5), "rendering": (1, 6), "ready": (1, 1), "standby": (1, 5),
    "playing": (1, 2), "failed": (1, 4), "muted": (1, 3),
}  # fmt: skip
_APC_MINI_MK2: _Table = {  # channels 1 to 7 brightness, 8 to 11 pulsing, 12 to 16 blinking; palette as the Launchpad's
    "off": (7, 0), "empty": (7, 0), "queued": (7, 11), "rendering": (10, 9), "ready": (2, 21), "standby": (7, 3),
    "playing": (10, 21), "failed": (15, 5), "muted": (7, 45),
}  # fmt: skip
_PUSH: _Table = {  # channel 1 static, 7 to 11 pulsing, 12 to 16 blinking; the palette's fixed end: 122 white … 127 red
    "off": (1, 0), "empty": (1, 0), "queued": (1, 3), "rendering": (10, 3), "ready": (1, 124), "standby": (1, 122),
    "playing": (10, 126), "failed": (15, 127), "muted": (1, 125),
}  # fmt: skip
_TABLES: dict[Family, _Table] = {
    "note": _NOTE, "launchpad": _LAUNCHPAD, "apc-mini": _APC_MINI, "apc-mini-mk2": _APC_MINI_MK2, "push": _PUSH,
}  # fmt: skip


def pad_light(family: Family, note: int, look: Look, channel: int = 1) -> bytes | None:
    """Return what lights a pad; None: the family has no lights. channel: for ``note``, the others have theirs."""
    table = _TABLES.get(family)
    if table is None:
        return None
    at, velocity = table[look]
    if family == "note":
        at = channel
    return bytes((0x90 | at - 1, note, velocity))
