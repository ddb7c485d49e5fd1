"""A voice preset: backend, settings and effects under one id."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.errors import UnknownThing
from engine.params import ParamSpec
from engine.story.model import Effect
from engine.voices.base import Settings
from engine.voices.registry import LISTENERS, backend, listener

PRESET_GAIN = ParamSpec(low=-60.0, high=36.0, default=0.0, unit="dB")


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that makes a voice sound as it does.

    settings: complete, defaults filled in. effects: rendered into every take. gain_db: after the effects, so that
    presets are about equally loud. about: one sentence for lists. language: the code of what it speaks, where no
    setting says so.
    """

    id: str
    name: str
    backend: str
    settings: Settings
    effects: tuple[Effect, ...] = ()
    gain_db: float = 0.0
    about: str = ""
    language: str = ""


def model_of(preset: Preset) -> str:
    """Return the key of the model that ``preset`` speaks with, empty for none."""
    return backend(preset.backend).model(preset.settings)


def ears(settings: Mapping[str, object], name: str = "whisper") -> Preset:
    """Return what listens, as a preset: ``settings`` checked and with defaults. Raises EngineError."""
    return Preset(id=name, name=name, backend=name, settings=complete_settings(name, settings))


def complete_settings(backend_name: str, settings: Mapping[str, object]) -> Settings:
    """Return ``settings`` checked and with the backend's defaults; the error names the setting and what is allowed."""
    table = (listener(backend_name) if backend_name in LISTENERS else backend(backend_name)).settings
    for name in settings:
        if name not in table:
            raise UnknownThing(f"setting of {backend_name}", name, table)
    return {name: spec.check(settings.get(name, spec.default), name) for name, spec in table.items()}
