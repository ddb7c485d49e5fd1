"""sherpa-onnx: Piper, Kokoro, Kitten, Matcha, pocket voices without PyTorch; the practical choice on small machines."""

from __future__ import annotations

from engine.params import ParamSpec
from engine.voices.backends.neural import NeuralBackend
from engine.voices.base import Abilities, Text

BACKEND = NeuralBackend(
    name="sherpa",
    module="engine.voices.backends.sherpa_voice",
    settings={
        "model": Text(kind="a model: its name, its hub id, or a folder", default="piper-en-joe"),
        "revision": Text(kind="a revision of the model: a commit of the hub"),
        "speaker": ParamSpec(low=0.0, high=10_000.0, default=0.0),
        "speed": ParamSpec(low=0.25, high=4.0, default=1.0),
        "sample": Text(kind="an audio file of the voice to clone, for a pocket model", file=True),
        "language": Text(kind="the code of what a model of several languages speaks"),
    },
    libraries=("sherpa-onnx",),
    files=("sample",),
    abilities=Abilities(speed="speed"),
    extra="sherpa",
    revision="2",
)
