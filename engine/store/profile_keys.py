"""What of a profile can be changed once it is made, key by key: all but its samples and the note of consent."""

from __future__ import annotations

from msgspec.structs import replace

from engine.errors import BadRange, UnknownThing
from engine.params import ParamSpec
from engine.store.kept_profile import Effects, Profile
from engine.voices.catalog import read_preset
from engine.voices.registry import backend

KEYS = ("name", "language", "backend", "effects")
SETTINGS = "settings."
_OF_SAMPLES = ("sample", "sample_text")
"""Settings that the samples themselves give."""


def with_key(profile: Profile, key: str, value: str) -> Profile:
    """Return a profile with another value. value: as a preset writes it; "": the default. Raises EngineError."""
    if key == "name":
        return replace(profile, name=value.strip() or profile.id)
    if key == "language":
        return replace(profile, language=value.strip())
    if key == "backend":
        return replace(profile, backend=value.strip())
    if key == "effects":
        return replace(profile, effects=effects_of(value))
    return _with_setting(profile, key, value.strip())


def with_text(profile: Profile, number: int, text: str) -> Profile:
    """Return a profile with what is said in one of its samples. Raises UnknownThing."""
    if not 1 <= number <= len(profile.samples):
        raise UnknownThing(f"sample of {profile.id}", number, range(1, len(profile.samples) + 1))
    samples = (replace(s, text=text.strip()) if s.number == number else s for s in profile.samples)
    return replace(profile, samples=tuple(samples))


def effects_of(told: str) -> Effects:
    """Return effects as a preset's list has them: ``highpass: {cutoff_hz: 80}, gain``. Raises VoiceError, BadRange."""
    if not told.strip():
        return []
    listed = told if told.lstrip().startswith("[") else f"[{told}]"
    effects = read_preset(f"kind: voice\nversion: 1\neffects: {listed}\n", "profile", "effects").effects
    if any(effect.bypass for effect in effects):
        raise BadRange("an effect of a profile is there or not: leave its bypass out")
    return [{effect.effect: dict(effect.params)} for effect in effects]


def effects_text(effects: Effects) -> str:
    """Return effects as ``effects_of`` reads them."""
    return ", ".join(_effect_text(name, params) for effect in effects for name, params in effect.items())


def settings_text(profile: Profile) -> str:
    """Return what a profile sets of its backend's settings."""
    return ", ".join(f"{name}: {_number_text(value)}" for name, value in profile.settings.items())


def _effect_text(name: str, params: dict[str, float]) -> str:
    inside = ", ".join(f"{key}: {_number_text(value)}" for key, value in params.items())
    return f"{name}: {{{inside}}}" if inside else name


def _number_text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


def _with_setting(profile: Profile, key: str, value: str) -> Profile:
    table = backend(profile.backend).settings
    known = [f"{SETTINGS}{name}" for name in table if name not in _OF_SAMPLES]
    if key not in known:
        raise UnknownThing("key of a profile", key, (*KEYS, *known))
    name = key.removeprefix(SETTINGS)
    settings = {other: kept for other, kept in profile.settings.items() if other != name}
    if value:
        settings[name] = _number(value, key) if isinstance(table[name], ParamSpec) else value
    return replace(profile, settings=settings)


def _number(value: str, key: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise BadRange(f"{key}: expected a number, got {value[:100]!r}") from error
