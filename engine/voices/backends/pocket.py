"""pocket_tts: a cloning voice of 100 million parameters that streams on a CPU; Phonon speaks through the same loop."""

from __future__ import annotations

from engine.params import ParamSpec
from engine.voices.backends.neural import COMMON, NeuralBackend
from engine.voices.base import Abilities, Text

SETTINGS = {
    **COMMON,
    "model": Text(kind="a model: its name, its hub id, or a folder", default="pocket-tts"),
    "sample": Text(kind="an audio file of the voice to clone, 5 to 20 seconds", file=True),
    "speaker": Text(kind="a speaker that the model ships, by its name"),
    "temperature": ParamSpec(low=0.0, high=2.0, default=0.7),
    "flow_steps": ParamSpec(low=1.0, high=16.0, default=1.0),
    "eos_threshold": ParamSpec(low=-20.0, high=1000.0, default=-4.0),
}
"""eos_threshold: how sure the model has to be that the line has ended; above 100 it speaks until the longest it may."""

BACKEND = NeuralBackend(
    name="pocket",
    module="engine.voices.backends.pocket_voice",
    settings=SETTINGS,
    lines=8,
    graphics_lines=32,
    files=("sample",),
    abilities=Abilities(temperature="temperature", chance=True),
)
