"""Models that transformers turns into a waveform, one row each: VITS, CSM, SpeechT5, FastSpeech2, Bark, Dia …"""

from __future__ import annotations

from collections.abc import Mapping

from engine.params import ParamSpec
from engine.voices.backends.neural import COMMON, NeuralBackend
from engine.voices.base import Abilities, Setting, Text

MODULE = "engine.voices.backends.waveform_voice"
LONGEST = 240
"""Characters in one go: these models speak a sentence or two well, and lose their way in more."""
ABILITIES = Abilities(chance=True, longest=LONGEST)


def _row(
    family: str,
    default: str,
    *,
    more: Mapping[str, Setting] | None = None,
    files: tuple[str, ...] = (),
    abilities: Abilities = ABILITIES,
) -> NeuralBackend:
    settings = {
        **COMMON,
        "model": Text(kind="a model: its name, its hub id, or a folder", default=default),
        **(more or {}),
    }
    module = f"{MODULE}:{family}"
    return NeuralBackend(name=family, module=module, settings=settings, files=files, abilities=abilities)


VITS = _row(
    "vits",
    "",  # MMS's weights are not for commercial use: nobody gets them without asking for them
    more={
        "speed": ParamSpec(low=0.25, high=4.0, default=1.0),
        "speaker": ParamSpec(low=0.0, high=10_000.0, default=0.0),
    },
    abilities=Abilities(speed="speed", chance=True, longest=LONGEST),
)
CSM = _row("csm", "csm-1b", more={"speaker": ParamSpec(low=0.0, high=9.0, default=0.0)})
SPEECHT5 = _row(
    "speecht5",
    "speecht5",
    more={
        "vocoder": Text(kind="the folder or hub id of the vocoder", default="speecht5-vocoder"),
        "speaker": Text(kind="a .npy file with the speaker's x-vector", file=True),
    },
    files=("speaker",),
)
FASTSPEECH2 = _row("fastspeech2", "fastspeech2")
BARK = _row("bark", "bark", more={"speaker": Text(kind="a voice preset of Bark, v2/en_speaker_6 for one")})
DIA = _row(
    "dia",
    "dia-1.6b",
    more={"temperature": ParamSpec(low=0.0, high=2.0, default=1.3)},
    abilities=Abilities(temperature="temperature", chance=True, longest=LONGEST),
)
VIBEVOICE = _row(
    "vibevoice",
    "vibevoice-1.5b",
    more={
        "sample": Text(kind="an audio file of the voice to clone", file=True),
        "flow_steps": ParamSpec(low=1.0, high=100.0, default=10.0),
    },
    files=("sample",),
)
ANY = _row("transformers", "")
