"""File names: what a track or clip is called on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_NAME_CHARS = 60
"""Of a name's own part: numbers, endings and a folder's path still have room."""

_FORBIDDEN = re.compile(r"[<>:\"/\\|?*\x00-\x1f\x7f\s]+")
_DEVICE_NAMES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def file_name(name: str, fallback: str = "untitled") -> str:
    """Return ``name`` as part of a file name that Linux, macOS and Windows all take; never empty."""
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name))
    clean = "".join(c for c in clean if unicodedata.category(c)[0] != "C")
    clean = clean[:MAX_NAME_CHARS].strip("._ ")
    return f"{clean}_" if clean.lower() in _DEVICE_NAMES else clean or fallback


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``names`` with those that a system ignoring case would confuse told apart by ``_2``, ``_3`` …"""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return tuple(result)
