"""Direction: what a line asks of its voice, as settings of that voice and as what is done to its sound afterwards."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from engine.errors import EngineError, VoiceError
from engine.params import SEED, SEMITONES, SPEED, ParamSpec
from engine.speech.parts import Tone
from engine.speech.script import Reading
from engine.speech.split import language_code
from engine.story.model import Delivery, Line
from engine.voices.base import Abilities, Settings
from engine.voices.preset import Preset
from engine.voices.registry import backend


class Direction(msgspec.Struct, frozen=True, kw_only=True):
    """How a line is performed. preset: its settings as the line wants them. tone: what the voice can't do itself.

    notes: what makes no difference, for people.
    """

    preset: Preset
    tone: Tone = Tone()
    notes: tuple[str, ...] = ()


def direct(line: Line, preset: Preset) -> Direction:
    """Return how ``preset`` performs ``line``. Raises VoiceError, BadRange for what its backend can't do."""
    delivery = line.delivery
    if delivery == Delivery():
        return Direction(preset=preset)
    abilities = backend(preset.backend).abilities
    settings = dict(preset.settings)
    _refuse(delivery, abilities, preset)
    tone = Tone(
        speed=_speed(SPEED.check(delivery.speed, "speed"), abilities.speed, settings, preset),
        pitch_semitones=SEMITONES.check(delivery.pitch_semitones, "pitch"),
    )
    if delivery.temperature is not None:
        settings[abilities.temperature] = _checked(preset, abilities.temperature, delivery.temperature)
    if delivery.instruct:
        settings[abilities.instruct] = _checked(preset, abilities.instruct, delivery.instruct)
    notes: tuple[str, ...] = ()
    if SEED.check(delivery.seed, "seed") and not abilities.chance:
        notes = (f"voice {preset.id!r} draws nothing by chance: its seed makes no difference",)
    return Direction(preset=replace(preset, settings=settings), tone=tone, notes=notes)


def reading_of(preset: Preset, abilities: Abilities) -> Reading:
    """Return how the voice of ``preset`` reads a text. abilities: its backend's."""
    return Reading(
        phonemes=abilities.phonemes,
        emphasis=abilities.emphasis,
        longest=abilities.longest,
        language=language_of(preset),
    )


def language_of(preset: Preset) -> str:
    """Return the code of the language that ``preset`` speaks; English where nothing says."""
    return language_code(preset.language or str(preset.settings.get("language", "")))


def _refuse(delivery: Delivery, abilities: Abilities, preset: Preset) -> None:
    lacking = [
        name
        for name, wanted, able in (
            ("temperature", delivery.temperature is not None, abilities.temperature),
            ("instruct", bool(delivery.instruct), abilities.instruct),
        )
        if wanted and not able
    ]
    if lacking:
        able = ["speed", "pitch", "seed", *(n for n in ("temperature", "instruct") if getattr(abilities, n))]
        raise VoiceError(
            f"voice {preset.id!r} ({preset.backend}) knows no {' and no '.join(lacking)}; a line of it may have "
            f"{', '.join(able)}"
        )


def _speed(speed: float, name: str, settings: Settings, preset: Preset) -> float:
    """Have the voice be as fast as it can be told to; return what is left to do."""
    spec = backend(preset.backend).settings.get(name)
    if speed == 1.0 or not isinstance(spec, ParamSpec):
        return speed
    own = float(settings[name])
    settings[name] = min(spec.high, max(spec.low, own * speed))
    return own * speed / float(settings[name])


def _checked(preset: Preset, name: str, value: float | str) -> float | str:
    try:
        return backend(preset.backend).settings[name].check(value, name)
    except EngineError as error:
        raise VoiceError(f"voice {preset.id!r}: {error}") from error
