"""The registry of backends: a new way to speak is one file and one row here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from engine.errors import UnknownThing
from engine.voices.base import Backend
from engine.voices.listener import ListenerBackend

BACKENDS: dict[str, str] = {
    "espeak": "engine.voices.backends.espeak",
    "flite": "engine.voices.backends.flite",
    "pocket": "engine.voices.backends.pocket",
    "vits": "engine.voices.backends.waveform:VITS",
    "csm": "engine.voices.backends.waveform:CSM",
    "speecht5": "engine.voices.backends.waveform:SPEECHT5",
    "fastspeech2": "engine.voices.backends.waveform:FASTSPEECH2",
    "bark": "engine.voices.backends.waveform:BARK",
    "dia": "engine.voices.backends.waveform:DIA",
    "vibevoice": "engine.voices.backends.waveform:VIBEVOICE",
    "sherpa": "engine.voices.backends.sherpa",
    "remote": "engine.voices.backends.remote",
    "python": "engine.voices.backends.interpreter",
    "mlx": "engine.voices.backends.interpreter:MLX",
    "transformers": "engine.voices.backends.waveform:ANY",
}
"""Name in presets → module, and what in it is the backend (``BACKEND`` unless said)."""

LISTENERS: dict[str, str] = {
    "whisper": "engine.voices.backends.whisper",
}
"""The same of those that hear."""


@cache
def backend(name: str) -> Backend:
    """Return the backend ``name``; its module is imported now, its library only when a voice is opened."""
    if name not in BACKENDS:
        raise UnknownThing("voice backend", name, BACKENDS)
    return cast(Backend, _row(BACKENDS[name]))


@cache
def listener(name: str) -> ListenerBackend:
    """Return the listener ``name``, as ``backend`` does."""
    if name not in LISTENERS:
        raise UnknownThing("listener", name, LISTENERS)
    return cast(ListenerBackend, _row(LISTENERS[name]))


def _row(place: str) -> object:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute or "BACKEND")
