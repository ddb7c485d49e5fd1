"""The registry of backends: a new way to speak is one file and one row here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from engine.errors import UnknownThing
from engine.voices.base import Backend

BACKENDS: dict[str, str] = {
    "espeak": "engine.voices.backends.espeak",
    "pocket": "engine.voices.backends.pocket",
}
"""Name in presets → module that has a ``BACKEND``."""


@cache
def backend(name: str) -> Backend:
    """Return the backend ``name``; its module is imported now, its library only when a voice is opened."""
    if name not in BACKENDS:
        raise UnknownThing("voice backend", name, BACKENDS)
    return cast(Backend, import_module(BACKENDS[name]).BACKEND)
