"""A voice preset: backend, settings and effects under one id."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.errors import EngineError, UnknownThing
from engine.mixer.effects import check_effects
from engine.params import ParamSpec
from engine.story.model import Effect
from engine.voices.base import Settings
from engine.voices.registry import backend

GAIN = ParamSpec(low=-60.0, high=36.0, default=0.0, unit="dB")


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that makes a voice sound as it does.

    settings: complete, defaults filled in. effects: rendered into every take. gain_db: after the effects, so that
    presets are about equally loud. about: one sentence for lists.
    """

    id: str
    name: str
    backend: str
    settings: Settings
    effects: tuple[Effect, ...] = ()
    gain_db: float = 0.0
    about: str = ""


class Problem(Exception):
    """What is wrong with a preset, and under which key of it."""

    def __init__(self, path: tuple[str | int, ...], error: EngineError) -> None:
        super().__init__(str(error))
        self.path = path


def complete_settings(backend_name: str, settings: Mapping[str, object]) -> Settings:
    """Return ``settings`` checked and with the backend's defaults; Problem says which one is wrong."""
    table = backend(backend_name).settings
    for name in settings:
        if name not in table:
            raise Problem(("settings", name), UnknownThing(f"setting of {backend_name}", name, table))
    complete: Settings = {}
    for name, spec in table.items():
        try:
            complete[name] = spec.check(settings.get(name, spec.default), name)
        except EngineError as error:
            raise Problem(("settings", name), error) from error
    return complete


def checked_effects(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Return ``effects`` checked against the table of effects, those that can't run live included."""
    for index, effect in enumerate(effects):
        try:
            check_effects((effect,), "effects", live=False)
        except EngineError as error:
            raise Problem(("effects", index), error) from error
    return effects
