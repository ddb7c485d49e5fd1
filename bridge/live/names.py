"""What a clip or a scene of that name fires: ``cue 12``, ``cue 12 hold``, ``slot desk 3``, ``snapshot dark``."""

from __future__ import annotations

import re

_CUE = re.compile(r"\s*cue[\s:]+([\w.-]+)(\s+hold)?\s*(?:\|.*)?", re.IGNORECASE)
_SLOT = re.compile(r"\s*slot[\s:]+([\w-]+)\s+(\d+)\s*(?:\|.*)?", re.IGNORECASE)
_SNAPSHOT = re.compile(r"\s*snapshot[\s:]+([\w-]+)\s*(?:\|.*)?", re.IGNORECASE)

COLOURS = {
    "red": 0xFF3636, "orange": 0xFF9632, "yellow": 0xFFF034, "green": 0x3DC300, "cyan": 0x19E9FF, "blue": 0x10A4EE,
    "purple": 0x886CE4, "pink": 0xE553A0, "brown": 0xA34B00, "grey": 0xA9A9A9, "white": 0xFFFFFF,
}  # fmt: skip
"""The colours of cues as Live takes them: it chooses the nearest of its palette."""


def fires(name):
    """Return the addresses that a name fires at its start and at its end, None where there is nothing."""
    cue = _CUE.fullmatch(name)
    if cue:
        return f"/cue/{cue[1]}/go", f"/cue/{cue[1]}/stop" if cue[2] else None
    slot = _SLOT.fullmatch(name)
    if slot:
        return f"/slot/{slot[1]}/{slot[2]}/trigger", f"/slot/{slot[1]}/{slot[2]}/release"
    snapshot = _SNAPSHOT.fullmatch(name)
    if snapshot:
        return f"/snapshot/{snapshot[1]}/recall", None
    return None, None


def cue_of(name):
    """Return the cue that a name is about, or None."""
    cue = _CUE.fullmatch(name)
    return cue[1] if cue else None


def with_title(name, title):
    """Return a name that tells its cue's name behind a bar: ``cue 12 | The storm``."""
    bare, title = name.split("|")[0].strip(), " ".join(title.split())
    return f"{bare} | {title}" if title else bare
