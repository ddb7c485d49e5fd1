"""The digest of a take: of everything that shapes its sound."""

from __future__ import annotations

import hashlib

import msgspec

from engine.story.model import Line
from engine.voices.direction import direct
from engine.voices.preset import Preset
from engine.voices.registry import backend

PIPELINE = 2
"""Changes when what happens after the backend (resampling, effects, gain) makes another sound of the same speech."""


def digest(line: Line, preset: Preset, sample_rate: int, seed: int = 0) -> str:
    """Return 40 hexadecimal digits: equal for two takes only if they are the same line, spoken the same way."""
    speaker = backend(preset.backend)
    direction = direct(line, preset)
    shape: dict[str, object] = {
        "pipeline": PIPELINE,
        "text": line.text,
        "voice": preset.id,
        "backend": preset.backend,
        "version": speaker.version(),
        "settings": direction.preset.settings,
        "language": preset.language,
        "tone": direction.tone,
        "pronounce": line.pronounce,
        "effects": preset.effects,
        "gain_db": preset.gain_db,
        "sample_rate": sample_rate,
        "seed": seed,
        "files": speaker.fingerprint(direction.preset.settings),
    }
    if line.delivery.seconds is not None:
        shape["seconds"] = line.delivery.seconds
    return hashlib.sha256(msgspec.json.encode(shape, order="deterministic")).hexdigest()[:40]
