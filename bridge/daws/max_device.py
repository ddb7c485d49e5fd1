"""Max for Live's devices: a patcher, which is text, in the container that Live wants around it."""

from __future__ import annotations

import struct

_MIDI_EFFECT = b"mmmm"


def midi_effect(patcher: bytes) -> bytes:
    """Return the file of a MIDI effect (.amxd) whose patch is ``patcher``, as Max saves it (.maxpat)."""
    text = patcher + b"\0"
    return (
        b"ampf" + struct.pack("<I", 4) + _MIDI_EFFECT
        + b"meta" + struct.pack("<II", 4, 0)
        + b"ptch" + struct.pack("<I", len(text)) + text
    )  # fmt: skip
