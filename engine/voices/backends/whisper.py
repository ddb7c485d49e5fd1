"""Whisper through transformers: what is said in a recording, in any of some hundred languages, with word times."""

from __future__ import annotations

from engine.voices.backends.neural import COMMON, NeuralBackend
from engine.voices.base import Abilities, Text

BACKEND = NeuralBackend(
    name="whisper",
    module="engine.voices.backends.whisper_listener",
    settings={**COMMON, "model": Text(kind="a model: its name, its hub id, or a folder", default="whisper-small")},
    abilities=Abilities(),
)
